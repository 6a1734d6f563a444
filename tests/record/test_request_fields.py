import json
from typing import Any

import pytest

from service.record.conversation import read_conversation
from service.record.record import record_of
from service.record.request_fields import with_known_names
from tests.record.wire import exchange, line_of


def test_names_in_any_case_are_those_that_ollama_knows() -> None:
    asked = {"MODEL": "m", "Prompt": "q", "sTREAM": False, "Options": {"NUM_CTX": 1}, "Odd": 1}
    known = {"model": "m", "prompt": "q", "stream": False, "options": {"NUM_CTX": 1}, "Odd": 1}
    assert with_known_names(asked) == known
    assert with_known_names({"model": "m", "\u212aeep_alive": 0}) == {"model": "m", "keep_alive": 0}


def test_messages_and_their_calls_too() -> None:
    call = {"Function": {"Name": "look", "Arguments": {"City": "Rome"}}}
    message = {"Role": "assistant", "Content": "", "Tool_Calls": [call]}
    found = with_known_names({"Model": "m", "Messages": [message, "no message"]})
    called = {"function": {"name": "look", "arguments": {"City": "Rome"}}}
    assert found["messages"] == [{"role": "assistant", "content": "", "tool_calls": [called]}, "no message"]


def test_of_two_names_the_later_counts() -> None:
    assert with_known_names({"model": "a", "MODEL": "b"}) == {"model": "b"}
    assert with_known_names({"MODEL": "b", "model": "a"}) == {"model": "a"}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"model": "m", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": []}]},
        {"model": "m", "": 1, "123": 2, "messages": "none"},
    ],
)
def test_what_is_written_as_ollama_does_is_the_same_object(asked: dict[str, Any]) -> None:
    found = with_known_names(asked)
    assert found == asked
    assert found is asked or "" in asked


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
def test_a_record_of_such_a_request_says_what_it_asked_for(path: str) -> None:
    asked = {"MODEL": "m", "STREAM": False, "Messages": [{"Role": "user", "Content": "q"}], "Options": {"num_ctx": 512}}
    request = json.dumps(asked).encode()
    said = line_of(exchange(request, b"", path))
    assert (said["operation"], said["model"], said["stream"]) == ("chat", "m", False)
    assert [turn.text for turn in read_conversation(record_of(said), request).turns] == ["q"]
    generated = line_of(exchange(b'{"Model":"m","Prompt":"q","Stream":false}', b"", "/api/generate"))
    assert (generated["operation"], generated["stream"]) == ("generate", False)
