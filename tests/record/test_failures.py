"""What went wrong, and what to do about it."""

from dataclasses import replace
from typing import Any

import pytest

from service.record.exchange import Outcome
from service.record.failures import failures
from service.record.findings import Finding, Surroundings
from tests.record.given import QUIET, case, line, unmeasured
from tests.record.wire import NAMES, line_of, recorded


def only(said: dict[str, Any], around: Surroundings = QUIET) -> Finding:
    (found,) = failures(case(said, around))
    return found


def failed(status: int | None, error: str, **facts: Any) -> dict[str, Any]:
    return unmeasured(api="ollama", failed=True, status=status, error=error, request_time=0.1) | facts


def left(after: float, **facts: Any) -> dict[str, Any]:
    absent = {"time_to_first_byte": None, "response_bytes": None, "stream": True}
    return unmeasured(
        **({"outcome": "client_left", "failed": True, "status": 499, "request_time": after} | absent | facts)
    )


def test_nothing_went_wrong_with_what_succeeded() -> None:
    assert list(failures(case(line()))) == []


@pytest.mark.parametrize("said", [failed(500, "it broke"), left(300.0)], ids=["failed", "left"])
def test_a_later_try_of_a_node_says_which_one_it_is(said: dict[str, Any]) -> None:
    assert only(said | {"attempt": 2}).text.endswith(" This was try 2 of its node.")
    assert "try" not in only(said | {"attempt": 1}).text


@pytest.mark.parametrize(
    ("status", "error", "help_wanted"),
    [
        (404, "model 'nope' not found", "ollama pull"),
        (404, 'model "nope" not found, try pulling it first', "ollama pull"),
        (503, "server busy, please try again.  maximum pending requests exceeded", "OLLAMA_MAX_QUEUE"),
        (500, "model requires more system memory (11.2 GiB) than is available (6.1 GiB)", "smaller"),
        (500, "llama runner process has terminated: exit status 2", "log"),
        (500, "timed out waiting for llama runner to start", "log"),
        (400, "the input length exceeds the context length", "num_ctx"),
        (400, '"mistral" does not support tools', "ollama show"),
        (400, "invalid character 'H' after object key", "JSON.stringify"),
        (400, r"invalid character '\x1f' looking for beginning of value", "without Content-Encoding"),
        (401, "unauthorized", "key"),
        (405, "405 method not allowed", "POST"),
        (418, "I'm a teapot", ""),
    ],
)
def test_a_failure_quotes_its_error_and_says_what_to_do(status: int, error: str, help_wanted: str) -> None:
    found = only(failed(status, error))
    assert found.kind == "failed"
    assert found.text == f"It failed with status {status}: {' '.join(error.split())}."
    assert help_wanted in found.advice
    assert bool(found.advice) == bool(help_wanted)


def test_an_error_inside_a_200_answer_is_told_as_such() -> None:
    found = only(line_of(recorded("pull_error")))
    assert found.text.startswith(
        "Ollama answered 200, as if all was well, and then reported an error after 1.1 s: pull"
    )
    assert "registry" in found.advice


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in ("completed", "client_left")])
def test_every_way_to_end_badly_has_words_and_advice(outcome: str) -> None:
    bare = only(unmeasured(outcome=outcome, failed=True, status=None, response_bytes=None, request_time=None))
    assert bare.text.endswith(".")
    assert bare.advice
    assert "went wrong" in only(failed(502, "It went wrong.", outcome=outcome)).text


def test_an_error_that_the_gateway_wrote_is_not_said_twice() -> None:
    error = "Ollama cannot be reached at http://127.0.0.1:11434 (refused). Is it running?"
    assert only(failed(502, error, outcome="upstream_unreachable")).text == error


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "Send it as the message says."),
        (404, "Send it as the message says."),
        (405, "Send it as the message says."),
        (408, "Send it as the message says."),
        (401, "Send a key"),
        (403, "what would allow it"),
        (413, "what would allow it"),
        (429, "later"),
        (503, "later"),
        (None, "what would allow it"),
    ],
)
def test_what_to_do_about_a_refusal_depends_on_what_was_wrong(status: int | None, advice: str) -> None:
    assert advice in only(failed(status, "It is not so.", outcome="refused")).advice


def test_ollama_broke_off_in_the_middle_only_of_what_had_begun() -> None:
    error = "Ollama at http://127.0.0.1:11434 broke off before it answered: connection reset."
    assert only(failed(502, error, outcome="upstream_broke_off")).text == error
    begun = only(failed(200, "connection reset", outcome="upstream_broke_off", upstream_status=200))
    assert begun.text == "Ollama broke off in the middle: connection reset."
    assert "before it answered" in only(failed(502, "", outcome="upstream_broke_off")).text


def test_a_failure_after_a_while_says_how_long_that_was() -> None:
    assert only(failed(500, "", request_time=62.0)).text == "It failed with status 500 after 62 s."


def test_a_huge_error_is_quoted_shortly_and_on_one_line() -> None:
    text = only(failed(500, "line\n\n" * 90_000)).text
    assert len(text) < 350
    assert "\n" not in text


def test_what_the_recordings_show_of_failures_is_explained() -> None:
    for name in NAMES:
        said = line_of(recorded(name))
        assert [found.kind for found in failures(case(said))] == (["failed"] if said["failed"] else [])


def test_n8n_gives_up_after_its_five_minutes() -> None:
    found = only(left(300.02, workflow="Invoices", stream=False))
    assert found.kind == "client_left"
    assert found.text == (
        "n8n hung up after 300 s (5 min). The answer was not finished, and without streaming nothing of it is sent"
        " before. A time limit of 300 s is the likely reason."
    )
    assert "Options → Timeout" in found.advice


def test_a_client_that_left_is_named_with_how_far_the_answer_was() -> None:
    assert only(left(12.3, caller="Open WebUI", response_bytes=9, response_text="x" * 1200)).text == (
        "Open WebUI hung up after 12 s, when 1,200 characters of the answer had come."
    )
    assert only(left(2.0, response_bytes=9, thinking="Hm")).text.endswith("while the model was thinking.")
    assert only(left(2.0, response_bytes=9)).text.endswith("in the middle of the answer.")
    assert only(left(2.0)).text == "The client hung up after 2 s, before any of the answer had come."


def test_an_answer_that_its_reader_stopped_is_told_without_advice() -> None:
    stopped = {"failed": False, "status": 200, "response_bytes": 9}
    found = only(left(12.3, caller="Open WebUI", response_text="x" * 1200, **stopped))
    assert found == Finding(
        "stopped", "Open WebUI stopped it after 12 s, when 1,200 characters of the answer had come.", ""
    )
    assert (
        only(left(2.0, thinking="Hm", **stopped)).text
        == "The client stopped it after 2 s, while the model was thinking."
    )


@pytest.mark.parametrize(
    ("who", "facts"),
    [
        ("Open WebUI", {"caller": "Open WebUI", "execution_id": "chat-7", "user": "ana"}),
        ("curl", {"caller": "curl", "workflow": "Nightly", "request_uri": "/api/ollama/~workflow=Nightly/api/chat"}),
        ("curl", {"caller": "curl", "workflow": "Nightly", "request_uri": "/api/ollama/%7Eworkflow=Nightly/api/chat"}),
        (
            "n8n",
            {"caller": "ollama-js", "workflow": "Mails", "execution_id": "7", "node": "a1"}
            | {"request_uri": "/api/ollama/~workflow=Mails;execution=7;node=a1/api/chat"},
        ),
        ("n8n", {"caller": "axios", "workflow_id": "Xa9", "request_uri": "/api/ollama/api/chat"}),
        ("n8n", {"caller": "Invoices", "user_agent": "Mozilla/5.0 (compatible; n8n/2.30.8; +https://n8n.io/)"}),
    ],
)
def test_only_n8n_is_called_n8n(who: str, facts: dict[str, Any]) -> None:
    assert only(left(2.0, **facts)).text.startswith(f"{who} hung up")


@pytest.mark.parametrize(("after", "limit"), [(60.1, 60), (29.96, 30), (99.0, None), (300.9, 300), (304.0, None)])
def test_a_time_limit_is_suspected_only_where_one_was_just_over(after: float, limit: int | None) -> None:
    text = only(left(after)).text
    assert ("time limit" in text) == (limit is not None)
    assert limit is None or f"A time limit of {limit} s is the likely reason." in text


def test_what_a_client_waited_for_in_vain_is_guessed_and_called_a_guess() -> None:
    unused, busy = replace(QUIET, model_last_used=720.0), replace(QUIET, in_flight=2)
    assert "Perhaps llama3.1:8b was still loading: no call had used it for 12 min." in only(left(60.0), unused).text
    assert "Perhaps it still waited for its turn: 2 other exchanges were going on." in only(left(60.0), busy).text
    assert "or waited for its turn" in only(left(60.0), replace(unused, in_flight=2)).text
    assert "Perhaps" not in only(left(60.0)).text


def test_who_left_while_waiting_in_the_recorder_is_told_apart() -> None:
    found = only(left(300.2, queue_time=300.1, user_agent="n8n"))
    assert found.text.startswith("n8n hung up after 300 s (5 min), while it waited in the recorder for a place at")
    assert "A time limit of 300 s is the likely reason." in found.text
    # Its place had come, and Ollama had not answered yet.
    assert "in the recorder" not in only(left(300.2, queue_time=20.0)).text
