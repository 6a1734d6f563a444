"""The conversation that an exchange is a part of, and the words of it that are searched and shown in a list.

Nothing here raises, whatever stands in a line: other programs write requests, and older versions wrote lines.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from service.record.bodies import GAP_MARK, document
from service.record.chat_messages import ChatMessage, ToolCall, calls_of, tools_of, turns_of
from service.record.payloads import without_payloads

__all__ = (
    "SEARCHABLE_CHARACTERS",
    "ChatMessage",
    "Conversation",
    "ToolCall",
    "opening",
    "read_conversation",
    "searchable",
)

SEARCHABLE_CHARACTERS = 32_768
"""How much of a prompt, and of an answer, can be found again: both ends of a longer one."""

_SPOKEN = frozenset({"chat", "generate", "embed", "load", "unload", "transcribe", ""})
_SAID_IN_TURNS = frozenset(("messages", "input", "prompt", "system", "instructions", "images", "tools", "functions"))
_REPLACED = re.compile(r"<(?:[a-z]{1,40} \d{1,15} bytes(?: sha256:|, not whole>)|\d{1,15} numbers>)")
_FILE_IN_FORM = re.compile(r"<(?:audio|video|image|data) \d{1,15} bytes[^<>]{0,100}>")
_PAYLOAD = re.compile(r"<([a-z]{1,40}) (\d{1,15}) bytes")
_NUMBERS = re.compile(r"<(\d{1,15}) numbers>")
# orjson writes what is nested 254 levels deep; who shows a conversation puts it into something.
_DEEP, _ROOM = 200, 16
# Controls, and what changes the direction of writing: in a list they would disturb what stands beside them.
_DISTURBING = dict.fromkeys(
    [*range(32), *range(127, 160), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF], " "
)
# A lone surrogate has the group; pairs and all other escapes are passed over as a whole.
_ANY_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/])|[bfnrt])')


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said before, and the ``answer`` (None: there was none, or none that is text).

    ``tools`` are those that the request offers, as they were sent; ``parameters`` all else that it asks for, such
    as ``model``, ``options`` and ``format``. ``is_whole`` tells that neither prompt nor answer was shortened and
    that nothing in them was replaced, as images and other payloads are in every record (masked secrets aside).
    """

    turns: tuple[ChatMessage, ...]
    answer: ChatMessage | None
    tools: tuple[dict[str, Any], ...]
    parameters: dict[str, Any]
    is_whole: bool


def read_conversation(said: dict[str, Any], request: bytes) -> Conversation:
    """The conversation of a record: ``said`` is its parsed line, ``request`` the kept bytes (empty: those of the line).

    Never raises, and what it gives can be written as JSON: a request that is nested too deeply for that is one turn
    of the role ``request`` with all its text. One that is no JSON object is one of the role ``user``, and not whole.
    """
    body, is_whole = _request(said, request)
    asked, answer = _parsed(body), _answer(said)
    text = "" if isinstance(asked, dict) else body.decode("utf-8", "replace")
    is_whole = is_whole and not said.get("response_truncated")
    if not _is_shallow(asked, body):
        return Conversation((ChatMessage("request", body.decode("utf-8", "replace")),), answer, (), {}, is_whole)
    turns = _turns(said, asked, text)
    if not isinstance(asked, dict):
        return Conversation(turns, answer, (), {}, is_whole and not body)
    if not _is_spoken(said):
        return Conversation((), answer, (), asked, is_whole)
    parameters = {key: value for key, value in asked.items() if key not in _SAID_IN_TURNS}
    return Conversation(turns, answer, tuple(tools_of(asked)), parameters, is_whole)


def searchable(said: dict[str, Any]) -> tuple[str, str]:
    """The (prompt, answer) of a line as text in which words are looked for, each bounded, the answer with its error."""
    answer = [text for key in ("response_text", "thinking", "tool_calls", "error") if (text := _text(said, key))]
    if not answer and _is_spoken(said):
        answer = [_text(said, "response_body")]
    return _ends(_searched_prompt(said)), _ends("\n".join(answer))


def _searched_prompt(said: dict[str, Any]) -> str:
    text = _text(said, "request_body")
    asked = _document(text)
    if not isinstance(asked, dict):
        return "" if text.startswith("base64:") else _unescaped(text)
    if not _is_spoken(said):
        return "\n".join(value for value in asked.values() if isinstance(value, str))
    pieces: list[str] = []
    for turn in turns_of(asked, is_embedding=said.get("operation") == "embed"):
        pieces += (turn.thinking, turn.text) if turn.thinking else (turn.text,)
        for call in turn.tool_calls:
            pieces += (call.name, call.arguments)
    return "\n".join(pieces)


def opening(said: dict[str, Any], characters: int = 160) -> tuple[str, str]:
    """The first words of the newest question and of the answer, at most ``characters`` each, on one line."""
    text = _text(said, "request_body")
    asked = _document(text)
    if said.get("operation") == "embed":
        return _opening_of_embedding(said, asked if isinstance(asked, dict) else {})
    turns = _turns(said, asked, text)
    asker = [turn for turn in turns if turn.role == "user"] or turns
    prompt = next((turn.text or _payloads(turn) for turn in reversed(asker) if turn.text or turn.images), "")
    return _first_words(prompt, characters), _first_words(_opening_of_answer(said), characters)


def _opening_of_answer(said: dict[str, Any]) -> str:
    if (text := _text(said, "response_text")) and not text.isspace():
        return text
    if text := _text(said, "tool_calls"):
        return ", ".join(f"{call.name}({call.arguments})" for call in _calls(text))
    return _text(said, "thinking")


def _opening_of_embedding(said: dict[str, Any], asked: dict[str, Any]) -> tuple[str, str]:
    given = asked.get("input")
    given = asked.get("prompt") if given is None else given
    if given is None:
        return "embedding", ""
    is_one = not isinstance(given, list) or (bool(given) and isinstance(given[0], int))
    count = 1 if is_one else len(given)
    prompt = "embedding of 1 text" if count == 1 else f"embedding of {count:,} texts"
    if said.get("failed") or not count:
        return prompt, ""
    numbers = _NUMBERS.search(_text(said, "response_body"))
    size = int(numbers[1]) if numbers else asked.get("dimensions")
    if type(size) is int and size > 0:
        return prompt, f"{count:,} × {size:,}"
    return prompt, "1 vector" if count == 1 else f"{count:,} vectors"


def _payloads(turn: ChatMessage) -> str:
    return ", ".join(_in_words(image) for image in turn.images[:4])


def _in_words(image: str) -> str:
    known = _PAYLOAD.match(image)
    if known is None:
        return image.strip("<>")
    size = int(known[2])
    return f"{known[1]} of {size / 1e6:,.1f} MB" if size >= 1_000_000 else f"{known[1]} of {max(1, size // 1000)} kB"


def _request(said: dict[str, Any], request: bytes) -> tuple[bytes, bool]:
    """The request without its payloads, and whether it was whole and had none."""
    is_shortened = bool(said.get("request_truncated"))
    if request:
        text = without_payloads(request)
        return text, text is request and not (is_shortened and GAP_MARK.search(request))
    shown = _text(said, "request_body")
    is_whole = not is_shortened and bool(shown or not said.get("request_bytes")) and not _REPLACED.search(shown)
    return shown.encode("utf-8", "surrogatepass"), is_whole


def _is_spoken(said: dict[str, Any]) -> bool:
    operation = said.get("operation", "")
    return isinstance(operation, str) and operation in _SPOKEN


def _turns(said: dict[str, Any], asked: Any, text: str) -> tuple[ChatMessage, ...]:
    """The turns of a request: what it was parsed to, and its text for where it is no JSON object."""
    if isinstance(asked, dict):
        return tuple(turns_of(asked, is_embedding=said.get("operation") == "embed")) if _is_spoken(said) else ()
    if said.get("operation") == "transcribe":
        file = _FILE_IN_FORM.search(_text(said, "request_body"))
        return (ChatMessage("user", "", images=(file[0] if file else "<audio>",)),)
    return (ChatMessage("user", text),) if text else ()


def _answer(said: dict[str, Any]) -> ChatMessage | None:
    text, thinking, calls = _text(said, "response_text"), _text(said, "thinking"), _text(said, "tool_calls")
    if not (text or thinking or calls):
        return None
    return ChatMessage("assistant", text, thinking, _calls(calls))


def _calls(text: str) -> tuple[ToolCall, ...]:
    return (tuple(calls_of(_document(text))) or (ToolCall("", text),)) if text else ()


def _document(text: str) -> Any:
    return _parsed(text.encode("utf-8", "surrogatepass")) if text else None


def _parsed(body: bytes) -> Any:
    """``body`` as JSON, None where it is none; its lone surrogates, which UTF-8 cannot hold, written out."""
    try:
        found = orjson.loads(body)
    except ValueError:
        found = document(body)
        if found is not None and b"\\u" in body:
            found = document(_ANY_ESCAPE.sub(lambda escape: b"\\" + escape[0] if escape[1] else escape[0], body))
    return found if isinstance(found, (dict, list)) else None


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _is_shallow(found: Any, body: bytes) -> bool:
    """Whether JSON writers, and ``dataclasses.asdict``, get to the bottom of it."""
    if body.count(b"[") + body.count(b"{") < _DEEP:
        return True
    for _ in range(_ROOM):
        found = [found]
    try:
        orjson.dumps(found)
    except TypeError:
        return False
    return True


def _ends(text: str) -> str:
    if len(text) > SEARCHABLE_CHARACTERS:
        half = SEARCHABLE_CHARACTERS // 2
        # The blank keeps the two ends from making a word that nobody wrote.
        text = f"{text[: half - 1]} {text[-half:]}"
    return _storable(text)


def _storable(text: str) -> str:
    """Pairs of surrogates joined, lone ones written out: neither files nor pages can hold them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return joined.encode("utf-8", "backslashreplace").decode()
    return text


def _first_words(text: str, characters: int) -> str:
    # Runs of white space shrink, so some more than is shown is looked at; a whole novel is not.
    words = " ".join(_storable(text.lstrip()[: characters * 4]).translate(_DISTURBING).split())
    if len(words) <= characters:
        return words
    cut = words[: characters - 1]
    at_word = cut.rfind(" ")
    return (cut[:at_word] if at_word > characters // 2 else cut).rstrip() + "…"


def _unescaped(text: str) -> str:
    """JSON that cannot be parsed, as text: its escapes would hide the words that they stand in or beside."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else (escape[2] or " "), text)
