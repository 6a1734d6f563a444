"""A clock that is wrong makes times wrong, and Loki refuse what comes from the future."""

import pytest

from service.cli.doctor.check_result import Severity, clock_finding

NOW = 1_795_240_800.0  # 2026-11-21T06:00:00Z


@pytest.mark.parametrize(
    ("date", "state", "words"),
    [
        ("Sat, 21 Nov 2026 06:00:00 GMT", Severity.GOOD, "The same as Loki's"),
        ("Sat, 21 Nov 2026 05:59:40 GMT", Severity.ADVICE, "20 s ahead of"),
        ("Sat, 21 Nov 2026 07:00:00 GMT", Severity.PROBLEM, "3,600 s behind"),
    ],
)
def test_clocks_are_compared(date: str, state: Severity, words: str) -> None:
    found = clock_finding("Loki", {"date": date}, NOW)
    assert found is not None
    assert (found.state, words in found.text) == (state, True)


@pytest.mark.parametrize("headers", [{}, {"date": "soon"}, {"date": "Sat, 99 Nov 2026 06:00:00 GMT"}, {"date": "\x00"}])
def test_who_tells_no_time_is_not_compared(headers: dict[str, str]) -> None:
    assert clock_finding("Loki", headers, NOW) is None
