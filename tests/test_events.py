"""One log line and one counter for each thing that happens."""

import logging
import re

import pytest

from service import event_log, events


@pytest.fixture(autouse=True)
def _nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "_last_logged", {})


def test_an_event_is_counted_under_its_labels_and_logged_with_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    counter = events.counters()[events.RecordParked].labels("loki", "line_too_long")
    before = counter._value.get()
    with caplog.at_level(logging.DEBUG, "ollama_recorder"):
        events.emit(events.RecordParked("loki", 7, "line_too_long", "Max entry size exceeded"))
    assert counter._value.get() == before + 1
    record = caplog.records[-1]
    assert record.levelno == logging.ERROR
    assert vars(record)["event"] == "RecordParked"
    assert vars(record)["number"] == 7


def test_a_repeated_event_is_always_counted_and_seldom_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("service.event_log.time.monotonic", lambda: now)
    counter = events.counters()[events.RecordsLost].labels("pressure")
    before = counter._value.get()
    with caplog.at_level(logging.INFO, "ollama_recorder"):
        for _ in range(50):
            events.emit(events.RecordsLost(2, "pressure"))
        now += event_log.QUIET_SECONDS
        events.emit(events.RecordsLost(2, "pressure"))
    assert counter._value.get() == before + 102
    assert len(caplog.records) == 2
    assert vars(caplog.records[1])["not_logged_before"] == 49


def test_every_event_is_a_noun_and_a_past_verb_and_says_what_happened_in_a_sentence() -> None:
    for kind in events.counters():
        assert re.fullmatch(r"([A-Z][a-z]+)+", kind.__name__)
        assert kind.__doc__
        assert kind.__doc__.split("\n")[0].endswith(".")


def test_what_somebody_did_is_logged_each_time(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ollama_recorder"):
        for count in (1, 2):
            events.emit(events.RecordsErased(count, "127.0.0.1", "all", "not asked"))
    assert [vars(record)["count"] for record in caplog.records] == [1, 2]


def test_each_file_that_is_read_again_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ollama_recorder"):
        for variable in ("LIMITS_FILE", "API_KEYS_FILE"):
            events.emit(events.SettingsFileRead(variable))
            events.emit(events.SettingsFileRefused(variable, "line 1"))
    assert [vars(record)["variable"] for record in caplog.records] == ["LIMITS_FILE"] * 2 + ["API_KEYS_FILE"] * 2
