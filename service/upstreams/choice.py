"""Where a call may go, and where it goes: pure, of what is known of each Ollama at that moment."""

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Standing(NamedTuple):
    """What is known of one Ollama as a call comes.

    ``has_model`` and ``has_loaded`` are about the call's model, true of all where the call names none.
    ``is_free``: it has a free place. ``active`` are the calls of models that are there.
    """

    name: str
    is_up: bool = True
    has_model: bool = True
    has_loaded: bool = False
    is_free: bool = True
    active: int = 0


def possible(standings: Sequence[Standing], tried: Collection[str] = ()) -> tuple[str, ...]:
    """The Ollamas that a call may go to, in their order; none only where it has ``tried`` all.

    Those that are up and have the model. Where none is up that has it, those that have it: their error is the true one.
    A model that nobody has may go to any, for Ollama's own 404.
    """
    left = [one for one in standings if one.name not in tried]
    having = [one for one in left if one.has_model]
    # Who was tried and could not be reached is no reason to ask one that lacks the model.
    if not having and not any(one.has_model for one in standings):
        having = left
    return tuple(one.name for one in having if one.is_up) or tuple(one.name for one in having)


def choose(standings: Sequence[Standing], last: str | None = None) -> str:
    """The Ollama for a call, of those that it may go to, of which there is at least one.

    The first of these that tells two apart decides: the model is loaded there and a place is free; it served the same
    conversation ``last`` (its prompt is in the cache); it is the least busy; the model is loaded; it is named first.
    """
    return min(
        standings,
        key=lambda one: (not (one.has_loaded and one.is_free), one.name != last, one.active, not one.has_loaded),
    ).name
