"""What any two calls asked differently."""

from service.record.compared_calls import compared
from tests.record.test_prompt_changes import SYSTEM, TALK, call


def test_each_difference_is_told_with_the_texts_to_compare() -> None:
    other = call(("system", SYSTEM + "In French."), ("user", "And what is a letter?"), model="qwen3:4b")
    found = compared(call(*TALK), other)
    assert [one.kind for one in found] == ["model_changed", "system_changed", "question_changed"]
    assert found[0].text == "The model is qwen3:4b; in the first it was llama3.1:8b."
    assert found[1].text == "The system prompt is another than in the first."
    assert found[2].now == "And what is a letter?"


def test_calls_that_ask_the_same_differ_in_nothing() -> None:
    assert compared(call(*TALK), call(*TALK)) == ()
    assert compared(call(), call()) == ()


def test_of_a_shortened_copy_only_the_model_is_told() -> None:
    other = call(("user", "Else"), model="qwen3:4b", request_truncated=True)
    assert [one.kind for one in compared(call(*TALK), other)] == ["model_changed"]


def test_a_call_without_a_question_is_told_to_have_none() -> None:
    (found,) = compared(call(), call(("user", "Why?")))
    assert found.text == "Only one of both has a question."
