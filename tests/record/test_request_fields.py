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


@pytest.mark.parametrize("others", [[], [{"role": "user", "content": "q"}], [{"Role": "user", "Content": "q"}]])
def test_each_message_has_its_own_case(others: list[dict[str, str]]) -> None:
    message = {"Role": "assistant", "content": "", "Tool_Name": "look", "Images": ["aGk="], "thinking": "Well"}
    calls = [{"function": {"Name": "look", "arguments": {"City": "Rome"}}}]
    found = with_known_names({"model": "m", "messages": [*others, message | {"Tool_Calls": calls}]})["messages"]
    known = {"role": "assistant", "content": "", "tool_name": "look", "images": ["aGk="], "thinking": "Well"}
    called = {"function": {"name": "look", "arguments": {"City": "Rome"}}}
    assert found[-1] == known | {"tool_calls": [called]}
    assert found[:-1] == [{"role": "user", "content": "q"}] * len(others)


def test_a_call_may_be_all_that_is_in_capitals() -> None:
    message = {"role": "assistant", "content": "", "tool_calls": [{"Function": {"name": "look", "arguments": {}}}, 1]}
    found = with_known_names({"messages": [message]})["messages"]
    assert found[0]["tool_calls"] == [{"function": {"name": "look", "arguments": {}}}, 1]


def test_letters_that_go_folds_are_those_of_ascii() -> None:
    assert with_known_names({"\u017ftream": False, "keep_alive": 1}) == {"stream": False, "keep_alive": 1}
    found = with_known_names({"me\u017f\u017fages": [{"role": "user", "content": "", "image\u017f": ["aGk="]}]})
    assert found == {"messages": [{"role": "user", "content": "", "images": ["aGk="]}]}


def test_letters_that_only_look_so_are_others() -> None:
    assert with_known_names({"Model": "m", "me\u00dfages": []}) == {"model": "m", "me\u00dfages": []}


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
def test_a_turn_has_its_role_though_only_that_is_in_capitals(path: str) -> None:
    request = b'{"model":"m","messages":[{"Role":"system","content":"be nice"},{"role":"user","content":"q"}]}'
    said = line_of(exchange(request, b"", path))
    assert [turn.role for turn in read_conversation(record_of(said), request).turns] == ["system", "user"]


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
def test_a_record_of_such_a_request_says_what_it_asked_for(path: str) -> None:
    asked = {"MODEL": "m", "STREAM": False, "Messages": [{"Role": "user", "Content": "q"}], "Options": {"num_ctx": 512}}
    request = json.dumps(asked).encode()
    said = line_of(exchange(request, b"", path))
    assert (said["operation"], said["model"], said["stream"]) == ("chat", "m", False)
    assert [turn.text for turn in read_conversation(record_of(said), request).turns] == ["q"]
    generated = line_of(exchange(b'{"Model":"m","Prompt":"q","Stream":false}', b"", "/api/generate"))
    assert (generated["operation"], generated["stream"]) == ("generate", False)
