from typing import Any

import orjson
import pytest

from service.record.conversation import words_in_line
from service.record.record import record_of
from service.shipping.genai import call_attributes, conversation_id, user_id
from service.shipping.span_content import SpanContent


def attributes_of(request: Any, operation: str = "chat", with_messages: bool = False, **line: Any) -> dict[str, Any]:
    body = request if isinstance(request, str) else orjson.dumps(request).decode()
    record = record_of({"request_body": body, "operation": operation, **line})
    return call_attributes(record, operation, SpanContent(messages=with_messages), words_in_line(record))


def test_ollama_options_and_openai_parameters_become_the_same_attributes() -> None:
    options = {"temperature": 0, "top_p": 0.9, "top_k": 40, "seed": 7, "num_predict": 100, "stop": ["END", "\n"]}
    ollama = attributes_of({"model": "m", "options": options})
    openai = attributes_of(
        {"temperature": 0, "top_p": 0.9, "top_k": 40, "seed": 7, "max_tokens": 100, "stop": ["END", "\n"]}
    )
    assert ollama == openai
    assert ollama["gen_ai.request.temperature"] == 0.0
    assert isinstance(ollama["gen_ai.request.temperature"], float)
    assert ollama["gen_ai.request.max_tokens"] == 100
    assert ollama["gen_ai.request.stop_sequences"] == ["END", "\n"]


def test_what_an_api_passes_over_is_not_told_as_asked_for() -> None:
    asked: dict[str, Any] = {
        "temperature": 0.2,
        "seed": 1,
        "max_tokens": 5,
        "options": {"temperature": 1.5, "num_predict": 7},
    }
    ollama, openai = (attributes_of(asked, api=api) for api in ("ollama", "openai"))
    told = [
        (one.get(f"gen_ai.request.{name}"))
        for one in (ollama, openai)
        for name in ("temperature", "max_tokens", "seed")
    ]
    assert told == [1.5, 7, None, 0.2, 5, 1]
    for asked, told_by in (({"format": "json"}, "ollama"), ({"response_format": {"type": "json_object"}}, "openai")):
        kinds = {api: attributes_of(asked, api=api).get("gen_ai.output.type") for api in ("ollama", "openai")}
        assert kinds == {"ollama": None, "openai": None, told_by: "json"}


def test_usage_and_answer_are_told_in_the_words_of_the_conventions() -> None:
    tokens = {"prompt_tokens": 31, "cached_tokens": 30, "completion_tokens": 5}
    told = attributes_of(
        {}, "generate", False, model="llama3.2", stream=True, done_reason="stop", time_to_first_byte=0.8, **tokens
    )
    assert told["gen_ai.operation.name"] == "text_completion"
    assert told["gen_ai.provider.name"] == "ollama"
    assert told["gen_ai.request.model"] == told["gen_ai.response.model"] == "llama3.2"
    assert told["gen_ai.request.stream"] is True
    assert told["gen_ai.usage.input_tokens"] == 31
    assert told["gen_ai.usage.cache_read.input_tokens"] == 30
    assert told["gen_ai.usage.output_tokens"] == 5
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert told["gen_ai.response.time_to_first_chunk"] == 0.8
    whole = attributes_of({}, stream=False, time_to_first_byte=0.8)
    assert not {"gen_ai.response.time_to_first_chunk", "gen_ai.request.stream"} & whole.keys()


def test_an_answer_is_told_with_its_own_id_and_model() -> None:
    told = attributes_of({}, model="m", response_model="m:latest", response_id="chatcmpl-1", done_reason="stop")
    assert (told["gen_ai.response.model"], told["gen_ai.response.id"]) == ("m:latest", "chatcmpl-1")


@pytest.mark.parametrize("line", [{}, {"done_reason": "unfinished"}, {"failed": True, "error": "gone"}])
def test_a_model_that_did_not_answer_to_the_end_is_not_told_to_have(line: dict[str, Any]) -> None:
    assert "gen_ai.response.model" not in attributes_of({}, model="m", **line)


def test_vectors_are_told_by_their_length() -> None:
    told = attributes_of({"input": "a"}, "embed", model="m", dimensions=768)
    assert told["gen_ai.embeddings.dimension.count"] == 768
    assert told["gen_ai.response.model"] == "m"


def test_the_ollama_is_told_by_host_and_port() -> None:
    record = record_of({})
    told = call_attributes(record, "chat", SpanContent(upstream="http://gpu:11434"), words_in_line(record))
    assert (told["server.address"], told["server.port"]) == ("gpu", 11434)
    assert "server.address" not in attributes_of({})


@pytest.mark.parametrize(
    ("request_body", "operation", "kind"),
    [
        ({"format": "json"}, "chat", "json"),
        ({"format": {"type": "object"}}, "generate", "json"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "chat", "json"),
        ({"response_format": {"type": "text"}}, "chat", "text"),
        ({"text": {"format": {"type": "json_schema"}}}, "chat", "json"),
        ({"prompt": "a cat"}, "image", "image"),
        ({"format": ""}, "chat", None),
        ({"response_format": 7, "text": "x"}, "chat", None),
        ({}, "chat", None),
    ],
)
def test_what_kind_of_content_was_asked_for(request_body: Any, operation: str, kind: str | None) -> None:
    assert attributes_of(request_body, operation).get("gen_ai.output.type") == kind


@pytest.mark.parametrize(
    ("request_body", "level"),
    [({"think": "high"}, "high"), ({"reasoning": {"effort": "low"}}, "low"), ({"think": True}, None)],
)
def test_how_hard_to_think_is_told_where_it_is_a_word(request_body: Any, level: str | None) -> None:
    assert attributes_of(request_body).get("gen_ai.request.reasoning.level") == level


CHAT = {"caller": "Open WebUI", "execution_id": "chat-1"}


@pytest.mark.parametrize(
    ("line", "request_body", "expected"),
    [
        (CHAT, {}, "chat-1"),
        ({**CHAT, "workflow": "Invoices"}, {}, None),
        ({"caller": "n8n", "workflow": "Invoices", "execution_id": "231"}, {}, None),
        ({"api": "openai"}, {"conversation": "conv_1"}, "conv_1"),
        ({"api": "openai"}, {"conversation": {"id": "conv_2"}}, "conv_2"),
        ({"api": "openai"}, {"conversation": 7}, None),
        ({"api": "ollama"}, {"conversation": "not of this API"}, None),
        ({}, {}, None),
    ],
)
def test_a_conversation_is_never_made_up(line: dict[str, Any], request_body: Any, expected: str | None) -> None:
    assert conversation_id(record_of(line), request_body) == expected
    assert attributes_of(request_body, **line).get("gen_ai.conversation.id") == expected


@pytest.mark.parametrize(
    ("line", "request_body", "expected"),
    [
        ({"user": "ana"}, {"user": "other"}, "ana"),
        ({"api": "openai"}, {"user": "u1"}, "u1"),
        ({"api": "anthropic"}, {"metadata": {"user_id": "u2"}}, "u2"),
        ({"api": "anthropic"}, {"metadata": "u2"}, None),
        ({"api": "ollama"}, {"user": "u1"}, None),
    ],
)
def test_the_user_is_the_one_of_the_record_or_of_the_request(
    line: dict[str, Any], request_body: Any, expected: str | None
) -> None:
    assert user_id(record_of(line), request_body) == expected


@pytest.mark.parametrize(
    "request_body",
    [
        {"temperature": "hot", "top_k": 1.5, "seed": True, "stop": [1, None, {}], "max_tokens": [1]},
        {"options": {"seed": 2**64 - 1, "top_p": None}},
        {"options": "all"},
        {"messages": {"role": "user"}},
        [1, 2],
        '{"temperature": 0.5, "cut',
        '{"temperature": 1e999}',
        '{"temperature": NaN, "top_p": 1' + "0" * 400 + "}",
        "base64:AAAA",
        "",
    ],
)
def test_odd_requests_lose_their_odd_parameters_only(request_body: Any) -> None:
    told = attributes_of(request_body, with_messages=True)
    assert not [name for name in told if name.startswith("gen_ai.request.")]
    assert "gen_ai.input.messages" not in told
    assert told["gen_ai.operation.name"] == "chat"


def test_messages_are_left_out_unless_they_are_wanted() -> None:
    request = {"messages": [{"role": "user", "content": "secret"}], "system": "s", "prompt": "p"}
    assert "secret" not in str(attributes_of(request, response_text="answer"))
