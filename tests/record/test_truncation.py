"""Prompts and answers that were cut."""

import json
from typing import Any

import pytest

from service.record.findings import Finding
from service.record.truncation import cuts
from tests.record.given import QUIET, case, line
from tests.record.wire import line_of, recorded

CUT = {"prompt_truncated": True, "context_length": 4096, "prompt_tokens": 4096}


def only(said: dict[str, Any], asked: dict[str, Any]) -> Finding:
    (found,) = cuts(case(said, QUIET, asked))
    return found


def test_a_cut_prompt_has_its_numbers_and_what_to_ask_for() -> None:
    found = only(line(**CUT), {"prompt": "word " * 8800})
    assert found.kind == "cut_prompt"
    assert found.text == (
        "Ollama silently cut the prompt: llama3.1:8b read 4,096 of about 11,000 tokens."
        " The answer knows nothing of the rest."
    )
    assert '"options": {"num_ctx": 16384}' in found.advice


def test_a_prompt_of_which_half_the_context_was_kept_names_the_context() -> None:
    found = only(line(**CUT | {"prompt_tokens": 2050}), {"messages": [{"role": "user", "content": "word " * 8800}]})
    assert "read 2,050 of about 11,000 tokens, as its context is set to 4,096 tokens." in found.text


def test_no_length_is_invented_where_it_cannot_be_estimated() -> None:
    found = only(line(**CUT), {})
    assert found.text.startswith("Ollama silently cut the prompt to 4,096 tokens.")
    assert "16384" in found.advice


def test_tools_count_as_prompt_and_so_does_what_the_record_left_out() -> None:
    assert "about 11,000 tokens" in only(line(**CUT), {"prompt": "x", "tools": [{"description": "x" * 43_000}]}).text
    assert "about 11,000 tokens" in only(line(**CUT, request_truncated=True, request_bytes=44_000), {}).text
    assert "about" not in only(line(**CUT, request_truncated=True, request_bytes=44_000, images=1), {}).text


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_an_api_without_num_ctx_is_not_told_to_ask_for_it(api: str) -> None:
    found = only(line(**CUT, api=api), {})
    assert "num_ctx" not in found.advice
    assert "OLLAMA_CONTEXT_LENGTH=16384" in found.advice


def test_what_fits_no_model_is_to_be_divided() -> None:
    assert "one call each" in only(line(**CUT), {"prompt": "word " * 400_000}).advice


@pytest.mark.parametrize(
    "asked",
    [{"options": {"num_predict": 80}}, {"max_tokens": 80}, {"max_completion_tokens": 80}, {"max_output_tokens": 80}],
)
def test_an_answer_that_met_the_limit_of_its_request_names_it(asked: dict[str, Any]) -> None:
    found = only(line(done_reason="length"), asked)
    name = next(iter(asked.get("options", asked)))
    assert found.text == (
        f"The answer is not finished: it was cut off after 80 tokens, the limit that the request set ({name})."
    )


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
    assert prompt.text.startswith("Ollama silently cut the prompt: tiny read 256 of about ")
    assert answer.text.endswith("after 8 tokens, the limit that the request set (num_predict).")
