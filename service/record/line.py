"""The record of an exchange: the JSON line that Loki, the journal and standard output get."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from service.record.answer_errors import NO_END
from service.record.bodies import READABLE_BYTES, readable, whole
from service.record.body_text import copy_of
from service.record.call_context import ContextLengthOf
from service.record.counted_facts import counted_now
from service.record.exchange import Body, Caller, EncodedRecord, Exchange, OpenExchange, Outcome
from service.record.exchange_masking import GENERATED, masking_with
from service.record.fields import BODIES, FIELD_NAMES
from service.record.generation import UNFINISHED, Generation, understand_reply
from service.record.hang_up import was_stopped
from service.record.known_conversations import KnownConversations, conversation_id_of
from service.record.line_limit import LINE_BYTES, encode, fit
from service.record.measures import measures
from service.record.open_webui import task_of
from service.record.operations import CONVERSATIONS, POLLS
from service.record.own_masks import MaskedPart, OwnMasks
from service.record.prompt_memory import PromptMemory
from service.record.repetition import repeats_itself
from service.record.replies import repeats_in_pieces, single
from service.record.request_facts import Asked, read_request
from service.record.timestamps import to_thousandths, write_time

CLIENT_LEFT_STATUS: Final = 499
"""The status of an exchange whose client left before it was answered. NGINX's number; HTTP has none."""

_LONG_TEXTS = (*BODIES, "error")
_BODIES_BEGIN: Final = tuple((key, f',"{key}":'.encode()) for key in BODIES)
# What follows them; the second is in every line.
_ERROR, _OUTCOME = b',"error":', b',"outcome":'
_LONGEST_NAME = 300
_LONGEST_ADDRESS = 4096
_BLOB_KEPT = 4096


def make_record(
    exchange: Exchange,
    *,
    context_length_of: ContextLengthOf,
    mask: bool,
    keep: int = READABLE_BYTES,
    memory: PromptMemory | None = None,
    own_masks: OwnMasks = (),
    conversations: KnownConversations | None = None,
) -> EncodedRecord:
    """Make the record of an ended exchange. Never raises, whatever the bodies hold.

    ``context_length_of`` tells how many tokens a call had room for, where that is certain;
    ``memory`` judges whether a prompt was cut (None: by what this exchange tells alone);
    ``conversations`` tells which one a chat goes on with (None: only one that its client names is told);
    ``mask`` replaces well-known shapes of secrets, in texts, kept bytes and addresses alike, and so do ``own_masks``;
    ``keep`` bounds what a compressed body may grow to (bytes).
    """
    opened = exchange.opened
    masking = masking_with(mask, own_masks)
    request = masking.shorten(readable(opened.request, keep), MaskedPart.PROMPTS)
    response = masking.shorten(readable(exchange.response, keep), MaskedPart.ANSWERS)
    asked = read_request(opened, request)
    generation = understand_reply(exchange, asked, response)
    if exchange.outcome is Outcome.CLIENT_LEFT and generation.is_finished:
        # OpenAI's SDK hangs up when it has read [DONE], which is before HTTP's own end: it had the whole answer.
        exchange = exchange._replace(outcome=Outcome.COMPLETED)
    took_head = exchange.outcome is Outcome.CLIENT_LEFT and _took_head_of_list(exchange)
    if took_head:
        exchange = exchange._replace(outcome=Outcome.COMPLETED)
    request_bytes, response_bytes = _kept(opened, request), _kept(opened, response)
    if masking.is_on:
        request_bytes = masking.body(request_bytes, MaskedPart.PROMPTS)[0]
        response_bytes = masking.body(response_bytes, MaskedPart.ANSWERS)[0]

    request_text, request_is_cut = copy_of(request, request_bytes)
    response_text, response_is_cut = "", took_head and single(response) is None
    if not generation.is_understood and response.length:
        response_text, is_cut = copy_of(response, response_bytes)
        response_is_cut = response_is_cut or is_cut
    request_is_cut = request_is_cut or request.is_shortened or opened.request.is_incomplete
    if request is not opened.request:
        request_is_cut = request_is_cut or opened.request.is_shortened
    if not generation.is_whole:
        response_is_cut = response_is_cut or response.is_shortened
        if response is not exchange.response:
            response_is_cut = response_is_cut or exchange.response.is_shortened
    facts = _facts(
        exchange,
        asked,
        generation,
        (context_length_of, memory or PromptMemory()),
        conversations,
        (request_text, request_is_cut),
        (response_text, response_is_cut),
    )
    if masking.is_on and masking.facts(facts):
        masked_response = response._replace(length=len(response_bytes), head=response_bytes, tail=b"")
        left = _generated(understand_reply(exchange, asked, masked_response))
        if left != tuple(map(facts.get, GENERATED)) or repeats_in_pieces(response_bytes):
            # A secret came in pieces, a token each: no search finds those in the bytes, so they are not kept.
            response_bytes = b""
    line, facts = _fitting_line(facts)
    return EncodedRecord(
        opened.id,
        opened.started_ns,
        exchange.ended_ns,
        opened.method,
        facts.get("operation", ""),
        exchange.outcome,
        opened.parent_span_id,
        line,
        _without_bodies(line, facts),
        request_bytes,
        response_bytes,
        counted_now(facts),
    )


def _took_head_of_list(exchange: Exchange) -> bool:
    """Whether a client that left wanted no more of a list or description than that there is one."""
    is_well = exchange.status is not None and exchange.status < 400
    return is_well and exchange.opened.operation in POLLS


def summary_of_open(
    opened: OpenExchange, *, mask: bool, keep: int = READABLE_BYTES, own_masks: OwnMasks = ()
) -> OpenExchange:
    """The same open exchange with its request readable and masked, as ``make_record`` does: fit to be stored."""
    request = readable(opened.request, keep)
    if opened.operation == "blob":
        request = request._replace(head=request.head[:_BLOB_KEPT], tail=b"")
    masking = masking_with(mask, own_masks)
    if masking.is_on:
        kept = masking.shorten(request, MaskedPart.PROMPTS)
        head, in_head = masking.body(kept.head, MaskedPart.PROMPTS)
        tail, in_tail = masking.body(kept.tail, MaskedPart.PROMPTS)
        if kept is not request or in_head or in_tail:
            length = request.length - len(kept.head) - len(kept.tail) + len(head) + len(tail)
            request = request._replace(length=length, head=head, tail=tail)
        opened = masking.opened(opened)
    return opened if request is opened.request else opened._replace(request=request)


def _kept(opened: OpenExchange, body: Body) -> bytes:
    if opened.operation == "blob" and body.length > _BLOB_KEPT:
        # Gigabytes of weights say nothing that their beginning does not.
        return body.head[:_BLOB_KEPT]
    return whole(body)


def _facts(
    exchange: Exchange,
    asked: Asked,
    generation: Generation,
    room: tuple[ContextLengthOf, PromptMemory],
    conversations: KnownConversations | None,
    request: tuple[str, bool],
    response: tuple[str, bool],
) -> dict[str, Any]:
    """All that a line holds, in the order of ``fields``; bodies as (text, whether it is not whole)."""
    opened, outcome = exchange.opened, exchange.outcome
    values: dict[str, Any] = {"time": write_time(exchange.ended_ns), "method": opened.method}
    values["request_uri"] = opened.request_uri[:_LONGEST_ADDRESS]
    status = status_of(exchange)
    if status is not None:
        values["status"] = status
    if exchange.duration is not None:
        values["request_time"] = to_thousandths(exchange.duration)
    if request[0]:
        values["request_body"] = request[0]
    if generation.text is not None:
        values["response_text"] = generation.text
    if generation.thinking is not None:
        values["thinking"] = generation.thinking
    if generation.tool_calls is not None:
        values["tool_calls"] = generation.tool_calls
    if response[0]:
        values["response_body"] = response[0]
    operation = generation.operation or opened.operation
    is_unfinished = (
        generation.done_reason is None and not response[1] and _is_unfinished(exchange, generation, operation)
    )
    in_answer = generation.error
    if is_unfinished and not repeats_itself(generation.text or generation.thinking or ""):
        in_answer = NO_END
    error = exchange.error or in_answer
    if error:
        values["error"] = error
    values["outcome"] = str(outcome)
    is_ended_well = outcome is Outcome.COMPLETED or was_stopped(exchange, generation)
    values["failed"] = not is_ended_well or (status or 0) >= 400 or in_answer is not None
    if operation:
        values["operation"] = operation
    if opened.api:
        values["api"] = opened.api
    if generation.model is not None:
        values["model"] = generation.model[:_LONGEST_NAME]
    if generation.remote_host is not None:
        values["remote_host"] = generation.remote_host[:_LONGEST_ADDRESS]
    if generation.remote_model is not None:
        values["remote_model"] = generation.remote_model[:_LONGEST_NAME]
    if generation.response_model is not None and generation.response_model != generation.model:
        values["response_model"] = generation.response_model[:_LONGEST_NAME]
    if generation.response_id is not None:
        values["response_id"] = generation.response_id[:_LONGEST_NAME]
    if generation.stream is not None:
        values["stream"] = generation.stream
    if generation.done_reason is not None:
        values["done_reason"] = generation.done_reason[:_LONGEST_NAME]
    elif is_unfinished:
        values["done_reason"] = UNFINISHED
    measures(values, exchange, asked, generation, operation, room[0], room[1])
    conversation = conversation_id_of(opened, asked, generation, operation or "", outcome, conversations)
    task = task_of(opened.caller, operation, asked.document, asked.plain)
    who = opened.caller, opened.item, opened.attempt, opened.replay_of, opened.key_name
    program, rest = _who_asked(*who, task, opened.user_agent, opened.remote_addr)
    values |= program
    if conversation is not None:
        values["conversation_id"] = conversation
    values |= rest
    if opened.request.length:
        values["request_bytes"] = opened.request.length
    if exchange.response.length:
        values["response_bytes"] = exchange.response.length
    if exchange.changed:
        values["changed"] = list(exchange.changed)
    if request[1]:
        values["request_truncated"] = True
    if response[1]:
        values["response_truncated"] = True
    if generation.images:
        values["images"] = generation.images
    if generation.dimensions is not None:
        values["dimensions"] = generation.dimensions
    values["exchange"] = opened.id
    values["trace_id"] = opened.trace_id
    values["span_id"] = opened.span_id
    values["started"] = write_time(opened.started_ns)
    return values


def status_of(exchange: Exchange) -> int | None:
    """The HTTP status of a record: what the client was answered, or CLIENT_LEFT_STATUS."""
    if exchange.status is None and exchange.outcome is Outcome.CLIENT_LEFT:
        return CLIENT_LEFT_STATUS
    return exchange.status


def _is_unfinished(exchange: Exchange, generation: Generation, operation: str) -> bool:
    """Whether Ollama ended the answer without a word, where nobody else cut it."""
    return (
        generation.is_finished is False
        and generation.done_reason is None
        and generation.error is None
        and operation in CONVERSATIONS
        and exchange.outcome is Outcome.COMPLETED
        and (exchange.status or 200) < 400
    )


# The same callers come again and again.
@lru_cache(maxsize=256)
def _who_asked(
    caller: Caller,
    item: int | None,
    attempt: int | None,
    replay_of: str | None,
    key: str | None,
    task: str | None,
    user_agent: str | None,
    remote_addr: str,
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What a line tells of who asked, in its order: before the conversation, which is often a new one, and after."""
    program = {"workflow": caller.workflow, "workflow_id": caller.workflow_id, "execution_id": caller.execution_id}
    rest = {
        "node": caller.node,
        "item": item,
        "attempt": attempt,
        "caller": caller.caller,
        "user": caller.user,
        "replay_of": replay_of,
        "key": key,
        "task": task,
        "user_agent": user_agent[:_LONGEST_ADDRESS] if user_agent else None,
        "remote_addr": remote_addr or None,
    }
    return _what_is_known(program), _what_is_known(rest)


def _what_is_known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _generated(generation: Generation) -> tuple[str | None, ...]:
    return generation.text, generation.thinking, generation.tool_calls


def _without_bodies(line: bytes, facts: Mapping[str, Any]) -> bytes:
    """``line`` without its bodies, which stand together. Inside a text no quote follows a comma: it is escaped."""
    for key, begins in _BODIES_BEGIN:
        if key in facts:
            ends = _ERROR if "error" in facts else _OUTCOME
            return line[: line.index(begins)] + line[line.rindex(ends) :]
    return line


def _fitting_line(facts: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    if sum([len(facts.get(key) or "") for key in _LONG_TEXTS]) <= LINE_BYTES:
        line = encode(facts)
        if len(line) <= LINE_BYTES:
            return line, facts
    facts, cut = fit(facts, _LONG_TEXTS)
    if "request_body" in cut:
        facts["request_truncated"] = True
    if cut - {"request_body"}:
        facts["response_truncated"] = True
    facts = {key: facts[key] for key in FIELD_NAMES if key in facts}
    return encode(facts), facts
