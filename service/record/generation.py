"""What the bytes of an exchange meant, whichever API they were written in."""

from dataclasses import dataclass
from typing import Final

from service.record import anthropic_replies, ollama_replies, openai_replies
from service.record.answer_errors import error_in, error_of_stranger, is_page, no_answer
from service.record.answer_streams import is_event_stream
from service.record.bodies import is_like_json
from service.record.exchange import Body, Exchange, Outcome
from service.record.first_token import first_token_offset
from service.record.json_text import compact
from service.record.operations import ANSWERED_IN_PIECES, CONVERSATIONS, MODEL_CALLS
from service.record.replies import Reply, single
from service.record.request_facts import Asked
from service.record.surrogates import joined
from service.record.thinking_tags import split_thinking

READERS: Final = {"ollama": ollama_replies.read, "openai": openai_replies.read, "anthropic": anthropic_replies.read}
"""What reads an answer of each API."""

# Of lists and descriptions of models, and the results of Ollama's search.
_TOLD_IN_JSON = frozenset({"list", "ps", "show", "version", "web_search", "web_fetch"})
_OF_LISTS = frozenset(("models", "data", "version", "details", "model_info", "modelfile", "license", "template", "id"))
# A refusal is no longer than this.
_SHORT = 4096
UNFINISHED: Final = "unfinished"
"""The ``done_reason`` of an answer that arrived whole, but without the end marker that its API has."""


# One is made for each exchange. A frozen dataclass of so many fields takes longer to make, and each field of a named
# tuple takes twice as long to read. Nobody sets a field later.
@dataclass(slots=True)
class Generation:
    """What a model was asked and what it answered, as far as the bytes tell. None: unknown.

    Durations are seconds. ``text`` is the answer put together from its stream, ``tool_calls``
    compact JSON text: a list of ``{"id"?, "function": {"name", "arguments"}}`` for every API.
    ``first_token_at`` is the offset, in the answer's body, of the first piece of answer or
    thinking text or tool call (None when not streamed, or compressed). ``error`` is an error
    inside the answer, also inside a 200 stream. ``is_finished`` tells that the answer's own end
    marker was seen (None: this kind of answer has none). ``operation`` is ``load`` or ``unload``
    where that is what was meant. ``problem`` says what was not understood or passed over, and
    ``is_understood`` that the other fields tell all that the answer told; ``is_whole``: although our copy has a gap.
    ``remote_host`` and ``remote_model`` say where Ollama passed the request on to, ``response_model`` and
    ``response_id`` what the answer calls its model and itself. ``dimensions``: how many numbers each vector has.
    """

    model: str | None = None
    remote_host: str | None = None
    remote_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    dimensions: int | None = None
    stream: bool | None = None
    text: str | None = None
    thinking: str | None = None
    tool_calls: str | None = None
    done_reason: str | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
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
    _judge(exchange, response, reply)
    if reply.is_finished is False and reply.prompt_tokens == reply.completion_tokens == 0:
        # Without its end Ollama knows no counts, and OpenAI's and Anthropic's forms have zeros for that.
        reply.prompt_tokens = reply.completion_tokens = reply.cached_tokens = None
    first_token_at = None
    if reply.first_piece is not None and not _is_encoded(exchange.response):
        read, operation = READERS[exchange.opened.api], exchange.opened.operation
        first_token_at = first_token_offset(lambda body: read(operation, body), response, reply.first_piece)
    lifecycle = asked.lifecycle
    if reply.done_reason in ("load", "unload"):
        lifecycle = reply.done_reason
    text, thinking = "".join(reply.texts), "".join(reply.thoughts)
    if not text.isascii() or not thinking.isascii():
        text, thinking = joined(text), joined(thinking)
    if "<" in text and exchange.opened.operation in CONVERSATIONS:
        thinking, text = split_thinking(thinking, text)
    return Generation(
        asked.model or reply.model,
        reply.remote_host,
        reply.remote_model,
        reply.model,
        reply.id,
        reply.dimensions,
        _streams(asked, response),
        text or None,
        thinking or None,
        compact(reply.tool_calls) if reply.tool_calls else None,
        _reason_of_limit(asked, reply) if reply.done_reason == "completed" else reply.done_reason,
        reply.error,
        reply.prompt_tokens,
        reply.cached_tokens,
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
        reply.is_understood and reply.problem is None,
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
    is_refusal = (exchange.status or 200) >= 400
    if is_refusal or b'"error"' in response.head[:200]:
        answer = single(response)
        if isinstance(answer, dict):
            error = error_in(answer)
            reply.error = error or (error_of_stranger(answer) if is_refusal else None)
            reply.is_understood = error is not None
        elif answer is None:
            reply.pass_over("something that is not JSON")
    return reply


def _judge(exchange: Exchange, response: Body, reply: Reply) -> None:
    """Whether what came is an answer at all, where it came whole: a success is told as one only then."""
    if exchange.outcome is not Outcome.COMPLETED or (exchange.status or 200) >= 400:
        return
    if reply.is_cut:
        reply.mark_gap()
        reply.pass_over("a piece that broke off")
    if not response.length and exchange.opened.operation in MODEL_CALLS:
        reply.error = no_answer(response)
    if reply.error is None and not reply.is_understood and not response.is_shortened and not _is_encoded(response):
        operation = exchange.opened.operation
        if operation in ANSWERED_IN_PIECES or (operation in _TOLD_IN_JSON and _is_strange(response)):
            reply.error = no_answer(response)


def _is_strange(response: Body) -> bool:
    """Whether a list or a description is none: a page, a text, or an object that holds nothing but a refusal."""
    if is_page(response) or not is_like_json(response.head):
        return True
    if response.length > _SHORT:
        return False
    found = single(response)
    if isinstance(found, dict):
        return not found.keys() & _OF_LISTS and error_of_stranger(found) is not None
    return found is None


def _reason_of_limit(asked: Asked, reply: Reply) -> str | None:
    """Why the answer ended. Ollama calls a response ``completed`` that its ``max_output_tokens`` cut."""
    limit = asked.document.get("max_output_tokens") if asked.document else None
    if type(limit) is int and reply.completion_tokens is not None and 0 < limit <= reply.completion_tokens:
        return "max_output_tokens"
    return reply.done_reason


def _streams(asked: Asked, response: Body) -> bool | None:
    if asked.stream is None and response.length and ("ndjson" in response.content_type or is_event_stream(response)):
        return True
    return asked.stream


def _is_encoded(body: Body) -> bool:
    return body.content_encoding not in ("", "identity")
