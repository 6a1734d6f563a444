"""A model call in the words of OpenTelemetry's GenAI conventions.

Clients write what they like into a request. A value whose type is not the one that the conventions
give its attribute is left out, so that one odd request cannot make a batch unencodable.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from service.record.conversation import WordsInLine
from service.record.exchange import Outcome
from service.record.fields import MODEL_CALL_ATTRIBUTES
from service.record.generation import UNFINISHED
from service.record.known_conversations import named_conversation
from service.record.operations import DRAWN, SPAN_NAMES
from service.record.record import Record
from service.record.request_fields import parameters_in_force
from service.shipping.genai_messages import finish_reason, message_attributes
from service.shipping.span_content import SpanContent

Attribute = str | bool | int | float | list[str]

# What requests call a parameter: Ollama in ``options``, OpenAI and Anthropic at the top.
_DOUBLES = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
_INTEGERS = {
    "top_k": "gen_ai.request.top_k",
    "seed": "gen_ai.request.seed",
    "num_predict": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
}
# How hard a model is to think: Ollama, OpenAI's chat and its responses.
_LEVELS = frozenset({"think", "reasoning_effort", "reasoning"})
_MOST = 1e300
_STOPS = frozenset({"stop", "stop_sequences"})


def call_attributes(record: Record, operation: str, content: SpanContent, words: WordsInLine) -> dict[str, Attribute]:
    """The attributes of the span of a model call."""
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": SPAN_NAMES[operation],
        "gen_ai.provider.name": "ollama",
    }
    values = record.values
    attributes.update((name, values[field]) for name, field in MODEL_CALL_ATTRIBUTES if field in values)
    if model := _response_model(record):
        attributes["gen_ai.response.model"] = model
    if reason := finish_reason(record):
        attributes["gen_ai.response.finish_reasons"] = [reason]
    if record.stream:
        attributes["gen_ai.request.stream"] = True
        if record.time_to_first_byte is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = since_call(
                record.time_to_first_byte, record.queue_time, record.upload_time
            )
    if (server := content.server_of(record.upstream)) is not None:
        attributes["server.address"], attributes["server.port"] = server
    request = words.request
    parameters = parameters_in_force(request, record.api)
    attributes.update(_request_parameters(parameters))
    if kind := _output_type(parameters, operation):
        attributes["gen_ai.output.type"] = kind
    if conversation := conversation_id(record, request):
        attributes["gen_ai.conversation.id"] = conversation
    if content.messages:
        attributes.update(message_attributes(record, words))
    return attributes


def _response_model(record: Record) -> str | None:
    """The model that answered. A record leaves it out where an answer names the one that was asked for."""
    if record.response_model is not None or record.done_reason == UNFINISHED:
        return record.response_model
    is_answered = record.done_reason is not None or record.dimensions is not None
    return record.model if is_answered else None


def conversation_id(record: Record, request: Mapping[str, Any]) -> str | None:
    """The conversation that a call belongs to. Of a record without one, what its client names."""
    if record.conversation_id is not None:
        return record.conversation_id
    has_workflow = record.workflow is not None or record.workflow_id is not None
    return named_conversation(request, record.api, record.caller, record.execution_id, has_workflow=has_workflow)


def user_id(record: Record, request: Mapping[str, Any]) -> str | None:
    """Who asked: as the record knows it, else as the API's own field for it names them."""
    named: object = record.user
    if named is None and record.api == "openai":
        named = request.get("user")
    elif named is None and record.api == "anthropic" and isinstance(metadata := request.get("metadata"), Mapping):
        named = metadata.get("user_id")
    return named if isinstance(named, str) and named else None


def _output_type(request: Mapping[str, Any], operation: str) -> str | None:
    """The kind of content that was asked for; None where the request does not say."""
    if operation in DRAWN:
        return "image"
    wish = request.get("format") or request.get("response_format") or request.get("output_format")
    for key in ("text", "output_config"):
        if wish is None and isinstance(holder := request.get(key), Mapping):
            wish = holder.get("format")
    kind = wish.get("type") if isinstance(wish, Mapping) else wish
    if kind == "text":
        return "text"
    # Ollama's own ``format`` is a word or the schema itself, OpenAI's an object that names its type.
    return "json" if isinstance(wish, Mapping) or kind in ("json", "json_object", "json_schema") else None


def since_call(seconds: float, queue_time: float | None, upload_time: float | None) -> float:
    """Seconds since the call went to Ollama, of seconds since the exchange began; the same without a queue."""
    if not queue_time:
        return seconds
    return round(max(0.0, seconds - (upload_time or 0.0) - queue_time), 6)


def error_type(outcome: str, status: int | None, upstream_status: int | None) -> str:
    """A word of a small set: how the exchange ended, the status, or that the stream itself carried an error."""
    if outcome != Outcome.COMPLETED:
        return outcome
    answered = (status or 0) if upstream_status is None else upstream_status
    return str(answered) if answered >= 400 else "error_in_answer"


def _request_parameters(asked: Mapping[str, Any]) -> Iterator[tuple[str, Attribute]]:
    for key, value in asked.items():
        kind = type(value)
        # What is out of all measure (1e999) is none of the conventions' doubles.
        if key in _DOUBLES and kind in (int, float) and abs(value) < _MOST:
            yield _DOUBLES[key], float(value)
        # OTLP's integers have 64 bits.
        elif key in _INTEGERS and kind is int and -(2**63) <= value < 2**63:
            yield _INTEGERS[key], value
        elif key in _LEVELS and isinstance(level := _level(value), str) and level:
            yield "gen_ai.request.reasoning.level", level
        elif key in _STOPS and (stops := [each for each in _listed(value) if isinstance(each, str)]):
            yield "gen_ai.request.stop_sequences", stops


def _level(value: object) -> object:
    return value.get("effort") if isinstance(value, Mapping) else value


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
