"""Where the time of an exchange went, from what Ollama measured and from when its bytes came.

Nobody else divides the time: the page, the command line, spans, exports and dashboards take their phases from here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from service.record.exchange import Outcome
from service.record.operations import ANSWERED_IN_VECTORS, ANSWERED_IN_WORDS
from service.record.record import Record
from service.record.wording import counted, duration

# What Ollama measured may end after what we measured by as much: both round, and its clock is another.
_SLACK_SHARE, _SLACK_SECONDS = 1.1, 0.1
BOOKKEEPING_SHARE = 0.15
"""So much of a generation may pass beside it, in none of Ollama's durations, and is no queue."""

# What a call takes beside the work itself, which is no queue.
_SHORT_WAIT = 0.5
# As texts: a member of an enumeration takes longer to look up.
_NOT_SENT = frozenset({str(Outcome.REFUSED), str(Outcome.UPSTREAM_UNREACHABLE)})
_MAY_END_WAITING = frozenset({str(Outcome.CLIENT_LEFT), str(Outcome.GATEWAY_STOPPED)})
# So much may pass between the end of a wait and that of its exchange.
_ENDS_WITHIN = 0.1
# What the system takes for a client that does not read, before anybody has to wait for that client.
_BUFFERS = 64 * 1024


PhaseName = Literal["queue", "wait", "prompt", "generation", "sending"]


@dataclass(frozen=True, slots=True)
class MeasuredPhase:
    """A phase that Ollama measures: the field with its seconds, and a word for what goes on meanwhile."""

    name: PhaseName
    field: str
    doing: str


MEASURED_PHASES: tuple[MeasuredPhase, ...] = (
    MeasuredPhase("wait", "wait_time", "waiting"),
    MeasuredPhase("prompt", "prompt_time", "reading"),
    MeasuredPhase("generation", "generation_time", "generating"),
)
"""In the order in which they pass. ``sending`` is what they leave of the whole."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of an exchange: it ``begins`` so many seconds after the exchange and lasts ``seconds``."""

    name: PhaseName
    seconds: float
    begins: float
    text: str


# A tuple, as one is made of each record that is indexed: a frozen dataclass of so many fields takes longer to make.
class Durations(NamedTuple):
    """Seconds, in the order in which they passed; 0 where there is nothing of the kind.

    ``upload``: until the request had come; ``queue``: from then until the recorder let it go to Ollama; ``ready``:
    until the model could work; ``turn``: from then until Ollama began with the prompt; ``prompt``, ``generation``;
    ``sending``: all else. With ``is_measured`` they are Ollama's own; without, ``ready`` is the time until the first
    words came, or the whole answer, and ``generation`` the rest of a stream. ``total`` is the whole exchange, None when
    unknown.
    """

    total: float | None = None
    ready: float = 0.0
    turn: float = 0.0
    prompt: float = 0.0
    generation: float = 0.0
    sending: float = 0.0
    is_measured: bool = False
    upload: float = 0.0
    queue: float = 0.0


def measured_phases(record: Record) -> Iterator[tuple[PhaseName, float]]:
    """The phases that Ollama measured, each with its seconds, in their order."""
    yield from (("wait", record.wait_time or 0.0), ("prompt", record.prompt_time or 0.0))
    yield "generation", record.generation_time or 0.0


def fits_buffers(record: Record) -> bool:
    """Whether the answer was so short that it could be sent without waiting for its client."""
    return (record.response_bytes or _BUFFERS) < _BUFFERS


def durations_of(record: Record) -> Durations:
    """Where the time went. Numbers that contradict each other count as not measured."""
    total = record.request_time
    # Where the load was not told apart, all of the wait counts as one.
    load = record.load_time
    load = record.wait_time if load is None else load
    prompt, generation = record.prompt_time or 0.0, record.generation_time or 0.0
    if load or prompt or generation:
        ready = load or 0.0
        work = ready + prompt + generation
        if total is None:
            return Durations(None, ready, 0.0, prompt, generation, is_measured=True)
        if work <= total * _SLACK_SHARE + _SLACK_SECONDS:
            return _measured(record, max(total, work), ready, prompt, generation)
    return _unmeasured(record, total)


def _measured(record: Record, total: float, ready: float, prompt: float, generation: float) -> Durations:
    left = total - ready - prompt - generation
    queue = max(0.0, min(left, record.queue_time or 0.0))
    upload = max(0.0, min(left - queue, record.upload_time or 0.0))
    before_ollama = upload + queue
    if record.operation in ANSWERED_IN_VECTORS:
        # Ollama times nothing of an embedding but the load.
        left = total - before_ollama - ready
        work = prompt or min(left, max(0.0, _began(record, total) - before_ollama - ready))
        return Durations(total, ready, 0.0, work, 0.0, left - work, is_measured=True, upload=upload, queue=queue)
    # Ollama lets one call of a model run at a time (OLLAMA_NUM_PARALLEL), and the wait for that comes after
    # load_duration and before prompt_eval_duration: it is in neither.
    before = before_ollama + ready + prompt + (0.0 if record.stream else generation)
    left -= before_ollama
    turn = min(left, max(0.0, _began(record, 0.0) - before))
    if not record.stream and turn <= BOOKKEEPING_SHARE * generation:
        turn = 0.0
    return Durations(total, ready, turn, prompt, generation, left - turn, is_measured=True, upload=upload, queue=queue)


def _unmeasured(record: Record, total: float | None) -> Durations:
    if total is None:
        return Durations()
    began = min(total, _began(record, total))
    queue = min(began, record.queue_time or 0.0)
    upload = min(began - queue, record.upload_time or 0.0)
    ready = began - upload - queue
    if record.stream and record.operation in ANSWERED_IN_WORDS:
        return Durations(total, ready, generation=total - began, upload=upload, queue=queue)
    return Durations(total, ready, sending=total - began, upload=upload, queue=queue)


def _began(record: Record, otherwise: float) -> float:
    """When the answer began: its first words, where it was streamed."""
    first = record.time_to_first_token
    first = record.time_to_first_byte if first is None else first
    return otherwise if first is None else first


def sent_after(record: Record, outcome: str) -> float | None:
    """How many seconds after its beginning the recorder let it go to Ollama; None: it never went there.

    ``outcome`` is how it ended. What was refused, found no Ollama, or ended while it waited in the recorder never went.
    """
    if outcome in _NOT_SENT:
        return None
    waited, whole = record.queue_time, record.request_time
    after = (record.upload_time or 0.0) + (waited or 0.0)
    if whole is None:
        return after
    if waited is not None and outcome in _MAY_END_WAITING and record.upstream_status is None:
        return None if after >= whole - _ENDS_WITHIN else after
    return min(after, whole)


def phases_of(record: Record, spent: Durations) -> tuple[Phase, ...]:
    """The phases that took any time, one after the other."""
    tokens_in, tokens_out = record.prompt_tokens, record.completion_tokens
    prompt = f"reading the prompt, {counted(tokens_in, 'token')}" if tokens_in else "reading the prompt"
    generation = f"generating {counted(tokens_out, 'token')}" if tokens_out else "generating"
    found: list[Phase] = []
    begins = 0.0
    parts: tuple[tuple[PhaseName, float, str], ...] = (
        ("sending", spent.upload, "sending the request"),
        ("queue", spent.queue, "waiting in the recorder for a place at Ollama"),
        ("wait", spent.ready + spent.turn, _wait_text(record, spent)),
        ("prompt", spent.prompt, "computing" if record.operation in ANSWERED_IN_VECTORS else prompt),
        ("generation", spent.generation, generation),
        ("sending", spent.sending, _sending_text(record, spent)),
    )
    for name, seconds, text in parts:
        if seconds >= 0.0005:
            found.append(Phase(name, round(seconds, 6), round(begins, 6), text))
        begins += seconds
    return tuple(found)


def _sending_text(record: Record, spent: Durations) -> str:
    is_held_back = spent.is_measured and spent.sending >= _SHORT_WAIT and fits_buffers(record)
    return "until Ollama sent the end" if is_held_back else "sending"


def _wait_text(record: Record, spent: Durations) -> str:
    if spent.is_measured:
        if spent.ready + spent.turn < _SHORT_WAIT:
            return "waiting"
        if spent.turn <= 0.1 * spent.ready:
            return "waiting until the model was ready"
        if spent.ready <= 0.1 * spent.turn:
            return "waiting for its turn"
        return f"waiting: {duration(spent.ready)} until the model was ready, {duration(spent.turn)} for its turn"
    if record.operation in ("load", "unload"):
        return f"{record.operation}ing the model"
    if not record.response_bytes:
        return "waiting for an answer that did not come"
    if spent.generation:
        return "until the first words came: waiting and reading the prompt"
    return "until the answer came"
