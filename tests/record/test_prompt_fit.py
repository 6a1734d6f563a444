"""Which prompts were cut for certain, and which were not: numbers of a real Ollama 0.17.4, of 0.32 and of 0.34."""

from typing import Any

import pytest

from service.record.model_facts import ModelFacts
from service.record.prompt_fit import (
    UNKNOWN,
    WHOLE,
    Prompt,
    counted,
    cut_sizes,
    has_room_for_more,
    has_shifted,
    is_cut_to_size,
    is_whole,
    judge_embedding,
    may_be_half,
)
from service.record.prompt_parts import parts_of

KNOWN = ModelFacts(trained_length=8192)


def words(count: int, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": "word " * count}


def chat(*messages: dict[str, Any], read: int, room: int = 256, **more: Any) -> Prompt:
    given: dict[str, Any] = {"written": 1, "facts": KNOWN, **more}
    return Prompt(parts_of({"messages": [*messages]}, "chat"), read, room=room, **given)


def text(count: int, read: int, room: int = 256, **more: Any) -> Prompt:
    given: dict[str, Any] = {"written": 1, "facts": KNOWN, "is_chat": False, **more}
    return Prompt(parts_of({"prompt": "word " * count}, "generate"), read, room=room, **given)


@pytest.mark.parametrize(
    ("keep", "left"),
    [(None, {256, 130, 131}), (64, {256, 160, 161}), (-1, {256, 255}), (0, {256, 128, 129}), (999, {256, 255})],
)
def test_a_cut_text_has_one_of_few_sizes(keep: int | None, left: set[int]) -> None:
    assert cut_sizes(text(600, 1, keep=keep)) == left
    assert cut_sizes(text(600, 1, keep=keep, halves=True)) == left - {256}
    assert cut_sizes(text(600, 1, keep=keep, halves=False)) == {256}


def test_the_models_own_num_keep_counts_where_none_is_asked_for() -> None:
    assert cut_sizes(text(600, 1, facts=ModelFacts(num_keep=64))) == {256, 160, 161}
    assert cut_sizes(text(600, 1, facts=ModelFacts(num_keep=64), keep=4)) == {256, 130, 131}


@pytest.mark.parametrize("read", [256, 130, 131])
def test_as_much_as_is_left_of_a_text_means_that_it_was_too_long(read: int) -> None:
    assert is_cut_to_size(text(600, read))
    assert not is_whole(text(600, read))
    # Of a text that cannot have been too long it is chance.
    assert not is_cut_to_size(text(20, read))
    assert not is_cut_to_size(text(600, read, may_cut=False))


@pytest.mark.parametrize("read", [129, 132, 200, 255, 2])
def test_any_other_size_of_a_single_text_means_that_it_was_read_whole(read: int) -> None:
    assert not is_cut_to_size(text(600, read, written=0))
    assert is_whole(text(600, read, written=0))
    assert is_whole(chat(words(600), read=read, written=0))


def test_white_space_is_no_sign_of_a_cut_text() -> None:
    assert not is_cut_to_size(text(1000, 2100, room=4096))


def test_a_chat_is_cut_to_size_only_where_what_stays_may_fill_the_context() -> None:
    assert is_cut_to_size(chat(words(5), words(600), read=256))
    assert is_cut_to_size(chat(words(600, "system"), words(5), read=256))
    # Here messages were left out until the rest was 256 by chance, or it all is.
    assert not is_cut_to_size(chat(*[words(10)] * 60, read=256))
    assert not is_whole(chat(*[words(10)] * 60, read=256))


def test_what_was_left_may_be_half_of_what_filled_the_context_to_the_last_token() -> None:
    filled = chat(*[words(10)] * 60, read=130)
    assert not is_cut_to_size(filled)
    assert may_be_half(filled)
    assert not is_whole(filled)
    assert not may_be_half(chat(*[words(10)] * 60, read=130, halves=False))
    assert not may_be_half(chat(words(3), words(3), read=130))


def test_no_message_went_where_any_would_still_have_had_room() -> None:
    assert has_room_for_more(chat(words(10), words(10), words(10), read=180))
    assert is_whole(chat(words(10), words(10), words(10), read=180))
    assert not has_room_for_more(chat(words(10), words(100), words(10), read=180))
    assert not is_whole(chat(words(10), words(100), words(10), read=180))
    assert has_room_for_more(chat(words(500, "system"), words(500), read=180))
    assert has_room_for_more(chat(words(100), words(10), read=180, may_cut=False))


def test_a_models_own_messages_may_have_gone_as_well() -> None:
    assert not has_room_for_more(chat(words(10), read=180, facts=KNOWN._replace(message_bytes=100)))
    assert has_room_for_more(chat(words(10), words(9), read=180, facts=KNOWN._replace(message_bytes=10)))
    # Nobody knows them before the model was asked for.
    assert not has_room_for_more(chat(words(10), words(10), read=180, facts=None))
    assert has_room_for_more(chat(words(10), words(10), read=180, room=2048, facts=None))


def test_tokens_that_were_counted_tell_more_than_bytes() -> None:
    prompt = chat(words(10), words(30), words(10), read=180, count=lambda text: len(text.split()))
    assert has_room_for_more(prompt)
    assert is_whole(prompt)
    assert counted(prompt) == 50
    assert not has_room_for_more(chat(words(10), words(30), words(10), read=180, count=lambda text: None))
    assert counted(chat(words(10), read=9, count=lambda text: None)) == 0
    assert not is_cut_to_size(chat(words(600), read=256, count=lambda text: 150))


def test_prompt_and_answer_have_room_together_or_the_context_was_shifted() -> None:
    assert has_shifted(text(100, 154, written=300))
    assert not is_whole(text(100, 154, written=300))
    # Ollama ends an answer that must not shift one token over the context.
    assert not has_shifted(text(100, 155, written=102))
    assert not is_whole(text(100, 155, written=102))
    assert is_whole(text(100, 155, written=102, may_shift=False))
    assert not has_shifted(text(100, 154, written=300, may_shift=False))
    assert is_whole(text(100, 155, written=100))


@pytest.mark.parametrize(
    ("read", "expected"), [(4096, False), (2050, False), (2051, False), (4095, True), (3000, True)]
)
def test_a_limit_of_the_model_that_is_not_known_yet_may_have_cut_it(read: int, expected: bool) -> None:
    for facts in (None, ModelFacts()):
        assert is_whole(text(9000, read, room=32_768, facts=facts)) is expected
    assert is_whole(text(9000, read, room=32_768, facts=ModelFacts(trained_length=32_768)))


def embedding(*texts: int, read: int, room: int = 512, **more: Any) -> Prompt:
    given: dict[str, Any] = {"facts": KNOWN, **more}
    document = {"input": ["word " * count for count in texts]}
    return Prompt(parts_of(document, "embed"), read, None, room, is_chat=False, **given)


def test_an_embedding_of_as_many_tokens_as_there_is_room_for_was_cut() -> None:
    assert judge_embedding(embedding(900, read=512), 1) == (True, "length", None, None)
    assert judge_embedding(embedding(900, read=512, facts=None), 1) == (True, "length", None, None)
    assert judge_embedding(embedding(900, read=512, count=lambda text: 900), 1).tokens == 388
    assert judge_embedding(embedding(900, read=64, batch=64), 1).is_cut is True
    assert judge_embedding(embedding(900, read=64, batch=64, halves=False), 1) == WHOLE
    assert judge_embedding(embedding(2100, read=2048, room=8192), 1).is_cut is True
    assert judge_embedding(embedding(900, read=64, facts=KNOWN._replace(num_batch=64)), 1).is_cut is True


def test_an_embedding_of_fewer_was_not() -> None:
    assert judge_embedding(embedding(300, read=302), 1) == WHOLE
    assert judge_embedding(embedding(300, read=302, facts=None), 1) == WHOLE
    assert judge_embedding(embedding(900, read=510), 1) == UNKNOWN
    assert judge_embedding(embedding(900, read=512, may_cut=False), 1) == WHOLE
    # The limit of a model that nobody described may be less than what was asked for.
    assert judge_embedding(embedding(900, read=256, room=2048, facts=None), 1) == UNKNOWN


def test_of_several_embeddings_only_their_sum_is_known() -> None:
    assert judge_embedding(embedding(900, 3, read=517), 2) == UNKNOWN
    assert judge_embedding(embedding(100, 100, read=204), 2) == WHOLE
    assert judge_embedding(embedding(100, 100, read=204, facts=None), 2) == UNKNOWN
    assert judge_embedding(embedding(2, 3, read=9, facts=None), 2) == WHOLE
    assert judge_embedding(embedding(16, 16, 16, 16, read=64, room=64), 4) == UNKNOWN
