"""How long a model worked for an exchange, and how long the exchange waited for that: for sums over many of them."""

from typing import Final, NamedTuple

from service.record.operations import ANSWERED_IN_VECTORS, MODEL_CALLS
from service.record.phases import durations_of
from service.record.record import Record


class ModelTime(NamedTuple):
    """Seconds. ``waited`` for a place in the recorder, a model that is loaded, and a turn; None: nobody measured it.

    ``begins`` is when the model began, from the beginning of the exchange; ``works`` for how long it read and wrote,
    None where it did neither, or nobody knows. ``loads`` is for how long it waited, from ``asked`` on, for its model
    to be loaded; None: it was ready, or Ollama did not tell.
    """

    waited: float | None
    begins: float
    works: float | None
    asked: float = 0.0
    loads: float | None = None


LEAST_LOAD: Final = 1.0
"""Seconds. Less is what Ollama counts as loading of a model that is ready."""

NO_MODEL = ModelTime(None, 0.0, None)


def model_time_of(record: Record) -> ModelTime:
    """Of an exchange that asks a model for something; NO_MODEL of all others."""
    if record.operation not in MODEL_CALLS:
        return NO_MODEL
    spent = durations_of(record)
    before = spent.upload + spent.queue
    if spent.is_measured:
        ready = spent.ready + spent.turn
        works = spent.prompt + spent.generation
        is_load = record.load_time is not None and spent.ready >= LEAST_LOAD
        loads = spent.ready if is_load else None
        return ModelTime(spent.queue + ready, before + ready, works or None, before, loads)
    waited = None if record.queue_time is None else spent.queue
    return ModelTime(waited, before, _unmeasured(record, spent.total, before, spent.generation))


def _unmeasured(record: Record, total: float | None, before: float, generation: float) -> float | None:
    """What came in pieces was being written meanwhile; a whole answer took what is left of its exchange."""
    if generation or total is None or record.failed is not False:
        return generation or None
    if record.stream and record.operation not in ANSWERED_IN_VECTORS:
        return None
    return max(0.0, total - before) or None
