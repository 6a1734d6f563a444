"""Conversations for fine-tuning: ``{"messages": [...], "tools"?: [...]}``, one example a line.

The form is OpenAI's. Its own and compatible services take it as it is; Hugging Face's datasets, TRL, axolotl and
LLaMA-Factory read it. The arguments of a tool call are a JSON *text* by default. OpenAI's validation refuses anything
else and axolotl advises it; columns of Arrow also stay of one type when two tools use one name for different things.
Most chat templates of Hugging Face want an *object*, and some write a text out wrongly without a word. For TRL, and
what stands on it, choose ``tool_arguments_as_objects``.
(huggingface/transformers#45419, axolotl-ai-cloud/axolotl#3136, TRL's *Dataset formats*.)

Only complete, successful chats and generations are worth learning from, and each only once; what a client asked for
itself, such as a title, is not, unless it is asked for. Records must come newest
first: the longest form of a conversation then comes before its beginnings, which are parts of it and left out. Masked
secrets stay masked. Images, and whatever our copy does not hold whole, are left out.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.exports.chunks import in_pieces
from service.exports.digest_set import DigestSet
from service.exports.messages import Message, fingerprints, messages_of, seed_of, tools_of
from service.journal.reader import KeptRecord
from service.record.conversation import Conversation, read_conversation
from service.record.exchange import Outcome
from service.record.generation import UNFINISHED
from service.record.line_limit import encode
from service.record.open_webui import task_in
from service.record.operations import CONVERSATIONS
from service.record.record import Record


class Reason(StrEnum):
    """Why a record is not among the examples."""

    NOT_A_CHAT = "not_a_chat"
    CLIENT_TASK = "client_task"
    NOT_SUCCESSFUL = "not_successful"
    CUT_PROMPT = "cut_prompt"
    MAYBE_CUT_PROMPT = "maybe_cut_prompt"
    CUT_ANSWER = "cut_answer"
    IMAGES = "images"
    SHORTENED = "shortened"
    ANSWER_NOT_ALL_READ = "answer_not_all_read"
    EARLIER_TURNS_MISSING = "earlier_turns_missing"
    NO_TEMPLATE = "no_template"
    SEVERAL_ANSWERS = "several_answers"
    NO_QUESTION = "no_question"
    NO_ANSWER = "no_answer"
    TOO_SHORT = "too_short"
    UNUSABLE = "unusable"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What becomes an example.

    ``tasks`` also takes what a client asked for itself: titles, tags and the like.
    ``drop_system`` leaves system prompts out of the examples; ``all_outcomes`` also takes answers that failed, were
    cut or followed a prompt that was cut, or of several turns of which nobody knows whether they were all read;
    ``keep_thinking`` adds ``reasoning_content`` to the assistant's messages.
    ``min_turns`` counts questions of the user, ``min_characters`` those of the answer's text (calls of tools
    always suffice).
    """

    drop_system: bool = False
    all_outcomes: bool = False
    keep_thinking: bool = False
    tool_arguments_as_objects: bool = False
    min_turns: int = 1
    min_characters: int = 1
    tasks: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """How many examples were ``written``, and by reason how many records were left out."""

    written: int
    counts: Mapping[Reason, int]


@dataclass(frozen=True, slots=True)
class Example:
    """One line of the file, the messages in it, and the record that it was made from."""

    line: bytes
    messages: list[Message]
    record: Record


def _row_of(messages: list[Message], tools: list[dict[str, Any]]) -> dict[str, Any]:
    return {"messages": messages, "tools": tools} if tools else {"messages": messages}


_NO_TURNS = frozenset({"suffix", "template"})
# What stands in an answer for a picture that a model drew.
_PICTURE = re.compile(r"<image \d{1,15} bytes(?: sha256:[0-9a-f]{64}|, not whole)>")
# The words of Ollama and OpenAI, of Anthropic, and of OpenAI's responses.
_CUT = frozenset(
    {"length", "max_tokens", "max_output_tokens", "incomplete", "content_filter", "pause_turn", UNFINISHED}
)


def write(
    records: Iterable[KeptRecord],
    options: ChatOptions = ChatOptions(),
    when_done: Callable[[Left], None] | None = None,
) -> Iterator[bytes]:
    """The examples that ``records`` (newest first) hold. ``when_done`` gets at the end what was left out and why.

    Never raises for what a record holds.
    """
    counts: Counter[Reason] = Counter()
    written = 0

    def lines() -> Iterator[bytes]:
        nonlocal written
        for example in examples(records, options, counts):
            written += 1
            yield example.line

    yield from in_pieces(lines())
    if when_done:
        when_done(Left(written, dict(counts)))


def examples(
    records: Iterable[KeptRecord],
    options: ChatOptions,
    counts: "Counter[Reason]",
    row_of: Callable[[list[Message], list[dict[str, Any]]], dict[str, Any]] = _row_of,
) -> Iterator[Example]:
    """What of ``records`` (newest first) is worth learning from; of the others ``counts`` gets the reasons.

    ``row_of`` makes the object that is written out of the messages and the tools.
    """
    with contextlib.closing(DigestSet()) as seen:
        for kept in records:
            example = _example(kept, options, seen, row_of)
            if isinstance(example, Reason):
                counts[example] += 1
            else:
                yield example


def _example(
    kept: KeptRecord,
    options: ChatOptions,
    seen: DigestSet,
    row_of: Callable[[list[Message], list[dict[str, Any]]], dict[str, Any]],
) -> Example | Reason:
    # The row's own column needs no parsing.
    if kept.row.operation not in CONVERSATIONS:
        return Reason.NOT_A_CHAT
    record = Record(kept.row.line)
    if reason := _reason_in_record(record, options):
        return reason
    conversation = read_conversation(record, kept.request)
    # Records of before this field existed have none.
    if not options.tasks and (record.task or task_in(conversation.turns)):
        return Reason.CLIENT_TASK
    if reason := _reason_in_request(conversation):
        return reason
    # Only whole messages are left out without a sign: of a single one it shows in its tokens.
    turns = sum(turn.role != "system" for turn in conversation.turns)
    if record.prompt_truncated is None and turns > 1 and not options.all_outcomes:
        return Reason.MAYBE_CUT_PROMPT
    try:
        messages = messages_of(
            conversation,
            drop_system=options.drop_system,
            keep_thinking=options.keep_thinking,
            as_objects=options.tool_arguments_as_objects,
        )
    except ValueError:
        return Reason.UNUSABLE
    if reason := _reason_in_messages(messages, options):
        return reason
    tools = tools_of(conversation)
    line = _line(row_of(messages, tools))
    if line is None:
        return Reason.UNUSABLE
    *earlier, whole = fingerprints(messages, seed_of(tools))
    if not seen.add(whole):
        return Reason.REPEATED
    # A conversation is sent again when it goes on, which is after an answer.
    for digest in earlier:
        seen.add(digest)
    return Example(line, messages, record)


def _reason_in_record(record: Record, options: ChatOptions) -> Reason | None:
    if not options.all_outcomes:
        if record.failed is not False or record.outcome != Outcome.COMPLETED:
            return Reason.NOT_SUCCESSFUL
        if record.prompt_truncated:
            return Reason.CUT_PROMPT
        if record.done_reason in _CUT:
            return Reason.CUT_ANSWER
    answer = record.response_text
    if record.images or (answer and "<image " in answer and _PICTURE.search(answer)):
        return Reason.IMAGES
    return None


def _reason_in_request(conversation: Conversation) -> Reason | None:
    if conversation.has_unread:
        return Reason.ANSWER_NOT_ALL_READ
    if not conversation.is_whole:
        return Reason.SHORTENED
    if any(turn.images for turn in conversation.turns):
        return Reason.IMAGES
    answer = conversation.answer
    if answer is None or not (answer.text.strip() or answer.tool_calls):
        return Reason.NO_ANSWER
    parameters = conversation.parameters
    if parameters.get("context") or parameters.get("previous_response_id") or parameters.get("conversation"):
        return Reason.EARLIER_TURNS_MISSING
    # With `raw` the prompt holds a template's own marks; with `suffix` it is the text around a gap.
    if parameters.get("raw") is True or any(turn.role in _NO_TURNS for turn in conversation.turns):
        return Reason.NO_TEMPLATE
    several = parameters.get("n")
    if isinstance(several, int) and several > 1:
        return Reason.SEVERAL_ANSWERS
    return None


def _reason_in_messages(messages: list[Message], options: ChatOptions) -> Reason | None:
    answer = messages[-1]
    if "tool_calls" not in answer and len(answer["content"].strip()) < options.min_characters:
        return Reason.TOO_SHORT
    questions = sum(1 for message in messages if message["role"] == "user")
    if not questions:
        return Reason.NO_QUESTION
    return Reason.TOO_SHORT if questions < options.min_turns else None


def _line(example: dict[str, Any]) -> bytes | None:
    try:
        return encode(example) + b"\n"
    except TypeError:
        pass
    try:
        return encode(_storable(example)) + b"\n"
    except (TypeError, RecursionError):
        # Nested deeper than any tool is.
        return None


def _storable(value: Any) -> Any:
    """``value`` with its lone surrogates written out: UTF-8 cannot hold them."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(entry) for key, entry in value.items()}
    return [_storable(entry) for entry in value] if isinstance(value, list | tuple) else value
