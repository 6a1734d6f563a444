"""What may have made an answer nonsense is told where it is known, and nowhere else."""

import json
from typing import Any

import pytest

from service.record.content_findings import CallsOf, ContentFinding, JudgedCall, content_findings
from service.record.conversation import read_conversation
from service.record.record import record_of


def call(answer: str = "Because.", thinking: str = "", line: dict[str, Any] | None = None, **asked: Any) -> JudgedCall:
    """A whole chat of a model; ``line`` are further fields of its record, ``asked`` those of its request."""
    request = {"model": "tiny", "messages": [{"role": "user", "content": "Why?"}], **asked}
    values: dict[str, Any] = {
        "operation": "chat",
        "api": "ollama",
        "outcome": "completed",
        "failed": False,
        "model": request["model"],
        "response_text": answer,
        "thinking": thinking,
        **(line or {}),
    }
    record = record_of(values)
    return JudgedCall(record, read_conversation(record, json.dumps(request).encode()))


def found(now: JudgedCall, before: JudgedCall | None = None, calls_of: CallsOf = "node") -> list[ContentFinding]:
    return list(content_findings(now, before, calls_of))


def kinds(now: JudgedCall, before: JudgedCall | None = None) -> list[str]:
    return [one.kind for one in found(now, before)]


def system(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": text}, {"role": "user", "content": "Why?"}]


def test_an_ordinary_answer_after_one_like_it_is_not_remarked_upon() -> None:
    assert kinds(call(), call(answer="Something else.")) == []


def test_that_all_was_read_is_told_only_where_it_is_known() -> None:
    assert kinds(call(line={"prompt_truncated": False})) == ["read_whole"]
    assert kinds(call(line={"prompt_truncated": True})) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (call("", "Hm."), ["thinking_only"]),
        (call("", "Hm.", {"response_truncated": True}), []),
        (call("", "Hm.", {"failed": True}), []),
        (call("", "Hm.", {"tool_calls": '[{"function": {"name": "look", "arguments": {}}}]'}), []),
        (call("no " * 40), ["repeats_itself"]),
        (call("Sure!", format="json"), ["not_json"]),
        (call("Sure!", format={"type": "object"}), ["not_json"]),
        (call("Sure!", response_format={"type": "json_object"}), ["not_json"]),
        (call("Sure!", response_format={"type": "text"}), []),
        (call("Sure!", response_format={"type": "json_object"}, n=2), []),
        (call('{"a": 1}', format="json"), []),
        (call("[" * 5000 + "]" * 5000, format="json"), []),
        (call("1" * 5000, format="json"), []),
        (call('{"a": ', format="json", line={"response_truncated": True}), []),
        (call(line={"response_model": "other"}), ["other_model"]),
        (call(line={"operation": "embed", "response_model": "other"}), []),
    ],
)
def test_an_answer_is_judged_by_itself(given: JudgedCall, expected: list[str]) -> None:
    # Thirty closing brackets are the end of what is nested, and of a model that repeats itself.
    assert [kind for kind in kinds(given) if kind != "repeats_itself" or "repeats_itself" in expected] == expected


def test_a_changed_system_prompt_comes_with_both_texts() -> None:
    (one,) = found(call(messages=system("Be brief.")), call(messages=system("Be kind.")))
    assert (one.kind, one.before, one.now) == ("system_changed", "Be kind.", "Be brief.")
    assert one.text == "The system prompt is another than in this node's previous call."


def test_a_system_prompt_that_came_or_went_is_a_change() -> None:
    (came,) = found(call(messages=system("Be brief.")), call())
    (went,) = found(call(), call(messages=system("Be brief.")))
    assert came.text == "There is a system prompt, and this node's previous call had none."
    assert went.text == "This node's previous call had a system prompt: this has none."


def test_of_a_request_that_is_not_whole_no_change_is_told() -> None:
    short = call(line={"request_truncated": True}, messages=system("Be …"))
    assert kinds(call(messages=system("Be brief.")), short) == []


def test_another_model_is_a_change_and_another_spelling_is_none() -> None:
    assert kinds(call(model="big"), call()) == ["model_changed"]
    assert kinds(call(model="tiny:latest"), call()) == []


def test_tools_that_came_went_or_are_described_otherwise_are_named() -> None:
    def offered(*tools: tuple[str, str]) -> list[Any]:
        return [{"type": "function", "function": {"name": name, "description": words}} for name, words in tools]

    before = call(tools=offered(("look", "Looks."), ("go", "Goes.")))
    (one,) = found(call(tools=offered(("look", "Sees."), ("stop", "Stops."))), before)
    assert one.text.endswith("(new: stop, gone: go, described otherwise: look).")


def test_options_are_compared_wherever_they_stand() -> None:
    (one,) = found(call(options={"temperature": 0}), call(options={"temperature": 0.8}))
    assert one.text == "temperature is 0; in this node's previous call it was 0.8."
    openai: dict[str, Any] = {"line": {"api": "openai"}}
    (other,) = found(call(temperature=1, **openai), call(**openai))
    assert other.text == "temperature is 1; in this node's previous call it was not set."
    # Each API passes over the parameters of the others.
    assert kinds(call(options={"num_ctx": 64}, **openai), call(**openai)) == []
    assert kinds(call(temperature=1, max_tokens=5, line={"api": "ollama"}), call(line={"api": "ollama"})) == []
    assert kinds(call(options={"seed": 1}), call(options={"seed": 2})) == []


def test_room_is_compared_where_both_are_known_and_num_ctx_does_not_tell_it() -> None:
    small, large = call(line={"context_length": 2048}), call(line={"context_length": 4096})
    assert kinds(small, large) == ["context_changed"]
    assert kinds(small, call()) == []


def test_nothing_raises_whatever_a_request_holds() -> None:
    odd = call(tools=[{"name": None}, {"function": 3}], options=[1], format=[], response_format=3, n="x", stop={})
    assert kinds(odd, call(options="x"))[-1].endswith("changed")


@pytest.mark.parametrize("answered", ["m:latest", "M", "library/m", "registry.ollama.ai/library/m:latest"])
def test_the_same_model_by_another_name_is_no_other_model(answered: str) -> None:
    assert kinds(call(line={"model": "m", "response_model": answered})) == []
    assert kinds(call(line={"model": "m", "response_model": "m:7b"})) == ["other_model"]


def test_a_format_that_ollama_passes_over_is_told_as_that() -> None:
    wanted = {"type": "json_schema"}
    (native,) = found(call("no", response_format=wanted))
    assert native.advice == "Ollama passes over response_format in this API: use format."
    (openai,) = found(call("no", line={"api": "openai"}, format="json"))
    assert openai.advice == "Ollama passes over format in this API: use response_format."
    wishes: list[dict[str, Any]] = [{"response_format": wanted}, {"text": {"format": wanted}}]
    for asked in wishes:
        (one,) = found(call("no", line={"api": "openai"}, **asked))
        assert one.advice.startswith("An answer that was cut off")
