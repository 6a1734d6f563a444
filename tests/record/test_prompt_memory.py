"""What an earlier turn, and the prompts before, tell of a prompt."""

from typing import Any

import pytest

from service.record.model_facts import ModelFacts
from service.record.prompt_fit import Counter, Prompt, PromptVerdict
from service.record.prompt_memory import PromptMemory
from service.record.prompt_parts import parts_of

KNOWN = ModelFacts(trained_length=100_000)
WHOLE = PromptVerdict(is_cut=False)


def turns(count: int, words: int = 40, start: str = "") -> list[dict[str, Any]]:
    """Messages of ``words`` words each, the user's first and last."""
    return [
        {"role": "assistant" if number % 2 else "user", "content": f"{start}{number} " + "word " * (words - 1)}
        for number in range(2 * count - 1)
    ]


def prompt(messages: list[dict[str, Any]], read: int, room: int = 256, **more: Any) -> Prompt:
    given: dict[str, Any] = {"written": 1, "facts": KNOWN, **more}
    asked = {"messages": messages, **given.pop("asked", {})}
    return Prompt(parts_of(asked, "chat"), read, room=room, **given)


def words_of(text: str) -> int:
    return len(text.split())


def judged(*prompts: Prompt, memory: PromptMemory | None = None, model: str = "m") -> PromptVerdict:
    """The verdict on the last one, the others having come before."""
    memory = memory or PromptMemory()
    return [memory.judge(model, one) for one in prompts][-1]


def test_fewer_tokens_than_an_earlier_turn_means_that_messages_were_left_out() -> None:
    assert judged(prompt(turns(2), 130), prompt(turns(3), 129)) == PromptVerdict(True, "messages", 1, 3)
    assert judged(prompt(turns(2), 130), prompt(turns(4), 220)).is_cut is None
    # Another conversation, another model.
    assert judged(prompt(turns(2, start="x"), 130), prompt(turns(3), 129)).is_cut is None
    memory = PromptMemory()
    memory.judge("other", prompt(turns(2), 130))
    assert memory.judge("m", prompt(turns(3), 129)).is_cut is None


def test_every_later_turn_of_a_cut_conversation_is_cut_while_there_is_no_more_room() -> None:
    before = (prompt(turns(2), 130), prompt(turns(3), 129))
    assert judged(*before, prompt(turns(4), 240)).is_cut is True
    assert judged(*before, prompt(turns(4), 240, room=200)).is_cut is True
    assert judged(*before, prompt(turns(4), 240, room=4096)).is_cut is False


def test_what_was_cut_to_length_before_has_lost_messages_since() -> None:
    long = [{"role": "user", "content": "word " * 900}]
    memory = PromptMemory()
    assert judged(prompt(long, 256), memory=memory) == PromptVerdict(True, "length")
    later = [*long, {"role": "assistant", "content": "So."}, {"role": "user", "content": "And?"}]
    assert judged(prompt(later, 12), memory=memory) == PromptVerdict(True, "messages", 1, 246)


@pytest.mark.parametrize(
    "asked",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"think": True},
    ],
)
def test_what_is_asked_otherwise_is_another_conversation(asked: dict[str, Any]) -> None:
    assert judged(prompt(turns(2), 130, asked=asked), prompt(turns(3), 129)).is_cut is None


def test_turns_that_end_with_another_role_are_not_compared() -> None:
    called = [*turns(2), {"role": "tool", "content": "42"}]
    assert judged(prompt(turns(2), 150), prompt(called, 120)).is_cut is None


def test_thoughts_that_are_left_out_later_are_no_sign() -> None:
    def with_thoughts(count: int) -> list[dict[str, Any]]:
        return [
            message | ({"thinking": "plan " * 30} if message["role"] == "assistant" else {}) for message in turns(count)
        ]

    assert judged(prompt(with_thoughts(2), 180), prompt(with_thoughts(3), 170)).is_cut is None


def test_more_tokens_in_the_texts_than_were_read_means_that_messages_were_left_out() -> None:
    cut = judged(prompt(turns(10), 200, count=words_of))
    # 19 messages of 40 words, of which at most four with what stands around them are 200 tokens.
    assert cut == PromptVerdict(True, "messages", 15, 19 * 40 - 200)
    assert judged(prompt(turns(2), 130, count=words_of)).is_cut is False
    assert judged(prompt(turns(3), 230, count=words_of)).is_cut is None


def test_what_stands_around_messages_is_learnt_and_makes_the_number_of_lost_ones_exact() -> None:
    def read(count: int) -> int:
        return (2 * count - 1) * 46 + 3

    before = [prompt(turns(count), read(count), room=4096, count=words_of) for count in (1, 2, 3)]
    # 4 messages are 187; without what stands around them 5 would be 200.
    assert judged(*before, prompt(turns(10), 210, count=words_of)).messages == 15
    assert judged(prompt(turns(10), 210, count=words_of)).messages == 14


def test_system_messages_are_never_counted_as_lost() -> None:
    system = {"role": "system", "content": "word " * 50}
    assert judged(prompt([system, *turns(10)], 250, count=words_of)).messages == 15


def test_a_text_that_takes_too_long_to_count_tells_nothing() -> None:
    nothing: Counter = lambda text: None  # noqa: E731 - a counter that gives up
    assert judged(prompt(turns(10), 200, count=nothing)).is_cut is None


def test_far_more_characters_than_a_token_of_the_model_has_mean_that_messages_were_left_out() -> None:
    memory = PromptMemory()
    for number in range(30):
        assert judged(prompt(turns(3, start=f"{number} x"), 250, room=4096), memory=memory) == WHOLE
    # 5 messages were some 1,000 characters and 250 tokens, so 19 are some 950.
    assert judged(prompt(turns(10, start="new"), 700, room=800), memory=memory) == PromptVerdict(True, "messages", 1)
    assert judged(prompt(turns(10, start="new"), 700, room=900), memory=memory).is_cut is None
    # Nothing is known of other writing, or of another model.
    chinese = [{"role": "user", "content": "合同自每月第一天起生效" * 90}, {"role": "user", "content": "好"}]
    assert judged(prompt(chinese, 700, room=800), memory=memory).is_cut is None
    assert judged(prompt(turns(10, start="new"), 700, room=800), memory=memory, model="n").is_cut is None


def test_a_context_that_ran_full_in_mid_answer_is_told_after_other_cuts() -> None:
    assert judged(prompt(turns(1), 154, written=300)) == PromptVerdict(True, "shift")
    assert judged(prompt(turns(2), 130), prompt(turns(3), 129, written=300)).by == "messages"
    # The next turn is a prompt that may fit.
    assert judged(prompt(turns(1), 154, written=300), prompt(turns(2, words=9), 190)).is_cut is False


def test_a_prompt_that_must_not_be_cut_is_whole() -> None:
    assert judged(prompt(turns(10), 250, may_cut=False)) == WHOLE
    assert judged(prompt(turns(10), 250, may_cut=False, written=90)) == PromptVerdict(True, "shift")


def test_when_both_signs_meet_it_is_not_said_which_messages_went() -> None:
    half = prompt(turns(10), 130, count=words_of)
    assert judged(half) == PromptVerdict(True, "length", None, 19 * 40 - 130)


def test_it_remembers_a_bounded_number_of_turns_and_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.record.prompt_memory._MOST_TURNS", 10)
    monkeypatch.setattr("service.record.prompt_memory._MOST_MODELS", 5)
    memory = PromptMemory()
    for number in range(40):
        for count in (1, 2):
            one = prompt(turns(count, start=str(number)), 100 + 50 * count, room=4096, count=words_of)
            memory.judge(f"m{number}", one)
    assert (len(memory._turns), len(memory._ratios), len(memory._around)) == (10, 5, 5)
