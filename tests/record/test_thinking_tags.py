import time

import pytest

from service.record.thinking_tags import split_thinking


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("<think>\nplan\n</think>\n\nThe answer is 4.", "plan", "The answer is 4."),
        ("\n <thinking>plan</thinking> 4", "plan", "4"),
        ("<THINK>plan</think>4", "plan", "4"),
        ("<think></think>\n\n4", "", "4"),
        ("<think>one</think>\n<think>two</think>4", "one\ntwo", "4"),
        ("<think>cut in the midd", "cut in the midd", ""),
        ("plan\n</think>\n\n4", "plan", "4"),
        ("İstanbul'u düşün\n</think>\n4", "İstanbul'u düşün", "4"),
    ],
)
def test_what_stands_between_tags_at_the_beginning_is_thinking(text: str, thinking: str, answer: str) -> None:
    assert split_thinking("", text) == (thinking, answer)


@pytest.mark.parametrize(
    "text",
    [
        "I think that <think> is a tag.",
        "Close it with </think> as usual.",
        "```\nplan\n</think>\n```",
        "First <think>a</think>\n</think>\n",
        "Nothing of the kind.",
        "",
    ],
)
def test_tags_elsewhere_are_words_of_the_answer(text: str) -> None:
    assert split_thinking("", text) == ("", text)


def test_ten_times_as_many_tags_take_about_ten_times_as_long() -> None:
    def seconds(count: int) -> float:
        text = "<think></think>" * count + "4"
        began = time.process_time()
        assert split_thinking("", text) == ("", "4")
        return time.process_time() - began

    few = min(seconds(2_000) for _ in range(3))
    assert min(seconds(20_000) for _ in range(2)) < 30 * few + 0.02


def test_where_ollama_told_the_thinking_apart_the_text_stays() -> None:
    assert split_thinking("plan", "<think>is a tag</think>") == ("plan", "<think>is a tag</think>")
