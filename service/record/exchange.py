"""The facts of one exchange, as the gateway saw them. Frozen: they travel between threads.

Named tuples, because two are made for every exchange on the event loop: a frozen dataclass sets
each field through ``object.__setattr__``, which took 5 µs for the fields of ``OpenExchange``.
"""

from enum import StrEnum
from typing import NamedTuple

from service.record.counted_facts import CountedFacts


class Outcome(StrEnum):
    """How an exchange ended."""

    COMPLETED = "completed"
    REFUSED = "refused"
    CLIENT_LEFT = "client_left"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMED_OUT = "upstream_timed_out"
    UPSTREAM_BROKE_OFF = "upstream_broke_off"
    GATEWAY_STOPPED = "gateway_stopped"
    GATEWAY_DIED = "gateway_died"


class Caller(NamedTuple):
    """Who asked. A field is None when nobody told it; each has at most 200 characters."""

    workflow: str | None = None
    workflow_id: str | None = None
    execution_id: str | None = None
    node: str | None = None
    caller: str | None = None
    user: str | None = None


BATCH_REPLAY = "batch replay"
"""The caller of prompts that are sent again many at a time."""
GATEWAY_PREFIX = "/api/ollama"
"""How the path of every address begins that leads to Ollama."""

LABELS_BEGIN = ("/~", "/%7E", "/%7e")
"""How the segment of a path begins that names its caller. Some clients encode more than they have to."""


def cut_labels(path: str) -> tuple[str | None, str]:
    """The labels that ``path`` begins with, as they were written (None: it has none), and the path without them."""
    mark = next((mark for mark in LABELS_BEGIN if path.startswith(mark)), None)
    if mark is None:
        return None, path
    labels, _, rest = path.removeprefix(mark).partition("/")
    return labels, f"/{rest}"


class Body(NamedTuple):
    """The bounded copy of one body, as it was on the wire (so possibly compressed).

    ``head`` holds its first bytes. When more passed than is kept, ``tail`` holds its last
    bytes and what lay between them is gone. ``length`` counts the bytes that really passed;
    ``is_incomplete`` says that more was to come and did not, or was not waited for.
    """

    length: int = 0
    head: bytes = b""
    tail: bytes = b""
    content_type: str = ""
    content_encoding: str = ""
    is_incomplete: bool = False

    @property
    def is_shortened(self) -> bool:
        return self.length > len(self.head) + len(self.tail)


NO_BODY = Body()


class OpenExchange(NamedTuple):
    """What is known when the request has been read and nothing was answered yet.

    ``id`` and ``trace_id`` are 32, ``span_id`` and ``parent_span_id`` 16 lower-case hex digits.
    ``request_uri`` is the target exactly as the client sent it; ``path`` the canonical path
    that goes to Ollama (empty when the request was refused before one was found).
    ``started_ns`` is Unix time in nanoseconds. ``replay_of`` is the id of the exchange that this one repeats.
    ``key_name`` is the name of the API key that the request carried. ``item`` is that of the node's items that is asked
    for, from 0 on; ``attempt`` the node's try, from 1 on; None: nobody told it.
    """

    id: str
    started_ns: int
    method: str
    request_uri: str
    path: str
    operation: str
    api: str
    remote_addr: str
    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    user_agent: str | None = None
    caller: Caller = Caller()
    request: Body = NO_BODY
    replay_of: str | None = None
    key_name: str | None = None
    item: int | None = None
    attempt: int | None = None


class Exchange(NamedTuple):
    """One ended exchange.

    ``duration`` and ``first_byte`` (the first byte of the answer's body) are seconds since the
    start by the monotonic clock, None when unknown. ``arrivals`` are the first few pieces of
    the answer's body as (bytes of the body before this piece, seconds since the start).
    ``status`` is what the client was answered, None when it was answered nothing. ``upload`` is
    when the request had come whole, in seconds since the start; None when it came with its head, or never.
    ``queued`` is how many seconds it waited for its turn, None when it had not to, and ``queued_behind`` who was served
    meanwhile, in words. ``changed`` are the fields that were put into the request on its way. ``upstream`` names the
    Ollama, of several, that was asked. ``energy`` is its share of the joules that were used meanwhile, an estimate.
    """

    opened: OpenExchange
    outcome: Outcome
    ended_ns: int
    status: int | None = None
    upstream_status: int | None = None
    duration: float | None = None
    first_byte: float | None = None
    arrivals: tuple[tuple[int, float], ...] = ()
    response: Body = NO_BODY
    error: str | None = None
    upload: float | None = None
    queued: float | None = None
    queued_behind: str | None = None
    changed: tuple[str, ...] = ()
    upstream: str | None = None
    energy: float | None = None


class EncodedRecord(NamedTuple):
    """One exchange as the journal keeps it: frozen bytes, so that shipping twice is identical.

    ``line`` is the JSON object of the contract, at most 240 kB of UTF-8. ``summary`` is the
    same without bodies. ``request`` and ``response`` are the kept bytes, decompressed where
    that was possible and with secrets masked. ``counted`` are the facts of ``summary`` that are
    counted, so that nobody reads it again for them; None where it has to be read.
    """

    id: str
    started_ns: int
    ended_ns: int
    method: str
    operation: str
    outcome: str
    parent_span_id: str | None
    line: bytes
    summary: bytes
    request: bytes
    response: bytes
    counted: CountedFacts | None = None
