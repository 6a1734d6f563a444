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
from itertools import chain
from typing import Any, Final

import orjson

from service.json_writing import write_json
from service.record.bodies import document
from service.record.chat_messages import ChatMessage, ToolCall, calls_of, turns_of, turns_of_messages
from service.record.conversation import words_in_line
from service.record.exchange import OpenExchange, Outcome
from service.record.generation import Generation
from service.record.record import Record
from service.record.request_facts import Asked
from service.record.thinking_tags import split_thinking
from service.record.tool_calls import parsed_arguments

_MOST_ANSWERS = 20_000
# A greeting and its answer are in many conversations that have nothing else in common.
_TELLING_BYTES: Final = 100
# Of longer ones only the end is compared.
_MOST_TURNS: Final = 2_000
# Of an older answer, only that it came after the same words tells anything.
_NEWEST_TURNS: Final = 8
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

# Python's own hashes, as they take less time than digests: 61 bits with a secret of each process. Among 20,000 answers
# one chat in 10^14 would be taken for another's. They are in memory only; no other process could tell what they are of.
_Keys = tuple[int, ...]
"""By what an answer is found again: a hash of all up to it, and perhaps one of it with its question."""


def named_conversation(
    request: Mapping[str, Any], api: str | None, caller: str | None, execution: str | None, *, has_workflow: bool
) -> str | None:
    """The conversation that a client names: OpenAI's ``conversation``, or a chat of Open WebUI.

    An execution of a workflow is none: the turns of one conversation are executions of their own.
    """
    if api == "openai":
        named = request.get("conversation")
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
        self._of_answer: OrderedDict[int, str] = OrderedDict()
        self._open_calls: dict[int, _OpenCalls] = {}

    def place(
        self, who: Sequence[str | None], turns: Iterable[ChatMessage], answer: ChatMessage | None, exchange: str
    ) -> str:
        """The id of the conversation that a chat goes on with: that of the exchange that began it.

        It is ``exchange``, the chat's own id, where it goes on with none that is known, or with one of several.
        ``who`` asked: others with the same words have conversations of their own.
        """
        given = _keys_of_answers(_with_answer(_spoken(turns), answer), who)
        newest = () if answer is None else given.pop()
        asks_for_tools = answer is not None and bool(answer.tool_calls)
        with self._lock:
            conversation = (self._gone_on_with(given) if given else None) or exchange
            for key in newest:
                is_alone = self._of_answer.get(key, conversation) == conversation
                if asks_for_tools:
                    is_alone = self._is_alone_open(key, is_alone)
                self._of_answer[key] = conversation if is_alone else _OF_SEVERAL
                self._of_answer.move_to_end(key)
            while len(self._of_answer) > _MOST_ANSWERS:
                self._open_calls.pop(self._of_answer.popitem(last=False)[0], None)
        return conversation

    def _gone_on_with(self, given: Sequence[_Keys]) -> str | None:
        """The conversation of the newest answer that is known; of all up to it sooner than of it with its question."""
        for keys in reversed(given):
            for key in keys:
                if (calls := self._open_calls.get(key)) is not None:
                    calls.open = max(0, calls.open - 1)
                if found := self._of_answer.get(key):
                    return found
        return None

    def _is_alone_open(self, key: int, is_alone: bool) -> bool:
        """Whether nobody else waits for the tools of this answer. A program goes on with it once, and soon."""
        calls, now = self._open_calls.setdefault(key, _OpenCalls()), self._now()
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
        newest = _keys_of_answers(_with_answer(_spoken(words.turns), words.answer), who)[-1]
        with self._lock:
            for key in newest:
                if key in self._of_answer:
                    # Older calls of tools were gone on with.
                    if self._of_answer[key] != conversation and not words.answer.tool_calls:
                        self._of_answer[key] = _OF_SEVERAL
                elif len(self._of_answer) < _MOST_ANSWERS:
                    self._of_answer[key] = conversation
                    self._of_answer.move_to_end(key, last=False)


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
    turns = turns_of(request) if asked.plain is None else turns_of_messages(request["messages"], asked.plain)
    return known.place(who, turns, answer, opened.id)


def _calls_in(text: str | None) -> tuple[ToolCall, ...]:
    # It may hold half an emoji, or nest more deeply than what is read as one.
    return tuple(calls_of(document(text.encode("utf-8", "surrogatepass")))) if text else ()


def _spoken(turns: Iterable[ChatMessage]) -> list[ChatMessage]:
    """The newest turns without instructions. What one answer says in several items is one turn."""
    spoken: list[ChatMessage] = []
    answer: list[ChatMessage] = []
    for turn in turns:
        role = turn.role
        if role in _ANSWERS:
            answer.append(turn)
        elif role in _SPOKEN:
            if answer:
                spoken.append(_one_of(answer))
                answer = []
            spoken.append(turn)
    if answer:
        spoken.append(_one_of(answer))
    return spoken[-_MOST_TURNS:]


def _one_of(answer: Sequence[ChatMessage]) -> ChatMessage:
    return answer[0] if len(answer) == 1 else _joined(answer, "\n")


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


def _keys_of_answers(turns: Sequence[ChatMessage], who: Sequence[str | None]) -> list[_Keys]:
    """For each answer a key of all up to it, and of the newest, where that is telling, of it with its question.

    Clients that send the last turns only have no more than the second in common with what they sent before.
    """
    asker = so_far = hash(tuple(who))
    question = ""
    newest = len(turns) - _NEWEST_TURNS
    keys: list[_Keys] = []
    for place, turn in enumerate(turns):
        role, text = turn.role, turn.text
        is_answer = role in _ANSWERS
        if is_answer:
            role = "assistant"
            if "<" in text:
                text = split_thinking("", text)[1]
        text = text.strip()
        so_far = hash((so_far, role, text))
        if turn.images or turn.tool_calls:
            so_far = hash((so_far, _beside(turn)))
        if is_answer:
            if place >= newest and text and _is_telling(question, text):
                keys.append((so_far, hash((asker, question, role, text))))
            else:
                keys.append((so_far,))
        elif role == "user":
            question = text
    return keys


def _is_telling(question: str, answer: str) -> bool:
    """Whether both together are long enough to be one conversation's only."""
    if len(question) + len(answer) >= _TELLING_BYTES:
        return True
    return len((question + answer).encode("utf-8", "surrogatepass")) >= _TELLING_BYTES


def _beside(turn: ChatMessage) -> bytes:
    value = [turn.images, [(call.name, parsed_arguments(call.arguments)) for call in turn.tool_calls]]
    try:
        return write_json(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Lone surrogates, or deeper than orjson goes: the texts of it are as good for a digest.
        flat = turn.images, [(call.name, call.arguments) for call in turn.tool_calls]
        return repr(flat).encode("utf-8", "backslashreplace")
