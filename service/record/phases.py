"""Where the time of an exchange went, from what Ollama measured and from when its bytes came."""

from dataclasses import dataclass
from typing import Any, Literal

from service.record.wording import counted, duration

# What Ollama measured may end after what we measured by as much: both round, and its clock is another.
_SLACK_SHARE, _SLACK_SECONDS = 1.1, 0.1
# What a call takes beside the work itself, which is no queue.
_SHORT_WAIT = 0.5
# What the system takes for a client that does not read, before anybody has to wait for that client.
_BUFFERS = 64 * 1024
_LONGEST = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of an exchange: it ``begins`` so many seconds after the exchange and lasts ``seconds``."""

    name: Literal["wait", "prompt", "generation", "sending"]
    seconds: float
    begins: float
    text: str


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds, in the order in which they passed; 0 where there is nothing of the kind.

    ``upload``: until the request had come; ``ready``: until the model could work; ``turn``: from then until Ollama
    began with the prompt; ``prompt``, ``generation``; ``sending``: all else. With ``is_measured`` they are its own;
    without, ``ready`` is the time until the first words came, or the whole answer, and ``generation`` the rest of a
    stream. ``total`` is the whole exchange, None when unknown.
    """

    total: float | None = None
    ready: float = 0.0
    turn: float = 0.0
    prompt: float = 0.0
    generation: float = 0.0
    sending: float = 0.0
    is_measured: bool = False
    upload: float = 0.0


def seconds_of(said: dict[str, Any], key: str) -> float | None:
    """A duration of a line; None when it is absent or nonsense."""
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NaN compares as neither.
    return float(value) if 0 <= value < _LONGEST else None


def count_of(said: dict[str, Any], key: str) -> int | None:
    """A positive count of a line; None when it is absent or nonsense."""
    value = said.get(key)
    return value if type(value) is int and 0 < value < 2**53 else None


def fits_buffers(said: dict[str, Any]) -> bool:
    """Whether the answer was so short that it could be sent without waiting for its client."""
    return (count_of(said, "response_bytes") or _BUFFERS) < _BUFFERS


def durations_of(said: dict[str, Any]) -> Durations:
    """Where the time went. Numbers that contradict each other count as not measured."""
    total = seconds_of(said, "request_time")
    told = {key: seconds_of(said, f"{key}_time") for key in ("load", "prompt", "generation")}
    if told["load"] is None:
        # Older records: Ollama's load_duration had this name.
        told["load"] = seconds_of(said, "wait_time")
    if any(told.values()):
        ready, prompt, generation = (found or 0.0 for found in told.values())
        work = ready + prompt + generation
        if total is None:
            return Durations(None, ready, 0.0, prompt, generation, is_measured=True)
        if work <= total * _SLACK_SHARE + _SLACK_SECONDS:
            return _measured(said, max(total, work), ready, prompt, generation)
    return _unmeasured(said, total)


def _measured(said: dict[str, Any], total: float, ready: float, prompt: float, generation: float) -> Durations:
    left = total - ready - prompt - generation
    upload = max(0.0, min(left, seconds_of(said, "upload_time") or 0.0))
    if said.get("operation") == "embed":
        # Ollama times nothing of an embedding but the load.
        left = total - upload - ready
        work = prompt or min(left, max(0.0, _began(said, total) - upload - ready))
        return Durations(total, ready, 0.0, work, 0.0, left - work, is_measured=True, upload=upload)
    # Ollama lets one call of a model run at a time (OLLAMA_NUM_PARALLEL), and the wait for that comes after
    # load_duration and before prompt_eval_duration: it is in neither.
    before = upload + ready + prompt + (0.0 if said.get("stream") else generation)
    turn = min(left - upload, max(0.0, _began(said, 0.0) - before))
    return Durations(total, ready, turn, prompt, generation, left - upload - turn, is_measured=True, upload=upload)


def _unmeasured(said: dict[str, Any], total: float | None) -> Durations:
    if total is None:
        return Durations()
    began = min(total, _began(said, total))
    upload = min(began, seconds_of(said, "upload_time") or 0.0)
    if said.get("stream") and said.get("operation") in ("chat", "generate", "transcribe"):
        return Durations(total, began - upload, generation=total - began, upload=upload)
    return Durations(total, began - upload, sending=total - began, upload=upload)


def _began(said: dict[str, Any], otherwise: float) -> float:
    """When the answer began: its first words, where it was streamed."""
    first = seconds_of(said, "time_to_first_token")
    first = seconds_of(said, "time_to_first_byte") if first is None else first
    return otherwise if first is None else first


def phases_of(said: dict[str, Any], spent: Durations) -> tuple[Phase, ...]:
    """The phases that took any time, one after the other."""
    tokens_in, tokens_out = count_of(said, "prompt_tokens"), count_of(said, "completion_tokens")
    prompt = f"reading the prompt, {counted(tokens_in, 'token')}" if tokens_in else "reading the prompt"
    generation = f"generating {counted(tokens_out, 'token')}" if tokens_out else "generating"
    found: list[Phase] = []
    begins = 0.0
    parts: tuple[tuple[Literal["wait", "prompt", "generation", "sending"], float, str], ...] = (
        ("sending", spent.upload, "sending the request"),
        ("wait", spent.ready + spent.turn, _wait_text(said, spent)),
        ("prompt", spent.prompt, "computing" if said.get("operation") == "embed" else prompt),
        ("generation", spent.generation, generation),
        ("sending", spent.sending, _sending_text(said, spent)),
    )
    for name, seconds, text in parts:
        if seconds >= 0.0005:
            found.append(Phase(name, round(seconds, 6), round(begins, 6), text))
        begins += seconds
    return tuple(found)


def _sending_text(said: dict[str, Any], spent: Durations) -> str:
    is_held_back = spent.is_measured and spent.sending >= _SHORT_WAIT and fits_buffers(said)
    return "until Ollama sent the end" if is_held_back else "sending"


def _wait_text(said: dict[str, Any], spent: Durations) -> str:
    if spent.is_measured:
        if spent.ready + spent.turn < _SHORT_WAIT:
            return "waiting"
        if spent.turn <= 0.1 * spent.ready:
            return "waiting until the model was ready"
        if spent.ready <= 0.1 * spent.turn:
            return "waiting for its turn"
        return f"waiting: {duration(spent.ready)} until the model was ready, {duration(spent.turn)} for its turn"
    if said.get("operation") in ("load", "unload"):
        return f"{said['operation']}ing the model"
    if not said.get("response_bytes"):
        return "waiting for an answer that did not come"
    if spent.generation:
        return "until the first words came: waiting and reading the prompt"
    return "until the answer came"
