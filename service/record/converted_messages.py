"""The messages of a request as Ollama makes them its own: it decides about them when a conversation is too long.

Its chat API of OpenAI's form makes a message of each part of a content, and may leave out all but the last one. Its
other forms write the texts of a content one after another, with nothing between them.
"""

from typing import Any

from service.record.answer_parts import type_of
from service.record.replies import text_of

_TEXTS = frozenset({"text", "input_text", "output_text"})
# Of contents in contents: a message, the result of a tool, and what nobody sends.
_MOST_LEVELS = 20


def as_converted(asked: dict[str, Any], api: str) -> dict[str, Any]:
    """``asked`` with the messages that Ollama makes of it; the same object where they are those that were sent."""
    key = "messages" if isinstance(asked.get("messages"), list) else "input"
    messages, others = asked.get(key), {}
    if api == "anthropic" and isinstance(system := asked.get("system"), list):
        others["system"] = _with_joined_texts(system)
    if api not in ("openai", "anthropic") or not isinstance(messages, list) or not any(map(_has_parts, messages)):
        return asked | others if others else asked
    if key == "messages" and api == "openai":
        return asked | {key: [piece for message in messages for piece in _pieces(message)]}
    return asked | others | {key: [_joined(message) for message in messages]}


def whole_messages(asked: dict[str, Any], api: str, lost: int) -> int | None:
    """How many of the messages that were sent are gone when ``lost`` of Ollama's are, the oldest first; None: none."""
    messages = asked.get("messages")
    if api != "openai" or not isinstance(messages, list):
        return lost
    gone = 0
    for message in messages:
        if isinstance(message, dict) and message.get("role") != "system":
            lost -= len([*_pieces(message)])
            if lost < 0:
                break
            gone += 1
    return gone or None


def _has_parts(message: Any) -> bool:
    return isinstance(message, dict) and (type(message.get("content")) is list or type(message.get("output")) is list)


def _pieces(message: Any) -> list[Any]:
    parts = message.get("content") if isinstance(message, dict) else None
    if not isinstance(parts, list):
        return [message]
    role = message.get("role")
    pieces: list[Any] = [{"role": role, "content": [part]} for part in parts]
    if pieces and message.get("tool_calls"):
        # Calls, and what belongs to them, stand with the last part.
        pieces[-1] = message | {"content": parts[-1:]}
    return pieces


def _joined(message: Any) -> Any:
    if not _has_parts(message):
        return message
    return message | {
        key: _with_joined_texts(parts) for key in ("content", "output") if isinstance(parts := message.get(key), list)
    }


def _with_joined_texts(parts: list[Any], levels: int = _MOST_LEVELS) -> list[Any]:
    """``parts`` with all their texts in the first one that is text, those of the results of tools among themselves."""
    found: list[Any] = []
    texts: list[str] = []
    at = None
    for part in parts:
        if isinstance(part, dict) and type_of(part) in _TEXTS:
            at = len(found) if at is None else at
            texts.append(text_of(part.get("text")) or "")
        elif levels and isinstance(part, dict) and isinstance(inner := part.get("content"), list):
            found.append(part | {"content": _with_joined_texts(inner, levels - 1)})
        else:
            found.append(part)
    if at is not None:
        found.insert(at, {"type": "text", "text": "".join(texts)})
    return found
