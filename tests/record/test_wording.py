import pytest

from service.record.wording import about, counted, duration, percent, since, speed


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "less than 1 ms"),
        (0.003, "3 ms"),
        (0.28, "280 ms"),
        (0.9999, "1 s"),
        (2.0, "2 s"),
        (7.24, "7.2 s"),
        (9.96, "10 s"),
        (41.0, "41 s"),
        (119.4, "119 s"),
        (300, "5 min"),
        (400.2, "6 min 40 s"),
        (599.7, "10 min"),
        (719, "12 min"),
        (3 * 3600, "3 h"),
        (5 * 86_400, "5 days"),
    ],
)
def test_a_duration_is_written_as_a_person_writes_it(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_how_long_ago_something_was_has_no_seconds_after_two_minutes() -> None:
    assert [since(seconds) for seconds in (0, 41, 119.6, 430, 7300)] == [
        *("less than 1 ms", "41 s", "2 min", "7 min", "2 h"),
    ]


def test_counts_have_separators_and_their_plural() -> None:
    assert [counted(number, "token") for number in (0, 1, 4096)] == ["0 tokens", "1 token", "4,096 tokens"]


def test_an_estimate_has_two_digits() -> None:
    assert [about(number) for number in (7, 42.4, 10_960, 123_456)] == ["7", "42", "11,000", "120,000"]


def test_a_speed_has_a_digit_more_when_it_is_small() -> None:
    assert [speed(rate) for rate in (0.24, 7.0, 7.26, 9.97, 38.4, 1234.5)] == [
        *("0.2 tokens/s", "7 tokens/s", "7.3 tokens/s", "10 tokens/s", "38 tokens/s", "1,234 tokens/s"),
    ]


def test_what_is_more_than_nothing_is_not_called_nothing() -> None:
    assert [percent(part) for part in (0, 0.0001, 0.005, 0.37, 1)] == ["0 %", "< 1 %", "< 1 %", "37 %", "100 %"]
