"""A model's answer, read while it comes: what is new in it since the last look, in each API that Ollama speaks.

The readers of whole answers do the reading. A stream is read in stretches of whole lines, as if each were an answer.
"""

from dataclasses import dataclass

from service.record.exchange import Body
from service.record.generation import READERS
from service.record.operations import ANSWERED_IN_WORDS
from service.record.replies import Reply


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """What is new in an answer; each is empty when there is nothing of the kind."""

    text: str = ""
    thinking: str = ""
    error: str = ""


class StreamedAnswer:
    """Takes the bytes of an answer as they come, in pieces of any size. Nothing in them makes it raise.

    ``api`` and ``operation`` are those of a record. What is not streamed, by ``content_type``, is told at the end.
    """

    def __init__(self, api: str, operation: str, content_type: str) -> None:
        self._read_answer = READERS.get(api, READERS["ollama"])
        self._operation = operation
        self._content_type = content_type
        is_stream = "ndjson" in content_type or "event-stream" in content_type
        self._is_streamed = is_stream and operation in ANSWERED_IN_WORDS
        # All that has come so far: the last event of some streams repeats it, and only that tells.
        self._reply = Reply()
        self._rest: list[bytes] = []

    @property
    def is_finished(self) -> bool:
        """Whether the end that its API has was among what has come."""
        return self._reply.is_finished is True

    @property
    def is_understood(self) -> bool:
        """Whether what has come is a part of an answer."""
        return self._reply.is_understood

    def add(self, data: bytes) -> AnswerDelta:
        """What these further bytes tell."""
        lines, newline, rest = data.rpartition(b"\n") if self._is_streamed else (b"", b"", data)
        if not newline:
            self._rest.append(data)
            return AnswerDelta()
        stretch = b"".join([*self._rest, lines, newline])
        self._rest = [rest]
        return self._read(stretch)

    def end(self) -> AnswerDelta:
        """What only the end of the answer tells."""
        rest, self._rest = b"".join(self._rest), []
        return self._read(rest)

    def _read(self, data: bytes) -> AnswerDelta:
        reply = self._reply
        texts, thoughts, reply.error = len(reply.texts), len(reply.thoughts), None
        self._read_answer(self._operation, Body(len(data), data, content_type=self._content_type), reply)
        return AnswerDelta("".join(reply.texts[texts:]), "".join(reply.thoughts[thoughts:]), reply.error or "")
