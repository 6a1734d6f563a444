"""What is remembered of prompts, so that a later one can be judged: earlier turns of its conversation, and how many
characters a token has.

It is in memory only and bounded: after a start nothing is known, and then less is certain.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from service.record.model_facts import ModelFacts, nothing_known
from service.record.prompt_fit import (
    UNKNOWN,
    WHOLE,
    Prompt,
    PromptVerdict,
    counted,
    has_room_for_more,
    has_shifted,
    is_cut_to_size,
    is_whole,
    may_be_half,
)
from service.record.prompt_parts import Part

_MOST_TURNS = 20_000
_MOST_MODELS = 200
_RATIOS_KEPT: Final = 200
_ENOUGH_RATIOS: Final = 20
# A short prompt is more template than text.
_LEAST_TOKENS: Final = 64
# The next conversation may be of words that take fewer tokens.
_MARGIN: Final = 1.15
# Records wait for it, and so do the last bytes of answers.
_COUNT_SECONDS: Final = 0.05
# No template writes less around a message than a mark of its role.
_LEAST_AROUND: Final = 1


class _Turn(NamedTuple):
    """A prompt that was read: ``read`` of ``at_least`` tokens, with ``room`` for so many, ending with ``last_role``."""

    read: int
    at_least: int
    room: int
    is_cut: bool
    messages: int
    counted: int | None
    lost_messages: int
    last_role: str


class PromptMemory:
    """Judges prompts, in the order in which their calls ended, and learns from each. Belongs to one thread."""

    def __init__(
        self,
        facts_of: Callable[[str], ModelFacts | None] = nothing_known,
        counter_of: Callable[[str], Callable[[str, float], int | None] | None] = nothing_known,
        halves: Callable[[], bool | None] = lambda: None,
    ) -> None:
        """``facts_of`` and ``counter_of`` give what is known of a model; ``halves``: see ``Prompt``.

        A counter gives the tokens of a text, or None when that takes until the given time of ``time.monotonic``.
        """
        self.facts_of = facts_of
        self.counter_of = counter_of
        self.halves = halves
        self._turns: OrderedDict[tuple[str, bytes], _Turn] = OrderedDict()
        self._ratios: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._around: OrderedDict[str, int] = OrderedDict()
        self._counts: set[str] = set()

    def judge(self, model: str, prompt: Prompt) -> PromptVerdict:
        """What became of a prompt that ``model`` read in a chat or a generation."""
        earlier = [*self._earlier(model, prompt)] if prompt.is_chat else []
        verdict = WHOLE if is_whole(prompt) else UNKNOWN
        # Counting is for what is not clear without.
        if verdict is UNKNOWN or model in self._counts:
            prompt = self._with_counter(model, prompt)
            verdict = self._verdict(model, prompt, earlier)
        if prompt.is_chat and prompt.parts.parts:
            self._remember(model, prompt, verdict, earlier)
        if verdict is WHOLE and prompt.read >= _LEAST_TOKENS and prompt.parts.most_tokens is not None:
            self._learn_ratio(model, prompt)
        return verdict

    def _with_counter(self, model: str, prompt: Prompt) -> Prompt:
        counter = self.counter_of(model)
        if counter is None:
            return prompt
        if len(self._counts) < _MOST_MODELS:
            self._counts.add(model)
        until = time.monotonic() + _COUNT_SECONDS
        return replace(prompt, count=lambda text: counter(text, until))

    def _verdict(self, model: str, prompt: Prompt, earlier: list[_Turn]) -> PromptVerdict:
        if is_cut_to_size(prompt):
            return PromptVerdict(True, "length", _lost_before(earlier), self._lost_tokens(prompt, earlier))
        is_half = may_be_half(prompt)
        may_have_lost = prompt.may_lose_messages and (is_half or not has_room_for_more(prompt))
        if may_have_lost and self._has_lost(model, prompt, earlier):
            if is_half:
                return PromptVerdict(True, "length", None, self._lost_tokens(prompt, earlier))
            messages = max(1, _lost_before(earlier) or 0, self._lost_messages(model, prompt))
            return PromptVerdict(True, "messages", messages, self._lost_tokens(prompt, earlier))
        if has_shifted(prompt):
            return PromptVerdict(True, "shift")
        return WHOLE if is_whole(prompt) else UNKNOWN

    # The signs of messages that were left out

    def _has_lost(self, model: str, prompt: Prompt, earlier: list[_Turn]) -> bool:
        if any(turn.is_cut and turn.room >= prompt.room for turn in earlier):
            return True
        if _whole_at_least(prompt, earlier) > prompt.read:
            return True
        if prompt.count is not None:
            return False
        ratio = self._most_characters_a_token(model, prompt)
        return ratio is not None and _characters(prompt) / ratio > prompt.room

    def _lost_tokens(self, prompt: Prompt, earlier: list[_Turn]) -> int | None:
        lost = _whole_at_least(prompt, earlier) - prompt.read
        return lost if lost > 0 else None

    def _lost_messages(self, model: str, prompt: Prompt) -> int:
        """How many messages must have gone so that the others are no more than what was read."""
        if prompt.count is None:
            return 0
        around = self._around.get(model, _LEAST_AROUND)
        sizes = [around + ((prompt.count(part.shown) or 0) if part.shown else 0) for part in prompt.parts.parts]
        left, lost = sum(sizes), 0
        for part, size in zip(prompt.parts.parts[:-1], sizes, strict=False):
            if left <= prompt.read:
                break
            if part.role != "system":
                left -= size
                lost += 1
        return lost

    # What is learned

    def _earlier(self, model: str, prompt: Prompt) -> Iterator[_Turn]:
        """The turns whose messages this prompt begins with, and which a template shows alike."""
        parts = prompt.parts.parts
        for number, part in enumerate(parts, 1):
            if part.may_shrink:
                return
            turn = self._turns.get((model, part.until_here))
            # Some templates show the tools only before a question of the user, or end otherwise after an answer.
            if turn is not None and turn.last_role == parts[-1].role:
                yield turn._replace(messages=number)

    def _remember(self, model: str, prompt: Prompt, verdict: PromptVerdict, earlier: list[_Turn]) -> None:
        parts = prompt.parts.parts
        is_cut = verdict.is_cut is True and verdict.by != "shift"
        turn = _Turn(
            read=prompt.read,
            at_least=max(prompt.read, _whole_at_least(prompt, earlier)),
            room=prompt.room,
            is_cut=is_cut,
            messages=len(parts),
            counted=self._learn_around(model, prompt, earlier) if verdict is WHOLE else None,
            lost_messages=(verdict.messages or 0) if is_cut else 0,
            last_role=parts[-1].role,
        )
        key = model, parts[-1].until_here
        self._turns[key] = turn
        self._turns.move_to_end(key)
        if len(self._turns) > _MOST_TURNS:
            self._turns.popitem(last=False)

    def _learn_around(self, model: str, prompt: Prompt, earlier: list[_Turn]) -> int | None:
        """Learn what stands around a message, from two whole turns of a conversation; what this one's texts have."""
        if prompt.count is None:
            return None
        texts = counted(prompt)
        for turn in earlier:
            more = len(prompt.parts.parts) - turn.messages
            if turn.counted is not None and more > 0:
                around = (prompt.read - turn.read - texts + turn.counted) // more
                self._around[model] = max(_LEAST_AROUND, min(around, self._around.get(model, around)))
        if len(self._around) > _MOST_MODELS:
            self._around.popitem(last=False)
        return texts

    def _learn_ratio(self, model: str, prompt: Prompt) -> None:
        characters = _characters(prompt)
        key = model, _script(prompt)
        if key not in self._ratios and len(self._ratios) >= _MOST_MODELS:
            self._ratios.popitem(last=False)
        self._ratios.setdefault(key, deque(maxlen=_RATIOS_KEPT)).append(characters / prompt.read)

    def _most_characters_a_token(self, model: str, prompt: Prompt) -> float | None:
        """What 95 of 100 whole prompts of the model have at most; None when too few are known."""
        ratios = self._ratios.get((model, _script(prompt)))
        if ratios is None or len(ratios) < _ENOUGH_RATIOS:
            return None
        return _MARGIN * sorted(ratios)[int(0.95 * (len(ratios) - 1))]


def _lost_before(earlier: list[_Turn]) -> int | None:
    return max((turn.lost_messages for turn in earlier), default=0) or None


def _whole_at_least(prompt: Prompt, earlier: list[_Turn]) -> int:
    """The least tokens that all of the prompt has: as many as an earlier turn, and one more for each new message."""
    count = len(prompt.parts.parts)
    least = max((turn.at_least + count - turn.messages for turn in earlier), default=0)
    return max(least, counted(prompt))


def _characters(prompt: Prompt) -> int:
    return sum(len(part.shown) for part in prompt.parts.parts) + len(prompt.parts.tools)


def _script(prompt: Prompt) -> str:
    """A word for how much text a token of such writing has: by its bytes a character, and by its marks."""
    texts: list[Part] = [part for part in prompt.parts.parts if part.shown]
    characters = sum(len(part.shown) for part in texts) or 1
    size = sum(part.most_tokens for part in texts) / characters
    return "wide" if size > 2.2 else "two" if size > 1.3 else "one"
