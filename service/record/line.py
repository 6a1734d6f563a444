"""The record of an exchange: the JSON line that Loki, the journal and standard output get."""

from collections.abc import Callable
from functools import lru_cache
from time import gmtime, strftime
from typing import Any

from service.record.bodies import READABLE_BYTES, readable, whole
from service.record.body_text import copy_of
from service.record.exchange import Body, Caller, EncodedRecord, Exchange, OpenExchange, Outcome
from service.record.generation import UNFINISHED, Generation, understand_reply
from service.record.line_limit import LINE_BYTES, encode, fit
from service.record.masking import mask as mask_bytes
from service.record.masking import mask_text
from service.record.measures import measures
from service.record.replies import repeats_in_pieces
from service.record.request_facts import Asked, read_request

_IDENTITY = ("time", "method", "request_uri", "status", "request_time")
BODY_KEYS = ("request_body", "response_text", "thinking", "tool_calls", "response_body")
KEYS: tuple[str, ...] = (
    *_IDENTITY,
    *BODY_KEYS,
    *("error", "outcome", "failed", "operation", "api", "model", "stream", "done_reason"),
    *("prompt_tokens", "completion_tokens", "tokens_per_second", "prompt_truncated", "context_length"),
    *(
        "upload_time",
        "wait_time",
        "load_time",
        "prompt_time",
        "generation_time",
        "time_to_first_byte",
        "time_to_first_token",
        "upstream_status",
    ),
    *("workflow", "workflow_id", "execution_id", "node", "caller", "user", "replay_of", "user_agent", "remote_addr"),
    *("request_bytes", "response_bytes", "request_truncated", "response_truncated", "images"),
    *("exchange", "trace_id", "span_id", "started"),
)
"""Every key that a line may have, in the order in which they stand."""

METADATA_KEYS: tuple[str, ...] = (
    *("status", "request_time", "outcome", "failed", "operation", "api", "model", "stream", "done_reason"),
    *("prompt_tokens", "completion_tokens", "tokens_per_second", "prompt_truncated", "context_length"),
    *(
        "upload_time",
        "wait_time",
        "load_time",
        "prompt_time",
        "generation_time",
        "time_to_first_byte",
        "time_to_first_token",
        "upstream_status",
    ),
    *("workflow", "workflow_id", "execution_id", "node", "caller", "user", "replay_of"),
    *("request_bytes", "response_bytes", "images", "exchange", "trace_id"),
)
"""The keys whose values also become structured metadata in Loki, so that no query has to parse a line for them."""

_LONG_TEXTS = ("request_body", "response_text", "thinking", "tool_calls", "response_body", "error")
_MASKED_TEXTS = (
    *("request_uri", "response_text", "thinking", "tool_calls", "error", "model", "done_reason"),
    *("workflow", "workflow_id", "execution_id", "node", "caller", "user", "user_agent"),
)
_GENERATED = ("response_text", "thinking", "tool_calls")
_LONGEST_NAME = 300
_LONGEST_ADDRESS = 4096
_BLOB_KEPT = 4096


def make_record(
    exchange: Exchange, *, context_length_of: Callable[[str], int | None], mask: bool, keep: int = READABLE_BYTES
) -> EncodedRecord:
    """Make the record of an ended exchange. Never raises, whatever the bodies hold.

    ``context_length_of`` tells what a model runs with, in tokens, where it is known;
    ``mask`` replaces well-known shapes of secrets, in texts, kept bytes and addresses alike;
    ``keep`` bounds what a compressed body may grow to (bytes).
    """
    opened = exchange.opened
    request, response = readable(opened.request, keep), readable(exchange.response, keep)
    asked = read_request(opened, request)
    generation = understand_reply(exchange, asked, response)
    if exchange.outcome is Outcome.CLIENT_LEFT and generation.is_finished:
        # OpenAI's SDK hangs up when it has read [DONE], which is before HTTP's own end: it had the whole answer.
        exchange = exchange._replace(outcome=Outcome.COMPLETED)
    request_bytes, response_bytes = _kept(opened, request), _kept(opened, response)
    if mask:
        request_bytes, response_bytes = mask_bytes(request_bytes)[0], mask_bytes(response_bytes)[0]

    request_text, request_is_cut = copy_of(request, request_bytes)
    response_text, response_is_cut = "", False
    if not generation.is_understood and response.length:
        response_text, response_is_cut = copy_of(response, response_bytes)
    request_is_cut = request_is_cut or request.is_shortened or opened.request.is_shortened
    request_is_cut = request_is_cut or opened.request.is_incomplete
    if not generation.is_whole:
        response_is_cut = response_is_cut or response.is_shortened or exchange.response.is_shortened
    facts = _facts(
        exchange, asked, generation, context_length_of, (request_text, request_is_cut), (response_text, response_is_cut)
    )
    if mask and _mask_texts(facts):
        masked_response = response._replace(length=len(response_bytes), head=response_bytes, tail=b"")
        left = _generated(understand_reply(exchange, asked, masked_response))
        if left != tuple(map(facts.get, _GENERATED)) or repeats_in_pieces(response_bytes):
            # A secret came in pieces, a token each: no search finds those in the bytes, so they are not kept.
            response_bytes = b""
    line, facts = _fitting_line(facts)
    for key in BODY_KEYS:
        facts.pop(key, None)
    return EncodedRecord(
        opened.id,
        opened.started_ns,
        exchange.ended_ns,
        opened.method,
        facts.get("operation", ""),
        exchange.outcome,
        opened.parent_span_id,
        line,
        encode(facts),
        request_bytes,
        response_bytes,
    )


def summary_of_open(opened: OpenExchange, *, mask: bool, keep: int = READABLE_BYTES) -> OpenExchange:
    """The same open exchange with its request readable and, with ``mask``, free of secrets: fit to be stored."""
    request = readable(opened.request, keep)
    if opened.operation == "blob":
        request = request._replace(head=request.head[:_BLOB_KEPT], tail=b"")
    if mask:
        head, in_head = mask_bytes(request.head)
        tail, in_tail = mask_bytes(request.tail)
        if in_head or in_tail:
            length = request.length - len(request.head) - len(request.tail) + len(head) + len(tail)
            request = request._replace(length=length, head=head, tail=tail)
        opened = _with_masked_labels(opened)
    return opened if request is opened.request else opened._replace(request=request)


def _with_masked_labels(opened: OpenExchange) -> OpenExchange:
    caller = opened.caller
    labels = [opened.request_uri, opened.user_agent, *caller]
    if not mask_text("\n".join(filter(None, labels)))[1]:
        return opened
    uri, agent, *labels = [mask_text(label)[0] if label else label for label in labels]
    return opened._replace(request_uri=uri or "", user_agent=agent, caller=Caller(*labels))


def _kept(opened: OpenExchange, body: Body) -> bytes:
    if opened.operation == "blob" and body.length > _BLOB_KEPT:
        # Gigabytes of weights say nothing that their beginning does not.
        return body.head[:_BLOB_KEPT]
    return whole(body)


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def moment_of(nanoseconds: int) -> str:
    """Unix nanoseconds as RFC 3339 in UTC, with microseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


def _facts(
    exchange: Exchange,
    asked: Asked,
    generation: Generation,
    context_length_of: Callable[[str], int | None],
    request: tuple[str, bool],
    response: tuple[str, bool],
) -> dict[str, Any]:
    """All that a line says, in the order of ``KEYS``; bodies as (text, whether it is not whole)."""
    opened, outcome = exchange.opened, exchange.outcome
    said: dict[str, Any] = {"time": moment_of(exchange.ended_ns), "method": opened.method}
    said["request_uri"] = opened.request_uri[:_LONGEST_ADDRESS]
    status = exchange.status
    if status is None and outcome is Outcome.CLIENT_LEFT:
        status = 499
    if status is not None:
        said["status"] = status
    if exchange.duration is not None:
        said["request_time"] = round(exchange.duration, 3)
    if request[0]:
        said["request_body"] = request[0]
    if generation.text is not None:
        said["response_text"] = generation.text
    if generation.thinking is not None:
        said["thinking"] = generation.thinking
    if generation.tool_calls is not None:
        said["tool_calls"] = generation.tool_calls
    if response[0]:
        said["response_body"] = response[0]
    error = exchange.error or generation.error
    if error:
        said["error"] = error
    said["outcome"] = str(outcome)
    said["failed"] = outcome is not Outcome.COMPLETED or (status or 0) >= 400 or generation.error is not None
    operation = generation.operation or opened.operation
    if operation:
        said["operation"] = operation
    if opened.api:
        said["api"] = opened.api
    if generation.model is not None:
        said["model"] = generation.model[:_LONGEST_NAME]
    if generation.stream is not None:
        said["stream"] = generation.stream
    if generation.done_reason is not None:
        said["done_reason"] = generation.done_reason[:_LONGEST_NAME]
    elif not response[1] and _is_unfinished(exchange, generation, operation):
        said["done_reason"] = UNFINISHED
    measures(said, exchange, asked, generation, operation, context_length_of)
    _put_caller(said, opened)
    if opened.request.length:
        said["request_bytes"] = opened.request.length
    if exchange.response.length:
        said["response_bytes"] = exchange.response.length
    if request[1]:
        said["request_truncated"] = True
    if response[1]:
        said["response_truncated"] = True
    if generation.images:
        said["images"] = generation.images
    said["exchange"] = opened.id
    said["trace_id"] = opened.trace_id
    said["span_id"] = opened.span_id
    said["started"] = moment_of(opened.started_ns)
    return said


def _is_unfinished(exchange: Exchange, generation: Generation, operation: str) -> bool:
    """Whether Ollama ended the answer without a word, where nobody else cut it."""
    return (
        generation.is_finished is False
        and generation.error is None
        and operation in ("chat", "generate")
        and exchange.outcome is Outcome.COMPLETED
        and (exchange.status or 200) < 400
    )


def _put_caller(said: dict[str, Any], opened: OpenExchange) -> None:
    caller = opened.caller
    if caller.workflow is not None:
        said["workflow"] = caller.workflow
    if caller.workflow_id is not None:
        said["workflow_id"] = caller.workflow_id
    if caller.execution_id is not None:
        said["execution_id"] = caller.execution_id
    if caller.node is not None:
        said["node"] = caller.node
    if caller.caller is not None:
        said["caller"] = caller.caller
    if caller.user is not None:
        said["user"] = caller.user
    if opened.replay_of is not None:
        said["replay_of"] = opened.replay_of
    if opened.user_agent:
        said["user_agent"] = opened.user_agent[:_LONGEST_ADDRESS]
    if opened.remote_addr:
        said["remote_addr"] = opened.remote_addr


def _generated(generation: Generation) -> tuple[str | None, ...]:
    return generation.text, generation.thinking, generation.tool_calls


def _mask_texts(facts: dict[str, Any]) -> bool:
    """Mask what is said beside the bodies; whether there were secrets in what the model said."""
    texts = [facts[key] for key in _MASKED_TEXTS if key in facts]
    if not any(mark in texts[0] for mark in "?~@%"):
        # A path alone names a route, not a secret, but is as long as one.
        texts[0] = ""
    if not mask_text("\n".join(texts))[1]:
        return False
    in_generated = 0
    for key in _MASKED_TEXTS:
        if key in facts:
            facts[key], count = mask_text(facts[key])
            in_generated += count if key in _GENERATED else 0
    return in_generated > 0


def _fitting_line(facts: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    if sum(len(facts[key]) for key in _LONG_TEXTS if key in facts) <= LINE_BYTES:
        line = encode(facts)
        if len(line) <= LINE_BYTES:
            return line, facts
    facts, cut = fit(facts, _LONG_TEXTS)
    if "request_body" in cut:
        facts["request_truncated"] = True
    if cut - {"request_body"}:
        facts["response_truncated"] = True
    facts = {key: facts[key] for key in KEYS if key in facts}
    return encode(facts), facts
