"""Reading the last hours: no further than asked, and what went on around each exchange."""

import random
import time
from pathlib import Path

import pytest

from service.cli.doctor import window
from service.cli.doctor.window import models, newest, read_window
from service.cli.journal_access import catch_up
from service.journal import JournalError
from service.journal.reader import Reader
from service.search.search import Search
from service.settings import read_settings
from tests.cli.conftest import Run
from tests.cli.doctor.given_traffic import call, happened

DAY = 86_400.0


def test_what_went_on_around_each_is_what_the_index_knows(folder: Path) -> None:
    chance = random.Random(7)
    records = [
        call(
            number,
            # No end and no beginning lie so close together that milliseconds, which the index has, are too coarse.
            ago=chance.randrange(0, 2_000_000, 10) / 1000,
            request_time=chance.randrange(5, 90_000, 10) / 1000,
            model=chance.choice("abc"),
            **({"upstream": upstream} if (upstream := chance.choice(["gpu1", "gpu2", ""])) else {}),
        )
        for number in range(1, 200)
    ]
    happened(folder, records)
    catch_up(read_settings({"DATA_DIR": str(folder)}))
    search = Search(folder)
    numbers = {identifier: number for number, identifier in search._journal.ask("SELECT number, id FROM exchange")}
    try:
        for one in read_window(folder, DAY).calls:
            known = search.surroundings(numbers[one.record.exchange])
            assert one.around.in_flight == known.in_flight
            # The index counts in milliseconds.
            assert one.around.model_last_used == pytest.approx(known.model_last_used, abs=0.002)
    finally:
        search.close()


def test_reading_ends_at_the_time_that_was_asked_for(folder: Path) -> None:
    happened(folder, [call(number, ago=number * 600) for number in range(1, 11)])
    found = read_window(folder, 3300)
    assert (len(found.calls), found.is_whole, found.span) == (5, True, "of the last 55 min")
    assert [one.record.exchange for one in found.calls][-1] == newest(found.calls).split()[-1][:-1]


def test_the_command_that_shows_the_newest_works_also_for_calls_that_began_at_once(folder: Path, run: Run) -> None:
    ids = [f"01a1ff677c9e{last:020x}" for last in range(5)]
    happened(folder, [call(5 + at, ago=5 - at, exchange=one)._replace(id=one) for at, one in enumerate(ids)])
    command = newest(read_window(folder, DAY).calls).rstrip(".").partition("ollama-recorder ")[2]
    shown = run(*command.split())
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert ids[-1] in shown.stdout


@pytest.mark.parametrize("limit", ["_MOST_RECORDS", "_MOST_BYTES", "_MOST_SECONDS"])
def test_reading_ends_when_it_is_too_much(limit: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened(folder, [call(number, ago=number) for number in range(1, 11)])
    monkeypatch.setattr(window, "_AT_ONCE", 3)
    if limit == "_MOST_SECONDS":
        ticks = iter(range(0, 10_000, 100))
        monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
        monkeypatch.setattr(Reader, "_is_late", lambda reader: False)
    else:
        monkeypatch.setattr(window, limit, 1)
    found = read_window(folder, DAY)
    assert (len(found.calls), found.is_whole, found.span) == (3, False, "among the newest 3 exchanges")


def test_without_a_journal_that_is_said(folder: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        read_window(folder, DAY)


def test_models_are_named_by_how_often_they_were_asked(folder: Path) -> None:
    happened(folder, [call(number, ago=20 - number, model=name) for number, name in enumerate("bbacde", 1)])
    assert models(read_window(folder, DAY).calls) == "b, a, c and 2 more"
