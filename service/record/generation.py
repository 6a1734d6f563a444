"""What the bytes of an exchange meant, whichever API they were written in."""

from typing import Final, NamedTuple

from service.record import anthropic_replies, ollama_replies, openai_replies
from service.record.exchange import Body, Exchange
from service.record.operations import ANSWERED_IN_PIECES
from service.record.replies import Reply, compact, error_of, is_event_stream, offset_of_event, offset_of_line, single
from service.record.request_facts import Asked

READERS: Final = {"ollama": ollama_replies.read, "openai": openai_replies.read, "anthropic": anthropic_replies.read}
"""What reads an answer of each API."""

UNFINISHED: Final = "unfinished"
"""The ``done_reason`` of an answer that arrived whole, but without the end marker that its API has."""


# A tuple and not a dataclass, as one is made per exchange: a frozen dataclass of so many fields takes
# four times as long to make, a tenth of a whole record's cost.
class Generation(NamedTuple):
    """What a model was asked and what it answered, as far as the bytes tell. None: unknown.

    Durations are seconds. ``text`` is the answer put together from its stream, ``tool_calls``
    compact JSON text: a list of ``{"id"?, "function": {"name", "arguments"}}`` for every API.
    ``first_token_at`` is the offset, in the answer's body, of the first piece of answer or
    thinking text or tool call (None when not streamed, or compressed). ``error`` is an error
    inside the answer, also inside a 200 stream. ``is_finished`` tells that the answer's own end
    marker was seen (None: this kind of answer has none). ``operation`` is ``load`` or ``unload``
    where that is what was meant. ``problem`` says why bytes were not understood, and
    ``is_understood`` that the other fields tell all that the answer told; ``is_whole``: although our copy has a gap.
    """

    model: str | None = None
    stream: bool | None = None
    text: str | None = None
    thinking: str | None = None
    tool_calls: str | None = None
    done_reason: str | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_time: float | None = None
    wait_time: float | None = None
    prompt_time: float | None = None
    generation_time: float | None = None
    num_ctx: int | None = None
    images: int = 0
    first_token_at: int | None = None
    is_finished: bool | None = None
    operation: str | None = None
    problem: str | None = None
    is_understood: bool = False
    is_whole: bool = False


def understand_reply(exchange: Exchange, asked: Asked, response: Body) -> Generation:
    """Read the answer to a request that was read already."""
    reply = _read_reply(exchange, response)
    if reply.is_finished is False and reply.prompt_tokens == reply.completion_tokens == 0:
        # Without its end Ollama knows no counts, and OpenAI's and Anthropic's forms have zeros for that.
        reply.prompt_tokens = reply.completion_tokens = None
    first_token_at = None
    if reply.first_piece is not None and not _is_encoded(exchange.response):
        if is_event_stream(response):
            first_token_at = offset_of_event(response.head, reply.first_piece)
        elif "ndjson" in response.content_type:
            first_token_at = offset_of_line(response.head, reply.first_piece)
    lifecycle = asked.lifecycle
    if reply.done_reason in ("load", "unload"):
        lifecycle = reply.done_reason
    return Generation(
        asked.model or reply.model,
        _streams(asked, response),
        "".join(reply.texts) or None,
        "".join(reply.thoughts) or None,
        compact(reply.tool_calls) if reply.tool_calls else None,
        reply.done_reason,
        reply.error,
        reply.prompt_tokens,
        reply.completion_tokens,
        reply.total_time,
        reply.wait_time,
        reply.prompt_time,
        reply.generation_time,
        asked.num_ctx,
        asked.images,
        first_token_at,
        reply.is_finished,
        lifecycle,
        reply.problem,
        reply.is_understood,
        reply.is_whole,
    )


def _read_reply(exchange: Exchange, response: Body) -> Reply:
    opened = exchange.opened
    if not response.length:
        return Reply(is_finished=False if opened.operation in ANSWERED_IN_PIECES else None, is_understood=True)
    reader = READERS.get(opened.api)
    if reader is not None and opened.operation in ANSWERED_IN_PIECES and (exchange.status or 200) < 400:
        return reader(opened.operation, response)
    return _read_error(exchange, response)


def _read_error(exchange: Exchange, response: Body) -> Reply:
    """An error, or a list or description of models, which nothing is gathered from."""
    reply = Reply()
    if (exchange.status or 200) >= 400 or b'"error"' in response.head[:200]:
        answer = single(response)
        if isinstance(answer, dict) and answer.get("error"):
            reply.error = error_of(answer["error"])
            reply.is_understood = reply.error is not None
        elif answer is None:
            reply.problem = "the answer is not JSON"
    return reply


def _streams(asked: Asked, response: Body) -> bool | None:
    if asked.stream is None and response.length and ("ndjson" in response.content_type or is_event_stream(response)):
        return True
    return asked.stream


def _is_encoded(body: Body) -> bool:
    return body.content_encoding not in ("", "identity")
