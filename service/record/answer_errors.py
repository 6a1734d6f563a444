"""Errors that stand inside answers, in the words of whoever wrote them, and answers that are none.

A status of 200 says nothing once an answer has begun, and a proxy before Ollama may answer in its place.
"""

import re
from html import unescape
from typing import Any, Final

from service.record.bodies import decoded, document, is_like_json
from service.record.exchange import Body
from service.record.json_text import compact

NO_END: Final = "The answer ended without its end marker."
"""The error of an answer that a server ended in its middle without a word."""

RUNNER_GONE: Final = "The answer was broken off: in place of its error Ollama sent an empty piece."
"""The error of a stream of OpenAI's form in which Ollama's own error line was read as an empty piece."""

BROKEN_OFF: Final = "The answer was broken off by the server: it ended with "
NO_ANSWER: Final = "What came is no answer of a model, but "
NOTHING_CAME: Final = f"{NO_ANSWER}nothing at all."
"""The error of an answer without a byte, such as Ollama's to a text model that is asked for an image."""

OWN_WORDS: Final = (NO_END, RUNNER_GONE, BROKEN_OFF, NO_ANSWER)
"""How errors begin that the recorder words: each is a sentence."""

# Where servers put what a person should read, the best first.
_WORDS = ("message", "error", "detail", "errors", "msg", "error_description", "title", "reason", "description")
_MOST_LEVELS = 6
_LONGEST_WORDS = 300
# Of why a model stopped: the end of a call that went wrong, not of an answer.
_BAD_REASON = re.compile(
    r"error|abort|cancel|fail|exception|crash|malformed|timed?_?out|insufficient|interrupt|overload|disconnect",
    re.IGNORECASE,
)
_USUAL_REASONS = frozenset({"stop", "length", "tool_calls", "end_turn", "tool_use", "completed", "load", "unload"})
_PAGE = re.compile(rb"\s{0,200}(?:<\?xml|<!--|<!doctype|<html|<head|<body|<title|<h1|<center)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_NOT_SHOWN = re.compile(r"<(script|style|head)\b|<(!)--", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_PAGE_READ, _MOST_HIDDEN = 20_000, 100


def error_of(value: Any, levels: int = _MOST_LEVELS) -> str | None:
    """The message of an ``error``, in whichever shape: a text, an object or a list of them, or JSON in a text."""
    if isinstance(value, str):
        return _of_text(value, levels) or None
    if isinstance(value, dict) and levels > 0:
        for key in _WORDS:
            if (inner := value.get(key)) and (found := error_of(inner, levels - 1)):
                return found
    if isinstance(value, list) and value and levels > 0 and all(isinstance(one, dict | str) for one in value):
        return "; ".join(found for one in value[:5] if (found := error_of(one, levels - 1)))
    return None if value is None else compact(value)


def _of_text(text: str, levels: int) -> str:
    """``text``, or where it ends with an object of JSON, what stands before that and the words of the object."""
    at = text.find("{")
    if at < 0 or levels <= 0 or not text.rstrip().endswith("}"):
        return text
    inner = document(text[at:].strip().encode("utf-8", "surrogatepass"))
    if not isinstance(inner, dict) or not any(inner.get(key) for key in _WORDS):
        return text
    before = text[:at].rstrip(" :-\n")
    words = error_of(inner, levels - 1) or text
    return f"{before}: {words}" if before else words


def error_in(piece: dict[str, Any]) -> str | None:
    """The error that a piece of an answer is, or has beside other things; None when there is none.

    Some versions of Ollama wrote what went wrong as the key: ``{"error parsing tool call": "…"}``.
    """
    if found := piece.get("error"):
        words, address = error_of(found), piece.get("signin_url")
        return f"{words} ({address})" if isinstance(address, str) and address else words
    if piece.get("object") == "error" or piece.get("type") == "error":
        return error_of(piece)
    for key, value in piece.items():
        if key != "error" and key.lower().startswith("error") and value:
            words = error_of(value) or ""
            return f"{key}: {words}" if " " in key else words
    return None


def error_of_stranger(piece: dict[str, Any]) -> str | None:
    """The words of a piece that has nothing of an answer, but those of a refusal; None where it is something else."""
    if found := error_in(piece):
        return found
    kind = piece.get("type")
    is_error = isinstance(kind, str) and _BAD_REASON.search(kind)
    if is_error or ("type" not in piece and any(isinstance(piece.get(key), str | list) for key in _WORDS)):
        return error_of(piece)
    return None


def error_of_reason(reason: str | None) -> str | None:
    """The error that the reason of an answer's end is; None for an ordinary end."""
    if reason and reason not in _USUAL_REASONS and _BAD_REASON.search(reason):
        return f"{BROKEN_OFF}{reason[:100]!r}."
    return None


def no_answer(body: Body) -> str:
    """What came in place of an answer, in its own words: a page, a text, an object of another program."""
    if not body.length:
        return NOTHING_CAME
    head = body.head[:_PAGE_READ]
    if _PAGE.match(head):
        return f"{NO_ANSWER}a web page: {_words_of_page(decoded(head))}"
    if is_like_json(head):
        found = document(body.head)
        if isinstance(found, dict) and (words := error_of_stranger(found)):
            return words[:_LONGEST_WORDS]
        return f"{NO_ANSWER}{'other JSON' if found is not None else 'broken JSON'}: {_short(decoded(head))}"
    return f"{NO_ANSWER}this: {_short(decoded(head))}"


def is_page(body: Body) -> bool:
    """Whether a body is a web page, whatever its type says."""
    return _PAGE.match(body.head) is not None


def _words_of_page(page: str) -> str:
    title = _TITLE.search(page)
    shown = " ".join(unescape(_TAG.sub(" ", _shown(page))).split())
    words = [" ".join(unescape(title[1]).split())] if title else []
    return _short(" – ".join([*words, *([shown] if shown and shown not in words else [])]) or "without words")


def _shown(page: str) -> str:
    """``page`` without its head, scripts and styles."""
    pieces, at = [], 0
    while hidden := _NOT_SHOWN.search(page, at):
        pieces.append(page[at : hidden.start()])
        close = "-->" if hidden[2] else f"</{hidden[1]}"
        end = page.lower().find(close.lower(), hidden.end()) if len(pieces) < _MOST_HIDDEN else -1
        end = page.find(">", end) if end >= 0 else -1
        at = end + 1 if end >= 0 else len(page)
    return " ".join([*pieces, page[at:]])


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_WORDS else text[: _LONGEST_WORDS - 1] + "…"
