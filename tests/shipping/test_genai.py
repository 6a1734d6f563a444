from typing import Any

import orjson
import pytest

from service.record.record import record_of
from service.shipping.genai import call_attributes, captures_messages


def attributes_of(request: Any, operation: str = "chat", with_messages: bool = False, **line: Any) -> dict[str, Any]:
    body = request if isinstance(request, str) else orjson.dumps(request).decode()
    return call_attributes(record_of({"request_body": body, **line}), operation, with_messages)


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


def test_usage_and_answer_are_said_in_the_words_of_the_conventions() -> None:
    tokens = {"prompt_tokens": 31, "completion_tokens": 5}
    said = attributes_of(
        {}, "generate", False, model="llama3.2", stream=True, done_reason="stop", time_to_first_byte=0.8, **tokens
    )
    assert said["gen_ai.operation.name"] == "text_completion"
    assert said["gen_ai.provider.name"] == "ollama"
    assert said["gen_ai.request.model"] == "llama3.2"
    assert said["gen_ai.usage.input_tokens"] == 31
    assert said["gen_ai.usage.output_tokens"] == 5
    assert said["gen_ai.response.finish_reasons"] == ["stop"]
    assert said["gen_ai.response.time_to_first_chunk"] == 0.8
    assert "gen_ai.response.time_to_first_chunk" not in attributes_of({}, stream=False, time_to_first_byte=0.8)


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
        "base64:AAAA",
        "",
    ],
)
def test_odd_requests_lose_their_odd_parameters_only(request_body: Any) -> None:
    said = attributes_of(request_body, with_messages=True)
    assert not [name for name in said if name.startswith("gen_ai.request.")]
    assert said["gen_ai.operation.name"] == "chat"


def test_messages_are_left_out_unless_they_are_wanted() -> None:
    request = {"messages": [{"role": "user", "content": "secret"}], "system": "s", "prompt": "p"}
    assert "secret" not in str(attributes_of(request, response_text="answer"))


def test_messages_of_every_api_become_parts() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url"}]},
        {"role": "user", "content": "And this?", "images": ["<image 5 bytes sha256:ab>"]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": {"at": 1}}}]},
        "bare",
    ]
    said = attributes_of(
        {"system": "Be kind.", "messages": messages},
        with_messages=True,
        response_text="A cat.",
        thinking="Hm.",
        tool_calls='[{"function":{"name":"purr","arguments":{}}}]',
        done_reason="stop",
    )
    assert orjson.loads(said["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be kind."}]
    asked = orjson.loads(said["gen_ai.input.messages"])
    assert [message["role"] for message in asked] == ["system", "user", "user", "assistant", "user"]
    assert asked[1]["parts"] == [{"type": "text", "content": "What is this?"}]
    assert asked[2]["parts"][1]["type"] == "blob"
    assert asked[3]["parts"] == [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}]
    (answer,) = orjson.loads(said["gen_ai.output.messages"])
    assert [part["type"] for part in answer["parts"]] == ["reasoning", "text", "tool_call"]
    assert answer["finish_reason"] == "stop"


def test_a_prompt_is_a_message_of_the_user() -> None:
    said = attributes_of({"prompt": "Why?", "system": "Be brief."}, "generate", with_messages=True)
    assert orjson.loads(said["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Why?"}]}
    ]


@pytest.mark.parametrize(
    ("value", "captures"), [("", False), ("NO_CONTENT", False), ("span_only", True), ("true", True)]
)
def test_messages_are_captured_by_the_variable_of_the_genai_instrumentations(value: str, captures: bool) -> None:
    assert captures_messages({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value}) is captures
