"""Reading a model's answer while it streams in, in each of the forms that Ollama speaks."""

import codecs
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Piece:
    """What is new in an answer."""

    text: str = ""
    thinking: str = ""
    error: str = ""


class AnswerReader:
    """Takes the bytes of an answer with this ``content_type`` as they come; nothing in them makes it raise."""

    def __init__(self, content_type: str) -> None:
        self._is_streamed = "ndjson" in content_type or "event-stream" in content_type
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def read(self, body: bytes) -> Piece:
        """What these further bytes say."""
        self._rest += self._decoder.decode(body)
        if not self._is_streamed:
            return Piece()
        *lines, self._rest = self._rest.split("\n")
        return _joined([_of_line(line) for line in lines])

    def end(self) -> Piece:
        """What only the end of the answer tells."""
        rest, self._rest = self._rest, ""
        return _of_line(rest)


def _joined(pieces: list[Piece]) -> Piece:
    return Piece(
        "".join(piece.text for piece in pieces),
        "".join(piece.thinking for piece in pieces),
        next((piece.error for piece in pieces if piece.error), ""),
    )


def _of_line(line: str) -> Piece:
    """A line of NDJSON or of an event stream, or a whole answer; "event: …", "[DONE]" and cut ends say nothing."""
    try:
        said = json.loads(line.removeprefix("data:"))
    except (ValueError, RecursionError):
        return Piece()
    return _of_document(said) if isinstance(said, dict) else Piece()


def _of_document(said: dict[str, Any]) -> Piece:
    error = said.get("error")
    failure = str(error.get("message", "")) if isinstance(error, dict) else error if isinstance(error, str) else ""
    kind = said.get("type")
    if isinstance(kind, str) and (kind.endswith(".done") or kind in ("response.completed", "response.created")):
        # Those repeat what came before.
        return Piece(error=failure)
    choice = next(iter(_list(said.get("choices"))), {})
    delta = said.get("delta")
    message = next(
        (
            found
            for found in (said.get("message"), choice.get("delta"), choice.get("message"), delta)
            if isinstance(found, dict)
        ),
        {},
    )
    blocks = _list(said.get("content")) + [
        block for item in _list(said.get("output")) for block in _list(item.get("content"))
    ]
    if isinstance(delta, str) and isinstance(kind, str) and "reasoning" in kind:
        return Piece(thinking=delta)
    texts = [said.get("response"), message.get("content"), message.get("text"), choice.get("text")]
    if kind in (None, "response.output_text.delta"):
        texts.append(delta)
    thoughts = [said.get("thinking"), message.get("thinking"), message.get("reasoning")]
    return Piece(
        _strings([*texts, *(block.get("text") for block in blocks)]),
        _strings([*thoughts, *(block.get("thinking") for block in blocks)]),
        failure,
    )


def _list(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _strings(values: list[Any]) -> str:
    return "".join(value for value in values if isinstance(value, str))
