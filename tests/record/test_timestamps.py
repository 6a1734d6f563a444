import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.record.timestamps import (
    read_duration,
    read_moment,
    to_microseconds,
    to_thousandths,
    write_duration,
    write_moment,
)

NOW = 1_800_000_000_000_000_000
DAY = 86_400_000_000_000
MORNING = 1_795_248_000_000_000_000  # 2026-11-21T08:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T08:00:00Z", MORNING),
        ("2026-11-21t08:00z", MORNING),
        ("2026-11-21 08:00:00", MORNING),
        ("2026-11-21T08:00:00.123456789Z", MORNING + 123_456_789),
        ("2026-11-21T10:00:00+02:00", MORNING),
        ("2026-11-21T10:00:00 02:00", MORNING),
        ("2026-11-21T03:00:00-0500", MORNING),
        ("2026-11-21", MORNING - DAY // 3),
        ("1795248000", MORNING),
        ("1795248000.5", MORNING + 500_000_000),
        ("-1h", NOW - DAY // 24),
        ("-7d", NOW - 7 * DAY),
        ("-1.5m", NOW - 90_000_000_000),
        ("now", NOW),
        ("0", 0),
    ],
)
def test_a_point_in_time_is_read_to_the_nanosecond(text: str, expected: int) -> None:
    assert read_moment(text, now_ns=NOW) == expected


def test_a_day_as_an_end_is_over_when_the_next_begins() -> None:
    assert read_moment("2026-11-21", is_end=True) == read_moment("2026-11-22")
    assert read_moment("2026-11-21T00:00", is_end=True) == read_moment("2026-11-21")


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2026-13-01", "2026-02-30", "2026-11-21T25:00:00Z", "2026-11-21T08", "1h", "-1y", "--1h"),
        *("1969-12-31", "2300-01-01", "99999999999", "nan", "inf", "-99999999d", "2026-11-21T08:00:00+99:00", "١٢"),
        *("2026-11-21T08:00:00Z\n", "1795248000;", "1e9"),
    ],
)
def test_what_is_no_point_in_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says what is wrong
        read_moment(text, now_ns=NOW)


@pytest.mark.parametrize(
    ("text", "expected"), [("2.5", 2.5), ("0", 0), ("300ms", 0.3), ("2m", 120), ("1 h", 3600), (".5s", 0.5)]
)
def test_a_duration_is_in_seconds(text: str, expected: float) -> None:
    assert read_duration(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e3", "1 year", "9" * 30])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says what is wrong
        read_duration(text)


@pytest.mark.parametrize("moment", [0, MORNING, MORNING + 1, MORNING + 120_000_000, (1 << 63) - 1])
def test_what_is_written_is_read_as_the_same_moment(moment: int) -> None:
    assert read_moment(write_moment(moment)) == moment


@pytest.mark.parametrize("text", ["12.3456789012", "0.00000001", "5.", "999999999999999", "0." + "3" * 300])
def test_a_duration_may_have_any_number_of_decimals_and_survives_its_own_address(text: str) -> None:
    seconds = read_duration(text)
    assert seconds == float(text)
    assert read_duration(write_duration(seconds)) == seconds


@given(st.floats(-1e9, 1e9))
def test_rounded_it_is_the_nearest_number_that_has_so_many_decimals(number: float) -> None:
    for rounded, digits in ((to_microseconds(number), 6), (to_thousandths(number), 3)):
        assert rounded == round(rounded, digits)
        assert abs(rounded - number) <= 0.5000001 * 10**-digits + abs(number) * 1e-15


@pytest.mark.parametrize("seconds", [0.0, 1.123456, 67.472092, 0.000445339, 1e9 + 0.25, -1.0, -2.5])
def test_what_a_clock_gives_is_rounded_as_python_does(seconds: float) -> None:
    assert to_microseconds(seconds) == round(seconds, 6)
    assert to_thousandths(seconds) == round(seconds, 3)
