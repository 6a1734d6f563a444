import logging

import pytest

from service.journal import JournalError
from service.shipping.condition import Condition
from service.shipping.delivery import DeliveryState
from service.shipping.pace import Pace
from service.shipping.receiver import Decision, Verdict

AWAY = Verdict(Decision.RETRY, "unreachable", "nobody there")
REFUSED = Verdict(Decision.REFUSED, "http_401", "HTTP 401", "set the key", retry_after=120.0)


def condition() -> Condition:
    return Condition("otlp", Pace(first_delay=0.5, longest_delay=30.0, refused_delay=60.0))


def test_a_failure_is_told_with_its_reason_until_there_is_an_answer() -> None:
    it = condition()
    assert 0 <= it.has_failed(AWAY) <= 0.5
    assert (it.state, it.last_error, it.what_to_do) == (DeliveryState.FAILING, "unreachable: nobody there", "")
    it.has_answered()
    assert (it.state, it.last_error) == (DeliveryState.WELL, "")


def test_a_refusal_says_what_to_do_and_waits_as_long_as_is_asked_for() -> None:
    it = condition()
    assert it.has_failed(REFUSED) == 120.0
    assert (it.state, it.is_refusing, it.what_to_do) == (DeliveryState.REFUSING, True, "set the key")


def test_the_same_refusal_is_told_once_and_another_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.event_log.QUIET_SECONDS", 0.0)
    it = condition()
    with caplog.at_level(logging.INFO, "ollama_recorder"):
        for verdict in (REFUSED, REFUSED, Verdict(Decision.REFUSED, "http_404", "HTTP 404"), AWAY, REFUSED):
            it.has_failed(verdict)
    told = [record.__dict__["event"] for record in caplog.records]
    assert told == ["ReceiverRefused", "ReceiverRefused", "ReceiverFailed", "ReceiverRefused"]


def test_a_journal_that_cannot_be_read_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.event_log.QUIET_SECONDS", 0.0)
    it = condition()
    trouble = JournalError("the journal cannot be read: unable to open database file")
    trouble.__cause__ = PermissionError()
    with caplog.at_level(logging.INFO, "ollama_recorder"):
        it.has_stumbled(trouble)
        it.has_stumbled(ValueError("x"))
    assert [record.__dict__["event"] for record in caplog.records] == ["DefectFound"]
    assert it.state is DeliveryState.FAILING


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError("disk I/O error"), ["DefectFound"]), (JournalError("it is damaged"), [])],
)
def test_what_goes_wrong_here_is_a_failure_too_and_of_the_journal_no_fault_of_ours(
    error: Exception, told: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.event_log.QUIET_SECONDS", 0.0)
    it = condition()
    with caplog.at_level(logging.INFO, "ollama_recorder"):
        it.has_stumbled(error)
    assert it.state is DeliveryState.FAILING
    assert str(error) in it.last_error
    assert [record.__dict__["event"] for record in caplog.records] == told
