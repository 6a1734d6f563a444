from typing import Any

import orjson

from service.record.conversation import words_in_line
from service.record.record import record_of
from service.shipping.list_views import list_view_attributes
from service.shipping.span_content import SpanContent

ASKED = orjson.dumps({"messages": [{"role": "user", "content": "Why is the sky blue?"}]}).decode()
ALL = SpanContent(messages=True, list_views=True)


def shown(content: SpanContent = ALL, /, **line: Any) -> dict[str, Any]:
    record = record_of({"request_body": ASKED, "operation": "chat", **line})
    return dict(list_view_attributes(record, content, words_in_line(record)))


def test_a_list_shows_kind_question_answer_user_and_conversation() -> None:
    line: dict[str, Any] = {
        "response_text": "Rayleigh.",
        "user": "ana",
        "caller": "Open WebUI",
        "execution_id": "chat-1",
    }
    assert shown(**line) == {
        "openinference.span.kind": "CHAIN",
        "input.value": "Why is the sky blue?",
        "input.mime_type": "text/plain",
        "output.value": "Rayleigh.",
        "output.mime_type": "text/plain",
        "user.id": "ana",
        "session.id": "chat-1",
    }


def test_without_messages_a_list_shows_the_question_that_the_body_tells_anyway_and_no_answer() -> None:
    told = shown(SpanContent(list_views=True), response_text="Rayleigh.")
    assert told["input.value"] == "Why is the sky blue?"
    assert "output.value" not in told


def test_without_bodies_and_messages_no_word_of_the_prompt_is_there() -> None:
    told = shown(SpanContent(bodies=False, list_views=True), response_text="Rayleigh.", error="model runner stopped")
    assert told == {
        "openinference.span.kind": "CHAIN",
        "output.value": "model runner stopped",
        "output.mime_type": "text/plain",
    }


def test_an_answer_without_text_is_shown_by_its_calls() -> None:
    calls = '[{"function":{"name":"zoom","arguments":{"x":1}}}]'
    assert shown(tool_calls=calls, thinking="Hm.")["output.value"] == 'zoom({"x":1})'


def test_a_long_question_is_shown_by_both_ends() -> None:
    long = orjson.dumps({"prompt": "begin " + "x" * 100_000 + " end"}).decode()
    value = shown(request_body=long)["input.value"]
    assert len(value) < 8_010
    assert value.startswith("begin ")
    assert value.endswith(" end")
