import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from service.reporting.report_period import read_since

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-11-26T00:00+01:00"),
        ("yesterday", "2026-11-25T00:00+01:00"),
        ("Last night", "2026-11-25T22:00+01:00"),
        ("last-night", "2026-11-25T22:00+01:00"),
        ("this-week", "2026-11-23T00:00+01:00"),
        ("-24h", "2026-11-25T09:30+01:00"),
        ("2026-11-21", "2026-11-21T00:00+00:00"),
    ],
)
def test_days_begin_at_midnight_where_the_recorder_runs(text: str, expected: str) -> None:
    assert read_since(text, moment("2026-11-26T09:30+01:00")) == moment(expected)


def test_the_day_on_which_the_clock_is_put_back_begins_at_its_own_midnight() -> None:
    assert read_since("yesterday", moment("2026-10-26T09:30+01:00")) == moment("2026-10-25T00:00+02:00")


@pytest.mark.parametrize("text", ["", "tomorrow", "-1x", "yesterday " * 100])
def test_what_cannot_be_understood_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="is not understood: expected is today, yesterday, last-night, this-week"):
        read_since(text, int(datetime.now(UTC).timestamp()) * SECOND)
