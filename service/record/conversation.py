"""The conversation that an exchange is a part of, and the words of it that are searched and shown in a list.

Nothing here raises, whatever stands in a line: other programs write requests.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import orjson

from service.json_writing import write_json
from service.record.bodies import first_document, gap_in
from service.record.characters import IN_LISTS, code_points
from service.record.chat_messages import ChatMessage, ToolCall, calls_of, tools_of, turns_of
from service.record.operations import ANSWERED_IN_VECTORS, WITH_MESSAGES
from service.record.payloads import without_payloads
from service.record.plain_messages import plain_messages
from service.record.question import newest_question, payload_in_words, with_typed
from service.record.record import Record
from service.record.request_fields import with_known_names
from service.record.surrogates import storable

__all__ = (
    "SEARCHABLE_CHARACTERS",
    "ChatMessage",
    "Conversation",
    "ToolCall",
    "WordsInLine",
    "opening",
    "read_conversation",
    "searchable",
    "words_in_line",
)

SEARCHABLE_CHARACTERS = 32_768
"""How much of a prompt, and of an answer, can be found again: both ends of a longer one."""

_SAID_IN_TURNS = frozenset(
    (
        *("messages", "input", "prompt", "suffix", "system", "instructions", "template", "images", "image"),
        *("tools", "functions"),
    )
)
_ANSWER = ("response_text", "thinking", "tool_calls", "error")
# What is searched beside the messages of a chat.
_BESIDE_MESSAGES = frozenset(("template", "system", "instructions", "tools", "functions"))
_REPLACED = re.compile(r"<(?:[a-z]{1,40} \d{1,15} bytes(?: sha256:|, not whole>)|\d{1,15} numbers>)")
_FILE_IN_FORM = re.compile(r"<(?:audio|video|image|data) \d{1,15} bytes[^<>]{0,100}>")
_PICTURE = re.compile(r"<image \d{1,15} bytes(?: sha256:[0-9a-f]{64}|, not whole)>")
_NUMBERS = re.compile(r"<(\d{1,15}) numbers>")
# orjson writes what is nested 254 levels deep; who shows a conversation puts it into something.
_DEEP, _ROOM = 200, 16
_DISTURBING = dict.fromkeys(code_points(IN_LISTS), " ")
# A lone surrogate has the group; pairs and all other escapes are passed over as a whole.
_ANY_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/])|[bfnrt])')


@dataclass(frozen=True, slots=True)
class Conversation:
    """What came before, and the ``answer`` (None: there was none, or none that is text).

    ``tools`` are those that the request offers, as they were sent; ``parameters`` all else that it asks for, such
    as ``model``, ``options`` and ``format``. ``is_whole`` tells that neither prompt nor answer was shortened and
    that nothing in them was replaced, as images and other payloads are in every record (masked secrets aside).
    ``has_unread``: beside the ``answer`` stands something that no field tells, kept as it came; it is not whole then.
    """

    turns: tuple[ChatMessage, ...]
    answer: ChatMessage | None
    tools: tuple[dict[str, Any], ...]
    parameters: dict[str, Any]
    is_whole: bool
    has_unread: bool = False

    def as_json_object(self) -> dict[str, Any]:
        """All of it by these names, as JSON holds it; None is what is unknown."""
        values = asdict(self)
        # Tuples with names stay tuples in there.
        values["turns"] = tuple(turn._asdict() for turn in values["turns"])
        values["answer"] = values["answer"] and values["answer"]._asdict()
        return values


class WordsInLine(NamedTuple):
    """The object that a request is (empty: it is none), its turns, and the answer (None: none that is words)."""

    request: dict[str, Any]
    turns: tuple[ChatMessage, ...]
    answer: ChatMessage | None


def read_conversation(record: Record, request: bytes) -> Conversation:
    """The conversation of ``record``. ``request``: the kept bytes (empty: what stands in the line is taken).

    Never raises, and what it gives can be written as JSON: a request that is nested too deeply for that is one turn
    of the role ``request`` with all its text. One that is no JSON object is one of the role ``user``, and not whole.
    """
    body, is_whole = _request(record, request)
    asked, answer = _parsed(body), _answer(record)
    text = "" if isinstance(asked, dict) else body.decode("utf-8", "replace")
    # Bytes beside an answer tell what no field does, unless they lack what our copy does.
    has_unread = bool(answer and record.response_body and not record.response_truncated)
    is_whole = is_whole and not record.response_truncated and not has_unread
    if not _is_shallow(asked, body):
        turn = ChatMessage("request", body.decode("utf-8", "replace"))
        return Conversation((turn,), answer, (), {}, is_whole, has_unread)
    turns = tuple(map(with_typed, _turns(record, asked, text)))
    if not isinstance(asked, dict):
        return Conversation(turns, answer, (), {}, is_whole and not body, has_unread)
    if not _has_messages(record):
        return Conversation((), answer, (), asked, is_whole, has_unread)
    parameters = {key: value for key, value in asked.items() if key not in _SAID_IN_TURNS}
    return Conversation(turns, answer, tuple(tools_of(asked)), parameters, is_whole, has_unread)


def searchable(record: Record) -> tuple[str, str]:
    """The (prompt, answer) of a line as text in which words are looked for, each bounded, the answer with its error."""
    answer = [text for text in record.texts(_ANSWER) if text]
    if not answer and _has_messages(record):
        answer = [(record.response_body or "")]
    return _ends(_searched_prompt(record)), _ends("\n".join(answer))


def _searched_prompt(record: Record) -> str:
    text = record.request_body or ""
    asked = _document(text)
    if not isinstance(asked, dict):
        return "" if text.startswith("base64:") else _unescaped(text)
    if not _has_messages(record):
        return "\n".join(value for value in asked.values() if isinstance(value, str))
    is_embedding = record.operation in ANSWERED_IN_VECTORS
    if not is_embedding and (plain := _plain_prompt(asked)) is not None:
        return plain
    pieces: list[str] = []
    for turn in turns_of(asked, is_embedding=is_embedding):
        pieces += (turn.thinking, turn.text) if turn.thinking else (turn.text,)
        for call in turn.tool_calls:
            pieces += (call.name, call.arguments)
    prompt = "\n".join(pieces)
    return _offered(asked, SEARCHABLE_CHARACTERS - len(prompt) - 1) + prompt


def _plain_prompt(asked: dict[str, Any]) -> str | None:
    """The words of a chat of texts only, as most are, without making turns of it; None: they have to be made."""
    if not _BESIDE_MESSAGES.isdisjoint(asked) or (plain := plain_messages(asked.get("messages"))) is None:
        return None
    prompt = "\n".join([text for _, text in plain])
    # What was thought stands apart.
    return None if "<think" in prompt else prompt


def _offered(asked: dict[str, Any], room: int) -> str:
    """How the tools that were offered are described, as far as what was asked leaves ``room``."""
    pieces: list[str] = []
    for tool in tools_of(asked):
        function = tool.get("function")
        words = (function if isinstance(function, dict) else tool).get("description")
        if isinstance(words, str) and words:
            room -= len(words) + 1
            if room <= 0:
                break
            pieces.append(words + "\n")
    return "".join(pieces)


def words_in_line(record: Record) -> WordsInLine:
    """What the line alone tells of request and answer."""
    text = record.request_body or ""
    asked = _document(text)
    return WordsInLine(asked if isinstance(asked, dict) else {}, _turns(record, asked, text), _answer(record))


def opening(record: Record, characters: int = 160) -> tuple[str, str]:
    """The first words of the newest question and of the answer, at most ``characters`` each, on one line."""
    text = record.request_body or ""
    asked = _document(text)
    if record.operation in ANSWERED_IN_VECTORS:
        return _opening_of_embedding(record, asked if isinstance(asked, dict) else {})
    prompt = newest_question(_turns(record, asked, text))
    return _first_words(prompt, characters), _first_words(_opening_of_answer(record), characters)


def _opening_of_answer(record: Record) -> str:
    if (text := (record.response_text or "")) and not text.isspace():
        return _PICTURE.sub(lambda picture: payload_in_words(picture[0]), text) if "<image " in text else text
    if text := (record.tool_calls or ""):
        return ", ".join(f"{call.name}({call.arguments})" for call in _calls(text))
    return record.thinking or ""


def _opening_of_embedding(record: Record, asked: dict[str, Any]) -> tuple[str, str]:
    given = asked.get("input")
    given = asked.get("prompt") if given is None else given
    if given is None:
        return "embedding", ""
    is_one = not isinstance(given, list) or (bool(given) and isinstance(given[0], int))
    count = 1 if is_one else len(given)
    prompt = "embedding of 1 text" if count == 1 else f"embedding of {count:,} texts"
    if record.failed or not count:
        return prompt, ""
    numbers = _NUMBERS.search(record.response_body or "")
    size = int(numbers[1]) if numbers else asked.get("dimensions")
    if type(size) is int and size > 0:
        return prompt, f"{count:,} × {size:,}"
    return prompt, "1 vector" if count == 1 else f"{count:,} vectors"


def _request(record: Record, request: bytes) -> tuple[bytes, bool]:
    """The request without its payloads, and whether it was whole and had none."""
    is_shortened = bool(record.request_truncated)
    if request:
        text = without_payloads(request)
        return text, text is request and not (is_shortened and gap_in(request))
    shown = record.request_body or ""
    is_whole = not is_shortened and bool(shown or not record.request_bytes) and not _REPLACED.search(shown)
    return shown.encode("utf-8", "surrogatepass"), is_whole


def _has_messages(record: Record) -> bool:
    operation = record.operation
    return not operation or operation in WITH_MESSAGES


def _turns(record: Record, asked: Any, text: str) -> tuple[ChatMessage, ...]:
    """The turns of a request: what it was parsed to, and its text for where it is no JSON object."""
    if isinstance(asked, dict):
        return (
            tuple(turns_of(asked, is_embedding=record.operation in ANSWERED_IN_VECTORS))
            if _has_messages(record)
            else ()
        )
    if record.operation == "transcribe":
        file = _FILE_IN_FORM.search(record.request_body or "")
        return (ChatMessage("user", "", images=(file[0] if file else "<audio>",)),)
    return (ChatMessage("user", text),) if text else ()


def _answer(record: Record) -> ChatMessage | None:
    text, thinking, calls = (record.response_text or ""), (record.thinking or ""), record.tool_calls or ""
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
        found = first_document(body)
        if found is not None and b"\\u" in body:
            found = first_document(_ANY_ESCAPE.sub(lambda escape: b"\\" + escape[0] if escape[1] else escape[0], body))
    if isinstance(found, dict):
        return with_known_names(found)
    return found if isinstance(found, list) else None


def _is_shallow(found: Any, body: bytes) -> bool:
    """Whether JSON writers, and ``dataclasses.asdict``, get to the bottom of it."""
    if body.count(b"[") + body.count(b"{") < _DEEP:
        return True
    for _ in range(_ROOM):
        found = [found]
    try:
        write_json(found)
    except TypeError:
        return False
    return True


def _ends(text: str) -> str:
    if len(text) > SEARCHABLE_CHARACTERS:
        half = SEARCHABLE_CHARACTERS // 2
        # The blank keeps the two ends from making a word that nobody wrote.
        text = f"{text[: half - 1]} {text[-half:]}"
    return storable(text)


def _first_words(text: str, characters: int) -> str:
    # Runs of white space shrink, so some more than is shown is looked at; a whole novel is not.
    words = " ".join(storable(text.lstrip()[: characters * 4]).translate(_DISTURBING).split())
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
