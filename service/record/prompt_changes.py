"""What of a prompt changed first since another call: all from there on a model has to read again."""

from itertools import takewhile
from typing import Final

from service.record.content_findings import JudgedCall, system_of, tools_of_call
from service.record.model_facts import canonical_name

# Of prompts that have less in common nobody expects that the cache helps.
_MOST: Final = 0.5


def first_change(before: JudgedCall, now: JudgedCall) -> str | None:
    """``the system prompt``, ``the tools``, ``message 3 (user)``; empty: ``now`` only goes on where ``before`` ended.

    None: both have little in common, are of other models, or our copies are not whole.
    """
    old, new = before.conversation, now.conversation
    models = [canonical_name(call.record.model or "") for call in (before, now)]
    if models[0] != models[1] or before.record.request_truncated or now.record.request_truncated:
        return None
    common = sum(_common(one.text, other.text) for one, other in zip(old.turns, new.turns, strict=False))
    if not common or common < _MOST * sum(len(turn.text) for turn in new.turns):
        return None
    if system_of(old) != system_of(new):
        return "the system prompt"
    if tools_of_call(old) != tools_of_call(new):
        return "the tools"
    for place, (one, other) in enumerate(zip(old.turns, new.turns, strict=False), 1):
        if (one.role, one.text, one.images) != (other.role, other.text, other.images):
            return f"message {place} ({other.role[:20]})"
    return "" if len(new.turns) >= len(old.turns) else f"what follows message {len(new.turns)}"


def _common(one: str, other: str) -> int:
    """How many characters both have in common at their beginnings and ends."""
    if one == other:
        return len(one)
    ahead = _ahead(one, other)
    return ahead + _ahead(one[ahead:][::-1], other[ahead:][::-1])


def _ahead(one: str, other: str) -> int:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in same)
