"""What all answers have in common: what is gathered from them, and how their parts are read."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from service.record.bodies import document, whole
from service.record.exchange import Body

GAP_IN_TEXT: Final = " … "
"""What stands in a text where something is missing."""

_MOST_TOKENS = 2**53
# Ollama's /v1/responses says an empty list with every text.
_LOGPROBS = re.compile(rb'"logprobs"\s*:\s*(?:\{|\[\s*[^\s\]])')


@dataclass(slots=True)
class Reply:
    """What has been gathered from one answer so far. Lives only while that answer is read.

    ``first_piece`` is the index of the first piece that carried text, thinking or a tool call.
    ``is_understood``: the other fields tell what the answer was; ``problem``: but something in it was passed over.
    ``is_whole``: nothing is missing although our copy has a gap. ``is_cut``: the stream ended within a piece.
    ``told``: of which text, thought or call, by its place in an output, something came.
    """

    is_finished: bool | None = None
    is_understood: bool = False
    first_piece: int | None = None
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    told: set[tuple[str, str]] = field(default_factory=set)
    model: str | None = None
    id: str | None = None
    dimensions: int | None = None
    remote_host: str | None = None
    remote_model: str | None = None
    done_reason: str | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    total_time: float | None = None
    wait_time: float | None = None
    prompt_time: float | None = None
    generation_time: float | None = None
    is_whole: bool = False
    is_cut: bool = False
    problem: str | None = None

    def mark_gap(self) -> None:
        """Something is missing here."""
        if self.texts:
            self.texts.append(GAP_IN_TEXT)
        elif self.thoughts:
            self.thoughts.append(GAP_IN_TEXT)

    def pass_over(self, what: str) -> None:
        """The answer held something that no field tells of."""
        self.problem = self.problem or f"the answer holds {what}"


def repeats_in_pieces(data: bytes) -> bool:
    """Whether an answer also tells what was generated in pieces that no reader puts together where it is told whole.

    That is token by token in ``logprobs``, or in more than one delta of a tool call's arguments.
    """
    # Not ``in``, which raises an error within and passes over it: that takes twice as long.
    if data.find(b'"logprobs"') >= 0 and _LOGPROBS.search(data):
        return True
    return data.find(b"_arguments.delta") >= 0 and data.count(b"_arguments.delta") > data.count(b"_arguments.done")


def single(body: Body) -> Any:
    """The answer parsed as one JSON document; None when it is none."""
    return document(whole(body))


def tokens(value: Any) -> int | None:
    """A count of tokens; None when ``value`` is no such thing."""
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None


def dimensions_of(vector: Any) -> int | None:
    """How many numbers a vector has: a list of them, or 32-bit floats in base64; None where it is neither."""
    if isinstance(vector, list):
        return len(vector) or None
    if isinstance(vector, str) and len(vector) % 4 == 0:
        size = len(vector) // 4 * 3 - vector[-2:].count("=")
        return size // 4 or None if size % 4 == 0 else None
    return None


def text_of(value: Any) -> str | None:
    """``value`` when it is a text with something in it."""
    return value if isinstance(value, str) and value else None
