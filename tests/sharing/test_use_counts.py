"""Requests of the last minute, and tokens of the day, also those of before a restart."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from service.journal.reader import Reader
from service.sharing.limits import Identity
from service.sharing.use_counts import RequestRates, TokensToday

NOON = datetime(2026, 3, 4, 12).timestamp()  # noqa: DTZ001 - a local day


def line(user: str, tokens: int, **more: object) -> bytes:
    return orjson.dumps({"user": user, "prompt_tokens": tokens, "completion_tokens": 1, **more})


def test_no_minute_has_more_requests_than_it_may() -> None:
    rates = RequestRates()
    for now in (0.0, 10.0, 20.0):
        assert rates.seconds_to_wait("a", 3, now) == 0.0
        rates.add("a", now)
    assert rates.seconds_to_wait("a", 3, 30.0) == 30.0
    assert rates.seconds_to_wait("b", 3, 30.0) == 0.0
    assert rates.count("a", 60.0) == 2
    assert rates.seconds_to_wait("a", 3, 60.0) == 0.0
    # Rules that became stricter meanwhile.
    assert rates.seconds_to_wait("a", 1, 61.0) == 19.0


def test_ever_new_names_do_not_fill_the_memory() -> None:
    rates = RequestRates()
    for number in range(20_000):
        rates.add(f"name {number}", number * 0.1)
    assert len(rates._times) <= 4097


def test_tokens_are_counted_by_caller_and_day() -> None:
    now = NOON
    tokens = TokensToday(lambda: now)
    tokens.add([line("Ann", 10), line("Ann", 20), line("Bob", 5), b'{"user":"Ann"}', b"nonsense"])
    assert (tokens.used("user Ann"), tokens.used("user Bob"), tokens.used("user Eve")) == (32, 6, 0)
    assert tokens.seconds_left() == pytest.approx(12 * 3600)
    assert tokens.all() == {"user Ann": 32, "user Bob": 6}
    now += timedelta(hours=12, seconds=1).total_seconds()
    assert tokens.used("user Ann") == 0
    assert tokens.seconds_left() == pytest.approx(24 * 3600 - 1)


def test_other_rules_may_name_callers_otherwise() -> None:
    tokens = TokensToday(lambda: NOON)
    tokens.add([line("Ann", 10, caller="curl"), line("Bob", 10, caller="curl")])

    def by_program(who: Identity) -> str:
        return f"caller {who.caller}"

    tokens.call_them(by_program)
    assert tokens.all() == {"caller curl": 22}
    tokens.add([line("Eve", 1, caller="curl")])
    assert tokens.used("caller curl") == 24


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of four days."""
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    connection.execute(
        "CREATE TABLE exchange (number INTEGER PRIMARY KEY AUTOINCREMENT, id, started_ns, ended_ns, method, operation,"
        " outcome, parent_span_id, line BLOB)"
    )
    for number in range(3000):
        ended_ns = int((NOON - (2999 - number) * 120) * 1e9)
        connection.execute(
            "INSERT INTO exchange VALUES (?, ?, ?, ?, 'POST', 'chat', 'completed', NULL, ?)",
            (number + 1, f"{number:032x}", ended_ns, ended_ns, line("Ann", 1)),
        )
    connection.commit()
    connection.close()
    return tmp_path


def test_a_restart_forgets_nothing_and_yesterday_does_not_count(journal: Path) -> None:
    tokens = TokensToday(lambda: NOON)
    reader = Reader(journal)
    tokens.read(reader)
    reader.close()
    # One every two minutes since midnight, two tokens each.
    assert tokens.used("user Ann") == 2 * (12 * 30 + 1)


def test_without_a_journal_the_count_begins_now(tmp_path: Path) -> None:
    tokens = TokensToday(lambda: NOON)
    tokens.read(Reader(tmp_path))
    assert tokens.used("user Ann") == 0
