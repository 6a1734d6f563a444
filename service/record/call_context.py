"""How many tokens a call had room for: what it asked for, what was loaded meanwhile, or what is usual for its model.

Ollama runs a model with the ``num_ctx`` that a call asks for, and loads it anew where it ran with another. A call that
asks for none gets what is usual for its model. So a length that ``/api/ps`` shows belongs to a call only if it was
looked up while that call ran. It is usual for the model if such a call asked for none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from service.record.model_facts import LoadedModel, Look, ModelFacts, canonical_name, nothing_known

# Ollama finds a loaded model in some 5 ms; the smallest one needs 0.29 s to load.
_NOT_A_LOAD: Final = 0.1
# What Ollama makes of a smaller num_ctx.
_LEAST: Final = 4
_LEAST_WITH_IMAGES: Final = 2048
# No model is made for more: what asks for more gets what the model can, which is not known here.
_MOST_LIKELY: Final = 2**24
_MOST_MODELS: Final = 1000


# Not frozen, which takes longer to make; nobody sets a field later. A named tuple takes longer to make and to read.
@dataclass(slots=True)
class ModelCall:
    """A call of a model that Ollama answered, as far as its room depends on it.

    Times are Unix nanoseconds. ``began_ns``: when Ollama had the request. ``load`` are the seconds that Ollama took
    until the model was ready, and ``answering_ns`` is when it certainly was. ``num_ctx``: what the request asked for.
    """

    model: str
    num_ctx: int | None = None
    began_ns: int = 0
    load: float | None = None
    answering_ns: int | None = None
    ended_ns: int = 0
    prompt_tokens: int | None = None


ContextLengthOf = Callable[[ModelCall], int | None]


# As above.
@dataclass(slots=True)
class _Used:
    """The last call of some weights: by which name, until when, and whether it asked for no ``num_ctx``."""

    name: str
    ended_ns: int
    is_usual: bool


class CallContexts:
    """Finds the context length of calls, which must come in the order in which they ended. Belongs to one thread.

    ``looks`` gives the latest answers to ``/api/ps``, oldest first; ``facts_of`` what is known of a model;
    ``await_look`` waits a moment for an answer that is on its way.
    """

    def __init__(
        self,
        looks: Callable[[], Sequence[Look]],
        facts_of: Callable[[str], ModelFacts | None] = nothing_known,
        await_look: Callable[[], None] = lambda: None,
    ) -> None:
        self._looks = looks
        self._facts_of = facts_of
        self._await_look = await_look
        self._usual: dict[str, LoadedModel] = {}
        self._last: dict[str, _Used] = {}
        self._seen = 0

    def length_of(self, call: ModelCall) -> int | None:
        """The tokens that this very call had room for; None when that is not certain."""
        looks = self._looks()
        self._learn(looks, call.ended_ns)
        name, facts = canonical_name(call.model), self._facts_of(call.model)
        length = self._length(call, name, facts, looks)
        may_be_seen = call.load is not None or call.answering_ns is not None
        if length is None and call.num_ctx is None and may_be_seen:
            # The first call of a model may be over before the look that it caused.
            self._await_look()
            length = self._length(call, name, facts, self._looks())
        if length is not None and (call.prompt_tokens or 0) > length:
            # More than there is room for cannot have been read.
            length = None
            self._usual.pop(name, None)
        if len(self._last) >= _MOST_MODELS:
            self._last.clear()
            self._usual.clear()
        self._last[(facts and facts.weights) or name] = _Used(name, call.ended_ns, call.num_ctx is None)
        return length

    def _length(self, call: ModelCall, name: str, facts: ModelFacts | None, looks: Sequence[Look]) -> int | None:
        seen = self._seen_meanwhile(call, name, looks)
        trained = facts.trained_length if facts else None
        if call.num_ctx is not None:
            wanted = max(call.num_ctx, _LEAST)
            most = min(wanted, trained or wanted)
            sees_images = facts is not None and facts.sees_images
            if seen is not None:
                return seen.context_length if seen.context_length <= most or sees_images else None
            is_known = most >= _LEAST_WITH_IMAGES or not sees_images
            return most if is_known and most <= _MOST_LIKELY else None
        if seen is not None:
            self._usual[name] = seen
            return seen.context_length
        if facts and facts.num_ctx and not facts.sees_images:
            wanted = max(facts.num_ctx, _LEAST)
            return min(wanted, trained or wanted)
        usual = self._usual.get(name)
        return usual.context_length if usual else None

    def _seen_meanwhile(self, call: ModelCall, name: str, looks: Sequence[Look]) -> LoadedModel | None:
        ready_ns = call.answering_ns
        if call.load is not None:
            ready_ns = call.began_ns + (int(call.load * 1e9) if call.load >= _NOT_A_LOAD else 0)
        if ready_ns is None:
            return None
        for look in reversed(looks):
            if look.asked_ns < ready_ns:
                return None
            # Where nothing else goes on, what a call ran with stays loaded after it.
            is_alone = look.in_flight <= 1 and look.asked_ns <= call.ended_ns
            if (is_alone or look.answered_ns <= call.ended_ns) and (loaded := self._loaded(look, name)):
                return loaded
        return None

    def _learn(self, looks: Sequence[Look], until_ns: int) -> None:
        """Take in the looks before ``until_ns``: all calls that ended before one of those have come here."""
        # Nearly always there is none that is new.
        new = min(looks[-1].number - self._seen, len(looks)) if looks else 0
        for look in looks[len(looks) - new :] if new > 0 else ():
            if look.answered_ns > until_ns:
                return
            if look.number > self._seen + 1:
                # Some were missed: what was unloaded then may have been loaded with another length.
                self._usual.clear()
                self._last.clear()
            self._seen = look.number
            for name, usual in list(self._usual.items()):
                loaded = self._loaded(look, name)
                # One that was unloaded or made anew may come back with another length.
                if loaded is None or (loaded.name, loaded.digest) != (usual.name, usual.digest):
                    del self._usual[name]
            for used in self._last.values() if not look.in_flight else ():
                loaded = self._loaded(look, used.name) if used.is_usual and used.ended_ns <= look.asked_ns else None
                if loaded is not None:
                    self._usual[used.name] = loaded

    def _loaded(self, look: Look, name: str) -> LoadedModel | None:
        """The entry in ``look`` of the model ``name``, or of another name of its weights."""
        for model in look.models:
            # One that was made anew while it was loaded is listed twice: what calls use now comes first.
            if model.name == name:
                return model
        facts = self._facts_of(name)
        if facts is None or facts.weights is None:
            return None
        for model in look.models:
            other = self._facts_of(model.name)
            if other is not None and other.weights == facts.weights:
                return model
        return None
