"""Which conversation a call goes on with: the one that its client names, else one whose answer it repeats.

A chat is sent whole with every turn. So a request that holds an answer which was given before, after the same words,
goes on with that conversation. Examples that a prompt shows were never given, and join nothing. Nor does an answer that
was given after the same words in several conversations: whose it is, nobody can tell. But a program that asks for a
tool goes on once, and soon: an agent that begins each hour with the same call begins a conversation each hour.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, groupby
from typing import Any, Final

import orjson

from service.record.chat_messages import ChatMessage, ToolCall, calls_of, turns_of
from service.record.conversation import words_in_line
from service.record.exchange import OpenExchange, Outcome
from service.record.generation import Generation
from service.record.record import Record
from service.record.request_facts import Asked
from service.record.thinking_tags import split_thinking
from service.record.tool_calls import parsed_arguments

_MOST_ANSWERS: Final = 20_000
# A greeting and its answer are in many conversations that have nothing else in common.
_TELLING_CHARACTERS: Final = 100
# Of longer ones only the end is compared.
_MOST_TURNS: Final = 2_000
# Of an older answer, only that it came after the same words tells anything.
_NEWEST_TURNS: Final = 8
_DIGEST_BYTES: Final = 12
_LONGEST_ID: Final = 200
# In place of a conversation: an answer that was given in several tells none of them.
_OF_SEVERAL: Final = ""
# Nobody goes on any more with a call of a tool.
_ABANDONED_SECONDS: Final = 600.0
_SPOKEN: Final = frozenset({"user", "assistant", "model", "tool", "function"})
_ANSWERS: Final = frozenset({"assistant", "model"})
# Their header for an execution names a chat.
_CHAT_PROGRAMS: Final = frozenset({"Open WebUI"})

_CHAT: Final = "chat"


def named_conversation(
    request: Mapping[str, Any], api: str | None, caller: str | None, execution: str | None, *, has_workflow: bool
) -> str | None:
    """The conversation that a client names: OpenAI's ``conversation``, or a chat of Open WebUI.

    An execution of a workflow is none: the turns of one conversation are executions of their own.
    """
    named = request.get("conversation") if api == "openai" else None
    if isinstance(named, Mapping):
        named = named.get("id")
    if isinstance(named, str) and (named := named.strip()):
        return named[:_LONGEST_ID]
    return execution if caller in _CHAT_PROGRAMS and not has_workflow else None


@dataclass(slots=True)
class _OpenCalls:
    """So many conversations with equal calls of tools wait for the results; ``newest``: when the last one began to."""

    open: int = 0
    newest: float = 0.0


class KnownConversations:
    """The conversations of the newest answers. Any thread may use it; it is in memory only and bounded."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` is a monotonic clock in seconds."""
        self._now = now
        self._lock = threading.Lock()
        self._of_answer: OrderedDict[bytes, str] = OrderedDict()
        self._open_calls: dict[bytes, _OpenCalls] = {}

    def place(
        self, who: Sequence[str | None], turns: Iterable[ChatMessage], answer: ChatMessage | None, exchange: str
    ) -> str:
        """The id of the conversation that a chat goes on with: that of the exchange that began it.

        It is ``exchange``, the chat's own id, where it goes on with none that is known, or with one of several.
        ``who`` asked: others with the same words have conversations of their own.
        """
        digests = _digests_of_answers(_with_answer(_spoken(turns), answer), who)
        given, newest = (digests, ()) if answer is None else (digests[:-1], digests[-1])
        asks_for_tools = answer is not None and bool(answer.tool_calls)
        with self._lock:
            conversation = self._gone_on_with(given) or exchange
            for digest in newest:
                is_alone = self._of_answer.get(digest, conversation) == conversation
                if asks_for_tools:
                    is_alone = self._is_alone_open(digest, is_alone)
                self._of_answer[digest] = conversation if is_alone else _OF_SEVERAL
                self._of_answer.move_to_end(digest)
            while len(self._of_answer) > _MOST_ANSWERS:
                self._open_calls.pop(self._of_answer.popitem(last=False)[0], None)
        return conversation

    def _gone_on_with(self, given: Sequence[tuple[bytes, ...]]) -> str | None:
        for both in reversed(given):
            for digest in both:
                if (calls := self._open_calls.get(digest)) is not None:
                    calls.open = max(0, calls.open - 1)
                if found := self._of_answer.get(digest):
                    return found
        return None

    def _is_alone_open(self, digest: bytes, is_alone: bool) -> bool:
        """Whether nobody else waits for the tools of this answer. A program goes on with it once, and soon."""
        calls, now = self._open_calls.setdefault(digest, _OpenCalls()), self._now()
        if now - calls.newest > _ABANDONED_SECONDS:
            calls.open = 0
        is_alone = is_alone or not calls.open
        calls.open, calls.newest = 1 if is_alone else calls.open + 1, now
        return is_alone

    def learn(self, record: Record) -> None:
        """Take what a record of an earlier run tells, the newest first."""
        conversation = record.conversation_id
        if record.operation != _CHAT or record.request_truncated or record.replay_of or conversation is None:
            return
        words, who = words_in_line(record), (record.caller, record.user, record.key)
        if words.answer is None:
            return
        newest = _digests_of_answers(_with_answer(_spoken(words.turns), words.answer), who)[-1]
        with self._lock:
            for digest in newest:
                if digest in self._of_answer:
                    # Older calls of tools were gone on with.
                    if self._of_answer[digest] != conversation and not words.answer.tool_calls:
                        self._of_answer[digest] = _OF_SEVERAL
                elif len(self._of_answer) < _MOST_ANSWERS:
                    self._of_answer[digest] = conversation
                    self._of_answer.move_to_end(digest, last=False)


def conversation_id_of(
    opened: OpenExchange,
    asked: Asked,
    generation: Generation,
    operation: str,
    outcome: Outcome,
    known: KnownConversations | None,
) -> str | None:
    """The conversation of a call; None: it is no turn of one, or nobody can tell.

    Without ``known`` it is only one that the client names.
    """
    caller, request = opened.caller, asked.document or {}
    has_workflow = caller.workflow is not None or caller.workflow_id is not None
    named = named_conversation(request, opened.api, caller.caller, caller.execution_id, has_workflow=has_workflow)
    if named is not None or known is None or operation != _CHAT or not request:
        return named
    # What a recorder sends again is no turn of a person's, and what was refused is none at all.
    if opened.replay_of is not None or outcome is Outcome.REFUSED:
        return None
    answer = None
    if generation.text or generation.tool_calls:
        answer = ChatMessage("assistant", generation.text or "", "", _calls_in(generation.tool_calls))
    who = (caller.caller, caller.user, opened.key_name)
    return known.place(who, turns_of(request), answer, opened.id)


def _calls_in(text: str | None) -> tuple[ToolCall, ...]:
    return tuple(calls_of(orjson.loads(text))) if text else ()


def _spoken(turns: Iterable[ChatMessage]) -> list[ChatMessage]:
    """The newest turns without instructions. What one answer says in several items is one turn."""
    spoken: list[ChatMessage] = []
    for is_answer, following in groupby((turn for turn in turns if turn.role in _SPOKEN), _is_answer):
        run = list(following)
        spoken += [_joined(run, "\n")] if is_answer and len(run) > 1 else run
    return spoken[-_MOST_TURNS:]


def _is_answer(turn: ChatMessage) -> bool:
    return turn.role in _ANSWERS


def _joined(answers: Sequence[ChatMessage], between: str) -> ChatMessage:
    text = between.join(one.text for one in answers if one.text)
    return ChatMessage("assistant", text, "", tuple(chain.from_iterable(one.tool_calls for one in answers)))


def _with_answer(spoken: list[ChatMessage], answer: ChatMessage | None) -> list[ChatMessage]:
    if answer is None:
        return spoken
    if spoken and spoken[-1].role in _ANSWERS:
        # It goes on where the request began to speak for the assistant.
        return [*spoken[:-1], _joined((spoken[-1], answer), "")]
    return [*spoken, answer]


def _digests_of_answers(turns: Sequence[ChatMessage], who: Sequence[str | None]) -> list[tuple[bytes, ...]]:
    """For each answer a digest of all up to it, and of the newest, where that is telling, of it with its question.

    Clients that send the last turns only have no more than the second in common with what they sent before.
    """
    seed = _beginning_of(tuple(who))
    so_far, question = seed.copy(), b""
    digests: list[tuple[bytes, ...]] = []
    for place, turn in enumerate(turns):
        is_answer = turn.role in _ANSWERS
        text = (split_thinking("", turn.text)[1] if is_answer else turn.text).strip().encode("utf-8", "surrogatepass")
        so_far.update(b"\1" if is_answer else b"\0" + turn.role.encode())
        so_far.update(text)
        if turn.images or turn.tool_calls:
            so_far.update(_beside(turn))
        if is_answer:
            both: tuple[bytes, ...] = (so_far.copy().digest(),)
            if place >= len(turns) - _NEWEST_TURNS and text and len(question) + len(text) >= _TELLING_CHARACTERS:
                pair = seed.copy()
                pair.update(b"\2" + question + b"\1" + text)
                both = (*both, pair.digest())
            digests.append(both)
        elif turn.role == "user":
            question = text
    return digests


# The same callers come again and again.
@lru_cache(maxsize=256)
def _beginning_of(who: tuple[str | None, ...]) -> blake2b:
    """What their digests begin with; to be copied, never updated."""
    return blake2b(repr(who).encode("utf-8", "backslashreplace"), digest_size=_DIGEST_BYTES)


def _beside(turn: ChatMessage) -> bytes:
    value = [turn.images, [(call.name, parsed_arguments(call.arguments)) for call in turn.tool_calls]]
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Lone surrogates, or deeper than orjson goes: the texts of it are as good for a digest.
        flat = turn.images, [(call.name, call.arguments) for call in turn.tool_calls]
        return repr(flat).encode("utf-8", "backslashreplace")
