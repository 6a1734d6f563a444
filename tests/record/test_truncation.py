"""Prompts and answers that were cut."""

import json
from typing import Any

import pytest

from service.record.findings import Finding
from service.record.truncation import cuts, maybe_cut
from tests.record.given import QUIET, case, line, unmeasured
from tests.record.wire import line_of, recorded

CUT = {"prompt_truncated": True, "context_length": 4096, "prompt_tokens": 4096}


def only(said: dict[str, Any], asked: dict[str, Any]) -> Finding:
    (found,) = cuts(case(said, QUIET, asked))
    return found


def test_a_text_that_was_cut_has_its_numbers_and_what_to_ask_for() -> None:
    found = only(line(**CUT, prompt_lost_tokens=7000), {"prompt": "word " * 8800})
    assert found.kind == "cut_prompt"
    assert found.text == (
        "llama3.1:8b read 4,096 of at least 11,096 tokens, as there was room for 4,096:"
        " Ollama silently cut the prompt. The answer knows nothing of the rest."
    )
    assert '"options": {"num_ctx": 16384}' in found.advice


def test_no_length_is_invented_where_it_was_not_counted() -> None:
    found = only(line(**CUT | {"prompt_tokens": 2050}), {"prompt": "word " * 8800})
    assert found.text.startswith("llama3.1:8b read 2,050 tokens, as there was room for 4,096: Ollama silently")
    assert "16384" in found.advice
    assert "131072" in only(line(**CUT, request_bytes=400_000), {}).advice
    assert "16384" in only(line(**CUT, request_bytes=400_000, images=1), {}).advice


LOST = {"prompt_truncated": True, "prompt_truncated_by": "messages", "context_length": 256, "prompt_tokens": 188}


def test_messages_that_were_left_out_are_counted_first_and_then_concluded_from() -> None:
    asked = {"messages": [{"role": "user", "content": "x"}] * 30}
    found = only(line(**LOST, prompt_lost_messages=28, prompt_lost_tokens=900), asked)
    assert found.text == (
        "30 messages were sent, 188 tokens were read, and there was room for 256: Ollama left out at least the oldest"
        " 28 messages without saying so. The answer knows nothing of them."
    )
    assert '"num_ctx": 2048' in found.advice
    assert only(line(**LOST, prompt_lost_messages=1), {}).text == (
        "188 tokens were read, and there was room for 256: Ollama left out at least the oldest 1 message without"
        " saying so. The answer knows nothing of it."
    )
    assert only(line(**LOST), {"input": [{}] * 3}).text == (
        "3 messages were sent, 188 tokens were read, and there was room for 256: Ollama left out the oldest parts of"
        " what was sent without saying so. The answer knows nothing of them."
    )


def test_a_context_that_ran_full_in_mid_answer_is_told() -> None:
    shifted = {"prompt_truncated": True, "prompt_truncated_by": "shift", "context_length": 256}
    found = only(line(**shifted, prompt_tokens=154, completion_tokens=300), {})
    assert found.text.startswith(
        "The context ran full in mid-answer: 154 tokens were read, 300 were written, and there was room for 256."
    )
    assert '"num_ctx": 2048' in found.advice


def test_a_cut_embedding_is_to_be_divided() -> None:
    found = only(line(**CUT, operation="embed"), {"input": "word " * 8800})
    assert found.text.endswith("The vector knows nothing of the rest.")
    assert "num_ctx" not in found.advice


def test_what_is_not_known_is_said_with_its_numbers() -> None:
    untold = line(context_length=2048, prompt_tokens=1900)
    asked = {"messages": [{"role": "user", "content": "x"}] * 7}
    (found,) = maybe_cut(case(untold, QUIET, asked))
    assert (found.kind, found.advice) == ("maybe_cut_prompt", "")
    assert "7 messages were sent, 1,900 tokens were read, and there was room for 2,048." in found.text
    for known in ({"prompt_truncated": False}, {"prompt_tokens": None}, {"context_length": None}):
        assert not [*maybe_cut(case(line(**{"context_length": 2048} | known), QUIET, asked))]
    assert not [*maybe_cut(case(untold, QUIET, {"prompt": "x"}))]
    assert not [*maybe_cut(case(untold | {"operation": "embed"}, QUIET, {"input": ["a", "b"]}))]


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_an_api_without_num_ctx_is_not_told_to_ask_for_it(api: str) -> None:
    found = only(line(**CUT, api=api), {})
    assert "num_ctx" not in found.advice
    assert "OLLAMA_CONTEXT_LENGTH=16384" in found.advice


def test_what_fits_no_model_is_to_be_divided() -> None:
    assert "one call each" in only(line(**CUT, prompt_lost_tokens=400_000), {}).advice


@pytest.mark.parametrize(
    "asked",
    [{"options": {"num_predict": 80}}, {"max_tokens": 80}, {"max_completion_tokens": 80}, {"max_output_tokens": 80}],
)
def test_an_answer_that_met_the_limit_of_its_request_names_it(asked: dict[str, Any]) -> None:
    found = only(line(done_reason="length", api="ollama" if "options" in asked else "openai"), asked)
    name = next(iter(asked.get("options", asked)))
    assert found.text == (
        f"The answer is not finished: it was cut off after 80 tokens, the limit that the request set ({name})."
    )


@pytest.mark.parametrize(
    ("api", "asked"),
    [("ollama", {"max_tokens": 80}), ("openai", {"options": {"num_predict": 80}}), ("anthropic", {"num_predict": 80})],
)
def test_a_limit_that_ollama_passes_over_cut_nothing(api: str, asked: dict[str, Any]) -> None:
    assert "the limit that the request set" not in only(line(done_reason="length", api=api), asked).text


def test_an_answer_that_filled_the_context_says_so() -> None:
    found = only(line(done_reason="length", context_length=1284), {"options": {"num_predict": 500, "num_ctx": 1284}})
    assert found.text.endswith("after 80 tokens, when the context of 1,284 tokens was full.")
    assert '"num_ctx": 4096' in found.advice


def test_an_answer_that_met_another_limit_says_that() -> None:
    assert only(line(done_reason="max_tokens"), {}).text.endswith("after 80 tokens, at a limit of the model.")


@pytest.mark.parametrize("api", ["ollama", "openai", "anthropic"])
def test_an_answer_without_its_end_marker_that_repeats_itself_is_a_loop(api: str) -> None:
    found = only(line(done_reason="unfinished", api=api, response_text="So it is" + " so" * 40), {})
    assert (found.kind, "repeats one token" in found.text) == ("cut_answer", True)
    assert "repeat_penalty" in found.advice
    assert ('"options"' in found.advice) == (api == "ollama")


def test_of_an_answer_without_its_end_marker_nothing_is_concluded_that_its_text_does_not_show() -> None:
    for facts in ({"response_text": "It is so because"}, {"thinking": "Hm"}, {}):
        found = only(line(done_reason="unfinished", **facts), {})
        assert "repeat" not in found.text + found.advice
        assert "crashed" in found.advice
        assert list(cuts(case(line(done_reason="unfinished", failed=True, **facts)))) == []


def test_an_answer_that_a_filter_stopped_says_so() -> None:
    assert "held the rest of it back (content_filter)" in only(line(done_reason="content_filter"), {}).text


def test_what_was_not_cut_is_not_mentioned() -> None:
    assert list(cuts(case(line(prompt_truncated=False, done_reason="stop")))) == []


def test_the_cut_prompt_of_a_recording_is_told() -> None:
    said = line_of(recorded("chat_truncated"))
    prompt, answer = cuts(case(said, QUIET, json.loads(said["request_body"])))
    assert prompt.text.startswith("tiny read 256 tokens, as there was room for 256: Ollama silently cut the prompt.")
    assert answer.text.endswith("after 8 tokens, the limit that the request set (num_predict).")


def refused(error: str, **facts: Any) -> Finding:
    said = unmeasured(api="ollama", failed=True, status=400, error=error, request_bytes=8000, changed=["truncate"])
    (found,) = cuts(case(said | facts, QUIET, {"options": {"num_ctx": 256}}))
    return found


def test_a_prompt_that_a_rule_had_refused_is_told_with_the_numbers_and_what_to_set() -> None:
    found = refused("the input length exceeds the context length")
    assert found.kind == "refused_prompt"
    assert found.text.startswith("8,000 bytes were sent, and there was room for 256 tokens.")
    assert '"num_ctx": 4096' in found.advice
    assert "OLLAMA_CONTEXT_LENGTH" in found.advice
    newer = refused("request (2577 tokens) exceeds the available context size (512 tokens), try increasing it")
    assert newer.text.startswith("2,577 tokens were sent, and there was room for 512 tokens.")
    other = unmeasured(api="ollama", failed=True, status=400, error="invalid", changed=["truncate"])
    assert list(cuts(case(other))) == []
