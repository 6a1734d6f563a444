import pytest

from service.record.failure_causes import cause_of
from service.record.record import record_of


@pytest.mark.parametrize(
    ("outcome", "values", "cause"),
    [
        ("upstream_unreachable", {"error": "connection refused"}, "Ollama not reached"),
        ("upstream_timed_out", {}, "Ollama went silent"),
        ("upstream_broke_off", {}, "Ollama broke off"),
        ("gateway_died", {}, "recorder was killed"),
        ("client_left", {"request_time": 300.1}, "the client left at a time limit of 300 s"),
        ("client_left", {"request_time": 7.3}, "the client left"),
        ("client_left", {"request_time": 7.3, "queue_time": 7.3}, "the client left while it waited in the recorder"),
        ("client_left", {"request_time": 300.1, "queue_time": 2.0}, "the client left at a time limit of 300 s"),
        ("completed", {"status": 404, "error": "model 'a' not found"}, "the model is not there"),
        ("completed", {"status": 500, "error": "llama runner process has terminated"}, "the model's program crashed"),
        ("completed", {"status": 503, "error": "server busy, please try again"}, "Ollama's queue was full"),
        ("completed", {"status": 500}, "status 500"),
        ("completed", {}, "status unknown"),
        (
            "refused",
            {"status": 400, "error": """'promt' is not known here; use "options". Send {"prompt": "..."} as JSON."""},
            "… is not known here; use …",
        ),
        ("refused", {"status": 405, "error": "/generate is asked with POST. Send it."}, "/generate is asked with POST"),
        ("refused", {"status": 400, "error": "The request has no Host header."}, "The request has no Host header."),
    ],
)
def test_a_failure_is_called_by_its_cause(outcome: str, values: dict[str, object], cause: str) -> None:
    assert cause_of(record_of({"outcome": outcome, **values}), outcome) == cause


def test_two_errors_that_differ_in_names_and_numbers_have_one_cause() -> None:
    errors = (
        "The key 'ada' has 3 calls at http://one:1/x, more than 2 (id 0123456789abcdef).",
        "The key 'bob' has 41 calls at http://two:2/y, more than 40 (id fedcba9876543210).",
    )
    causes = {cause_of(record_of({"status": 429, "error": error}), "refused") for error in errors}
    assert causes == {"The key … has … calls at … more than … (id …)."}


def test_a_cause_is_short_whatever_the_error() -> None:
    for error in ("x" * 1_000_000, "'" * 100_000, "/a" * 100_000, "\n\t " * 10_000 + "b"):
        assert len(cause_of(record_of({"status": 500, "error": error}), "completed")) <= 120
