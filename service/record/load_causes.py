"""Why a model had to be loaded, and whose call was the reason: from the calls that were before it.

Ollama keeps a model until its last call's keep_alive is over, until another model needs its memory, or until a call
asks for another num_ctx.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Any, Final

from service.record.bodies import first_document
from service.record.model_facts import canonical_name
from service.record.record import Record
from service.record.request_fields import with_known_names
from service.record.wording import duration, since

KEPT_LOADED: Final = 300.0
"""Ollama unloads a model that was not used for so many seconds, unless keep_alive says otherwise."""

_NATIVE: Final = "ollama"
_UNLOAD: Final = "unload"
_LONGEST_NAME: Final = 80
_FOR_EVER: Final = float("inf")
# Ollama's clock begins when the answer has ended, ours a little later.
_SLACK: Final = 0.5
_DURATION: Final = re.compile(r"([+-]?)((?:\d{1,12}(?:\.\d{0,9})?(?:ns|us|µs|ms|s|m|h))+)")
_PART: Final = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class LoadReason(StrEnum):
    """What took a model away, in words that many loads share."""

    UNLOADED = "a call had unloaded it"
    KEEP_ALIVE = "the call before kept it loaded for a short time (keep_alive)"
    CONTEXT = "the call before had another num_ctx"
    OTHER_MODEL = "a call of another model came in between"


@dataclass(frozen=True, slots=True)
class LoadCause:
    """The reason in words that go on after a colon, and what to do about it. ``whose`` call it was; empty: unknown."""

    text: str
    advice: str
    reason: LoadReason
    whose: str = ""


def load_cause(now: Record, earlier: Sequence[Record], idle: float | None) -> LoadCause | None:
    """Why the model of ``now`` was not ready as it had been. None: nothing in ``earlier`` tells it.

    ``earlier`` are calls that used models, the newest first, as far back as the last one of this model. ``idle``: the
    seconds since that one ended; None: it had not ended, or is unknown.
    """
    last = last_of_model(now, earlier)
    if last is None:
        return None
    ago = "shortly" if idle is None else since(max(0.0, idle))
    kept = kept_loaded(last)
    if last.operation == _UNLOAD:
        advice = "Whoever unloads a model by themselves should know who needs it next."
        text = f"a call{_of(last)} had unloaded it {ago} before."
        return LoadCause(text, advice, LoadReason.UNLOADED, _whose(last))
    if idle is not None and kept is not None and idle + _SLACK >= kept:
        text = f"the call{_of(last)} {ago} before kept it loaded for only {duration(kept)} (keep_alive)."
        advice = 'Leave keep_alive out of that call, or take a longer one, as "1h".'
        return LoadCause(text, advice, LoadReason.KEEP_ALIVE, _whose(last))
    if idle is not None and kept is None and idle > KEPT_LOADED:
        return None
    return _other_context(now, last, ago) or _other_model(now, earlier)


def last_of_model(now: Record, earlier: Sequence[Record]) -> Record | None:
    """The newest of ``earlier`` that used the same model."""
    return next((one for one in earlier if _is_same_model(one, now)), None)


def kept_loaded(record: Record) -> float | None:
    """For how many seconds a call keeps its model loaded after it; None: it does not say so."""
    if record.api != _NATIVE:
        return None
    asked = _asked(record).get("keep_alive")
    if isinstance(asked, bool):
        return None
    if isinstance(asked, int | float):
        return _FOR_EVER if asked < 0 else float(asked)
    found = _DURATION.fullmatch(asked.strip()) if isinstance(asked, str) else None
    if found is None:
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(found[2]))
    return _FOR_EVER if found[1] == "-" and seconds else seconds


def _other_context(now: Record, last: Record, ago: str) -> LoadCause | None:
    old, new = _contexts(last, now)
    if old is None or new is None or old == new:
        return None
    text = (
        f"the call{_of(last)} {ago} before had num_ctx {old:,}, and this one has {new:,}. Ollama loads a model"
        " anew for another num_ctx, and what it had read is gone from its cache."
    )
    return LoadCause(text, "Use the same num_ctx in all calls of a model.", LoadReason.CONTEXT, _whose(last))


def _contexts(last: Record, now: Record) -> tuple[int | None, int | None]:
    """The tokens that both had room for; else what both asked for: a model may have room for fewer than asked."""
    if last.context_length is not None and now.context_length is not None:
        return last.context_length, now.context_length
    return _asked_context(last), _asked_context(now)


def _asked_context(record: Record) -> int | None:
    options = _asked(record).get("options") if record.api == _NATIVE else None
    asked = options.get("num_ctx") if isinstance(options, dict) else None
    return asked if type(asked) is int and asked > 0 else None


def _other_model(now: Record, earlier: Sequence[Record]) -> LoadCause | None:
    between = takewhile(lambda one: not _is_same_model(one, now), earlier)
    # A call that Ollama passed on took no memory, and one that unloads gave some back.
    other = next((one for one in between if one.model and not one.remote_host and one.operation != _UNLOAD), None)
    if other is None:
        return None
    text = (
        f"a call of {(other.model or '')[:_LONGEST_NAME]}{_of(other, 'by')} came in between, and most likely that"
        " model took its memory."
    )
    advice = "Use no more models in turn than fit into memory together, or sort the work by model."
    return LoadCause(text, advice, LoadReason.OTHER_MODEL, _whose(other))


def _is_same_model(one: Record, other: Record) -> bool:
    return bool(one.model and other.model) and canonical_name(one.model or "") == canonical_name(other.model or "")


def _of(record: Record, word: str = "of") -> str:
    """Whose call it was, with a blank before it; empty where nobody knows."""
    return f" {word} {name}" if (name := _whose(record)) else ""


def _whose(record: Record) -> str:
    name = record.workflow or record.workflow_id or record.caller or record.user
    return " › ".join(one[:_LONGEST_NAME] for one in (name, record.node) if one)


def _asked(record: Record) -> dict[str, Any]:
    body = record.request_body
    asked = first_document(body.encode("utf-8", "surrogatepass")) if body else None
    return with_known_names(asked) if isinstance(asked, dict) else {}
