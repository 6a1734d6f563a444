"""A model call in the words of OpenTelemetry's GenAI conventions.

Clients write what they like into a request. A value whose type is not the one that the conventions
give its attribute is left out, so that one odd request cannot make a batch unencodable.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from service.record.fields import MODEL_CALL_ATTRIBUTES
from service.record.operations import SPAN_NAMES
from service.record.record import Record

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
_STOPS = frozenset({"stop", "stop_sequences"})


def call_attributes(record: Record, operation: str, with_messages: bool) -> dict[str, Attribute]:
    """The attributes of the span of a model call."""
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": SPAN_NAMES[operation],
        "gen_ai.provider.name": "ollama",
    }
    values = record.values
    attributes.update((name, values[field]) for name, field in MODEL_CALL_ATTRIBUTES if field in values)
    if record.done_reason is not None:
        attributes["gen_ai.response.finish_reasons"] = [record.done_reason]
    if record.stream and record.time_to_first_byte is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = record.time_to_first_byte
    request = _read_request(record.request_body)
    attributes.update(_request_parameters(request))
    if with_messages:
        attributes.update(_messages(request, record))
    return attributes


def _read_request(body: str | None) -> dict[str, Any]:
    """The request as an object; empty when it is none, or was cut too short to be one."""
    if body is None or not body.startswith("{"):
        return {}
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return request if isinstance(request, dict) else {}


def _request_parameters(request: Mapping[str, Any]) -> Iterator[tuple[str, Attribute]]:
    options = request.get("options")
    for key, value in (*request.items(), *(options.items() if isinstance(options, dict) else ())):
        kind = type(value)
        if key in _DOUBLES and kind in (int, float):
            yield _DOUBLES[key], float(value)
        # OTLP's integers have 64 bits.
        elif key in _INTEGERS and kind is int and -(2**63) <= value < 2**63:
            yield _INTEGERS[key], value
        elif key in _STOPS and (stops := [each for each in _listed(value) if isinstance(each, str)]):
            yield "gen_ai.request.stop_sequences", stops


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _messages(request: Mapping[str, Any], record: Record) -> Iterator[tuple[str, Attribute]]:
    """What was asked and answered, as JSON text: the conventions' form for spans without nested attributes."""
    instructions = [
        {"type": "text", "content": text} for key in ("system", "instructions") for text in _texts(request.get(key))
    ]
    if instructions:
        yield "gen_ai.system_instructions", orjson.dumps(instructions).decode()
    inputs = [_input_message(message) for message in _listed(request.get("messages", request.get("input")))]
    inputs += [{"role": "user", "parts": [_text_part(text)]} for text in _texts(request.get("prompt"))]
    if inputs:
        yield "gen_ai.input.messages", orjson.dumps(inputs).decode()
    outputs = [] if record.thinking is None else [_text_part(record.thinking, "reasoning")]
    outputs += [] if record.response_text is None else [_text_part(record.response_text)]
    outputs += _tool_calls(record.tool_calls)
    if outputs:
        message: dict[str, Any] = {"role": "assistant", "parts": outputs}
        if record.done_reason is not None:
            message["finish_reason"] = record.done_reason
        yield "gen_ai.output.messages", orjson.dumps([message]).decode()


def _text_part(text: str, kind: str = "text") -> dict[str, Any]:
    return {"type": kind, "content": text}


def _texts(value: object) -> Iterator[str]:
    for item in _listed(value):
        if isinstance(item, dict):
            item = item.get("text")
        if isinstance(item, str) and item:
            yield item


def _input_message(message: object) -> dict[str, Any]:
    if not isinstance(message, dict):
        return {"role": "user", "parts": [_text_part(text) for text in _texts(message)]}
    parts = [_text_part(text) for text in _texts(message.get("content"))]
    parts += [{"type": "blob", "modality": "image", "content": image} for image in _texts(message.get("images"))]
    parts += _tool_calls(message.get("tool_calls"))
    return {"role": str(message.get("role", "user")), "parts": parts}


def _tool_calls(calls: object) -> list[dict[str, Any]]:
    """Calls as Ollama and OpenAI write them: ``{"id"?, "function": {"name", "arguments"}}``, also as JSON text."""
    if isinstance(calls, str):
        try:
            calls = orjson.loads(calls)
        except orjson.JSONDecodeError:
            return []
    parts = []
    for call in _listed(calls):
        function = call.get("function", call) if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            identity = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
            arguments = function.get("arguments", function.get("input"))
            parts.append({"type": "tool_call", **identity, "name": function["name"], "arguments": arguments})
    return parts


def captures_messages(environment: Mapping[str, str]) -> bool:
    """Whether messages go into spans, by the variable that OpenTelemetry's GenAI instrumentations use."""
    wish = environment.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").strip().upper()
    return wish in ("SPAN_ONLY", "SPAN_AND_EVENT", "TRUE")
