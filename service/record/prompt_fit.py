"""Whether a prompt fitted into its context: what follows for certain from what was sent, and from what was read of it.

Ollama never says that it left something out. It does so in three ways, each with a sign of its own:

* ``messages``: a chat that is too long loses its oldest messages, one by one, until the rest fits. The last message
  and those of the system stay. What is read is anything below the context.
* ``length``: a text that is still too long is cut. What is read is exactly as much as there is room for, or, by
  newer versions, what is left when half of that is given up.
* ``shift``: the context runs full in mid-answer, and half of it is thrown away. Prompt and answer are more together
  than there is room for.

Every rule here is one way only: what does not follow stays unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from service.record.model_facts import ModelFacts
from service.record.prompt_parts import AROUND_A_MESSAGE, AROUND_THOUGHTS, Part, PromptParts

Cut = Literal["messages", "length", "shift"]
# Ollama's default for num_keep.
_KEPT_UNLESS_ASKED = 4
# What a model's own messages may take while nobody knows them, and what its template and system prompt may.
_OWN_MESSAGE, _OWN_TEXT = 1024, 8192
# Ollama ends an answer, or makes room for it, when this many tokens are over or short of the context.
_SLACK = 1
# What can be counted in any case, in characters.
_BEGINNING = 4000
# What all but the strangest texts have at least.
_BYTES_OF_A_TOKEN = 2
# Ollama's default for num_batch where vectors are made.
_BATCH_UNLESS_ASKED = 2048
# An embedding's text is cut by its tokens, made a text again and counted anew, which may change some.
_COUNTED_ANEW = 8
# One in two thousand prompts has this length by chance.
_LIMITS_ARE_MULTIPLES_OF = 128
# By how much twice of what is read is over the limit that it was cut to.
_LEFT_OF_A_LIMIT = (4, 5, 6)
_EVERY_CHAT_HAS_ROOM_FOR = 2048


class PromptVerdict(NamedTuple):
    """``is_cut`` None: not known. ``messages`` and ``tokens`` are how many were lost at least; None: not known."""

    is_cut: bool | None = None
    by: Cut | None = None
    messages: int | None = None
    tokens: int | None = None


Counter = Callable[[str], int | None]
"""Gives the exact tokens of a text; None where that would take too long."""

UNKNOWN, WHOLE = PromptVerdict(), PromptVerdict(is_cut=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that Ollama read, and its answer.

    ``read`` and ``written`` are the tokens that Ollama counted, ``room`` is the context length. ``keep`` and ``batch``
    are the request's ``num_keep`` and ``num_batch``. ``may_cut`` and ``may_shift``: the request allows that.
    ``halves``: whether this version of Ollama gives up half of a text that is too long; None: not known.
    ``count`` gives the exact tokens of a text, where the model's vocabulary is known.
    """

    parts: PromptParts
    read: int
    written: int | None
    room: int
    facts: ModelFacts | None = None
    keep: int | None = None
    batch: int | None = None
    may_cut: bool = True
    may_shift: bool = True
    is_chat: bool = True
    halves: bool | None = None
    count: Counter | None = None

    @property
    def may_lose_messages(self) -> bool:
        """Whether there are messages that Ollama leaves out first."""
        own = self.facts.message_bytes if self.facts else 0
        return self.may_cut and self.is_chat and bool(self.parts.left_out_first or own)


def cut_sizes(prompt: Prompt) -> frozenset[int]:
    """How many tokens are left of a text that was too long, by any version that may have read it."""
    return _halves(prompt) if prompt.halves else _halves(prompt) | {prompt.room}


def _halves(prompt: Prompt) -> frozenset[int]:
    """The same by newer versions alone."""
    room, sizes = prompt.room, set[int]()
    if prompt.halves is not False:
        keep = prompt.keep
        if keep is None:
            keep = prompt.facts.num_keep if prompt.facts and prompt.facts.num_keep is not None else _KEPT_UNLESS_ASKED
        # One more is kept where the vocabulary has a token for the beginning.
        for kept in (keep, keep + 1) if keep >= 0 else (room,):
            sizes.add(room - max((room - min(kept, room - 1)) // 2, 1))
    return frozenset(sizes)


def is_cut_to_size(prompt: Prompt) -> bool:
    """Whether exactly as much was read as is left of a text that was too long, and what stays may have been that.

    The last message and those of the system stay, whatever else is left out.
    """
    # Half of the context is left of every text that was too long.
    if not prompt.may_cut or 2 * prompt.read < prompt.room or prompt.read not in cut_sizes(prompt):
        return False
    parts = prompt.parts.parts
    stays = (*(part for part in parts[:-1] if not prompt.is_chat or part.role == "system"), *parts[-1:])
    if prompt.read not in _halves(prompt) or prompt.count is not None:
        return _may_fill(prompt, stays)
    # One prompt in two thousand is of such a size by chance, and nearly none has a token for each of its bytes.
    return prompt.parts.most_tokens is None or _size_of(prompt, stays) >= _BYTES_OF_A_TOKEN * prompt.room


def may_be_half(prompt: Prompt) -> bool:
    """Whether this may be half of a prompt: newer versions leave messages out until the rest fills the context, and
    then cut it, as it has to be one token less."""
    if not prompt.may_cut or 2 * prompt.read < prompt.room or prompt.read not in _halves(prompt):
        return False
    return _may_fill(prompt, prompt.parts.parts)


def _may_fill(prompt: Prompt, parts: tuple[Part, ...]) -> bool:
    """Whether ``parts``, and what stands around them, may have as many tokens as there is room for."""
    most = prompt.parts.most_tokens
    if most is None:
        return True
    most += prompt.facts.fixed_bytes + prompt.facts.message_bytes if prompt.facts else _OWN_TEXT
    most += sum(part.most_tokens for part in parts)
    if prompt.count is not None:
        # Bytes are looked at first: counting tokens takes longer.
        for part in parts:
            if most < prompt.room:
                break
            most += most_of(part, prompt.count) - part.most_tokens
    return most >= prompt.room


def _size_of(prompt: Prompt, parts: tuple[Part, ...]) -> int:
    """The bytes of ``parts`` and the tools, runs of white space counted once: these become few tokens."""
    size = len(prompt.parts.tools)
    for part in parts:
        squeezed = " ".join(part.shown.split()).encode("utf-8", "surrogatepass")
        size += len(squeezed) if part.shown else part.most_tokens
    return size


def most_of(part: Part, count: Counter | None) -> int:
    """The most tokens that ``part`` may take with what stands around it."""
    if count is None or not part.shown or part.may_shrink:
        return part.most_tokens
    counted = count(part.shown)
    return part.most_tokens if counted is None else min(part.most_tokens, counted + AROUND_A_MESSAGE)


def has_room_for_more(prompt: Prompt) -> bool:
    """Whether no message can have been left out: any of them would still have fitted in beside what was read.

    Messages are left out one by one until the rest fits, so the last one that went was too much.
    """
    if not prompt.may_lose_messages:
        return True
    # Ollama may have counted more for the images than they took.
    largest, read = _largest_of_its_own(prompt.facts), prompt.read + prompt.parts.image_tokens
    left_out_first = prompt.parts.left_out_first
    # Bytes are looked at first: counting tokens takes longer.
    most = max((part.most_tokens for part in left_out_first), default=0)
    if read + max(largest, most) <= prompt.room:
        return True
    if prompt.count is None or read + largest > prompt.room:
        return False
    return all(
        read + part.most_tokens <= prompt.room or read + most_of(part, prompt.count) <= prompt.room
        for part in left_out_first
    )


def has_shifted(prompt: Prompt) -> bool:
    """Whether there was no room for all of the answer beside the prompt."""
    return prompt.may_shift and prompt.read + (prompt.written or 0) > prompt.room + _SLACK


def is_whole(prompt: Prompt) -> bool:
    """Whether it is shown that all of the prompt was read, and stayed in the context until the answer was written."""
    if is_cut_to_size(prompt) or may_be_half(prompt):
        return False
    if prompt.may_cut and (_may_be_a_limit(prompt.read, prompt.room, prompt.facts) or not has_room_for_more(prompt)):
        return False
    return prompt.read + (prompt.written or 0) < prompt.room or not prompt.may_shift


def is_whole_by_size(read: int, written: int | None, room: int, facts: ModelFacts | None, size: int) -> bool:
    """Whether ``is_whole`` holds for every request of ``size`` bytes of JSON without images.

    Most calls are that small, and their messages need not be looked at. Twice its bytes is more than any message of
    it takes: what JSON writes around a message or a call of a tool is half of what a template may write there.
    """
    if 2 * read >= room or read + (written or 0) >= room or _may_be_a_limit(read, room, facts):
        return False
    return read + max(_largest_of_its_own(facts), 2 * size + AROUND_THOUGHTS + AROUND_A_MESSAGE) <= room


def _largest_of_its_own(facts: ModelFacts | None) -> int:
    """The most tokens of a message that the model itself begins with."""
    if facts is None:
        return _OWN_MESSAGE
    return facts.message_bytes + AROUND_A_MESSAGE if facts.message_bytes else 0


def _may_be_a_limit(read: int, room: int, facts: ModelFacts | None) -> bool:
    """Whether the model itself may have had less room than was asked for: its own limit is not known yet.

    Such a limit is a round number, and as many tokens were read as it leaves of a text that is longer.
    """
    if facts is not None and facts.trained_length is not None:
        return False
    if room <= _EVERY_CHAT_HAS_ROOM_FOR:
        return False
    if read > 0 and not read % _LIMITS_ARE_MULTIPLES_OF:
        return True
    over = 2 * read % _LIMITS_ARE_MULTIPLES_OF
    return over in _LEFT_OF_A_LIMIT and 2 * read > over


def judge_embedding(prompt: Prompt, texts: int) -> PromptVerdict:
    """The verdict on ``texts`` that were made into vectors. ``read`` is the sum of their tokens."""
    if not prompt.may_cut:
        return WHOLE
    limits = {prompt.room}
    if prompt.halves is not False:
        # Newer versions also cut to what is computed at a time.
        own = prompt.facts.num_batch if prompt.facts else None
        limits.add(min(prompt.batch or own or _BATCH_UNLESS_ASKED, prompt.room))
    if texts == 1 and prompt.read in limits and prompt.parts.parts[0].most_tokens >= prompt.read:
        return PromptVerdict(is_cut=True, by="length", tokens=max(0, counted(prompt) - prompt.read) or None)
    if prompt.facts is None or prompt.facts.trained_length is None:
        # The model's own limit may be less than what was asked for.
        over = prompt.read % _LIMITS_ARE_MULTIPLES_OF
        is_near_one = not 0 < over < _LIMITS_ARE_MULTIPLES_OF - _COUNTED_ANEW
        if is_near_one or (texts > 1 and prompt.read > _LIMITS_ARE_MULTIPLES_OF):
            return UNKNOWN
    # None of several texts can have been cut where all of them together are shorter than one that was.
    return WHOLE if prompt.read < min(limits) - _COUNTED_ANEW else UNKNOWN


def counted(prompt: Prompt) -> int:
    """The tokens of all texts that templates show, as far as they were counted: the prompt has more."""
    count = prompt.count
    if count is None:
        return 0
    total = 0
    for part in prompt.parts.parts:
        if part.shown:
            tokens = count(part.shown)
            # Of a text that takes too long its beginning has less, and may end within a token.
            total += max(0, (count(part.shown[:_BEGINNING]) or 0) - 1) if tokens is None else tokens
    return total
