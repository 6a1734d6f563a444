"""A conversation in the form that trainers take: OpenAI's chat messages, in which all three APIs are written alike.

``{"role", "content", "tool_calls"?, "tool_call_id"?, "name"?}``. ``content`` is always a text, ``""`` beside tool
calls: chat templates write a ``null`` out as the word None. Every call has an id and every result names its call.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson

from service.json_writing import write_json
from service.record.conversation import ChatMessage, Conversation, ToolCall
from service.record.json_text import compact
from service.record.tool_calls import parsed_arguments

Message = dict[str, Any]
_DIGEST_BYTES = 16
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "model": "assistant"}
_ROLES |= {"tool": "tool", "function": "tool"}


def messages_of(
    conversation: Conversation, *, drop_system: bool = False, keep_thinking: bool = False, as_objects: bool = False
) -> list[Message]:
    """The turns and the answer of ``conversation`` as messages.

    ``keep_thinking`` adds ``reasoning_content``; ``as_objects`` gives the arguments of calls as objects instead of
    JSON texts. Raises ValueError, with a role or name in its text, for a role that trainers do not know and for
    arguments that are no JSON object.
    """
    turns = [*conversation.turns, *([conversation.answer] if conversation.answer else [])]
    messages: list[Message] = []
    called = 0
    # (id, name) of the calls that no result was seen for
    pending: list[tuple[str, str]] = []
    for turn in turns:
        role = _ROLES.get(turn.role)
        if role is None:
            raise ValueError(f"no trainer knows the role {turn.role!r}")
        if role == "system" and drop_system:
            continue
        message: Message = {"role": role, "content": turn.text}
        if role == "tool":
            _name_call(message, turn, pending)
        if role == "assistant" and turn.thinking and keep_thinking:
            message["reasoning_content"] = turn.thinking
        if role == "assistant" and turn.tool_calls:
            calls = [_called(call, called + at, as_objects) for at, call in enumerate(turn.tool_calls, 1)]
            message["tool_calls"] = calls
            called += len(calls)
            pending = [(call["id"], call["function"]["name"]) for call in calls]
        messages.append(message)
    return _with_joined_answer(messages)


def _called(call: ToolCall, number: int, as_objects: bool) -> dict[str, Any]:
    sent = call.arguments.strip() or "{}"
    found = parsed_arguments(sent)
    if not isinstance(found, dict) or not call.name:
        raise ValueError(f"the arguments of a call of {call.name!r} are no JSON object")
    # Some models encode them twice; trainers expect them once.
    arguments = found if as_objects else compact(found) if sent.startswith('"') else sent
    # Ollama's own API gives calls no ids.
    identifier = call.id or f"call_{number}"
    return {"id": identifier, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _name_call(message: Message, turn: ChatMessage, pending: list[tuple[str, str]]) -> None:
    """Name the call that ``turn`` answers: the call whose id it has, else one of that function, else the oldest."""
    answered = next((call for call in pending if call[0] == turn.tool_call_id), None) if turn.tool_call_id else None
    if answered is None and not turn.tool_call_id:
        answered = next((call for call in pending if call[1] == turn.name), None) if turn.name else None
        answered = answered or next(iter(pending), None)
    if answered:
        pending.remove(answered)
    identifier = turn.tool_call_id or (answered[0] if answered else "")
    name = turn.name or (answered[1] if answered else "")
    if identifier:
        message["tool_call_id"] = identifier
    if name:
        message["name"] = name


def _with_joined_answer(messages: list[Message]) -> list[Message]:
    """An answer that continues what the request began to say for the assistant belongs to the same message."""
    if len(messages) < 2 or messages[-1]["role"] != "assistant" or messages[-2]["role"] != "assistant":
        return messages
    begun, answer = messages[-2:]
    if "tool_calls" in begun:
        return messages
    return [*messages[:-2], answer | {"content": begun["content"] + answer["content"]}]


def tools_of(conversation: Conversation) -> list[dict[str, Any]]:
    """The tools that were offered, in OpenAI's form whichever API they came through; without those of a server."""
    return [tool for offered in conversation.tools if (tool := _tool(offered))]


def _tool(offered: dict[str, Any]) -> dict[str, Any] | None:
    function = offered.get("function")
    if not isinstance(function, dict):
        function = {key: offered[key] for key in ("name", "description", "parameters") if key in offered}
        # Anthropic's word for the same schema.
        if "input_schema" in offered:
            function["parameters"] = offered["input_schema"]
        if "parameters" not in function:
            return None
    return {"type": "function", "function": function} if isinstance(function.get("name"), str) else None


def fingerprints(messages: Sequence[Message], seed: bytes = b"") -> list[bytes]:
    """A digest for each beginning of a conversation that ends with an answer, and for the whole: 16 bytes each.

    A digest is the same in every process and version. White space around texts, ids of calls, thinking and the way in
    which arguments are written do not count: clients change them when they send a conversation again.
    """
    digests, digest = [], seed
    for left, message in zip(range(len(messages) - 1, -1, -1), messages, strict=True):
        role = message["role"]
        parts: list[Any] = [role, message["content"].strip()]
        if calls := message.get("tool_calls"):
            parts += [(call["function"]["name"], _comparable(call["function"]["arguments"])) for call in calls]
        digest += _canonical(parts)
        if not left or role == "assistant":
            digest = blake2b(digest, digest_size=_DIGEST_BYTES).digest()
            digests.append(digest)
    return digests


def conversation_key(messages: Sequence[Message]) -> bytes:
    """A digest that all branches and lengths of one conversation share: that of its first question.

    Sets that are divided by it (for training and for validation) never hold parts of the same conversation. System
    prompts do not count: many hold the date, and the same question on another day would stand in the other set.
    """
    first = next((message for message in messages if message["role"] == "user"), messages[-1] if messages else None)
    return fingerprints([first])[-1] if first else b""


def seed_of(tools: Sequence[dict[str, Any]]) -> bytes:
    """What ``fingerprints`` begins with, so that the same words with other tools are another example."""
    return blake2b(_canonical(tools), digest_size=_DIGEST_BYTES).digest() if tools else b""


def _comparable(arguments: Any) -> Any:
    return parsed_arguments(arguments)


def _canonical(value: Any) -> bytes:
    try:
        return write_json(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Lone surrogates, or deeper than orjson goes; the text of it is as good for a digest.
        return repr(value).encode("utf-8", "backslashreplace")
