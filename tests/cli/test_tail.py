"""``tail`` follows the journal, whoever writes it and whenever it begins to exist."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.tail import follow
from service.search.filters import Filter
from service.search.indexing import Indexer
from service.settings import read_settings
from tests.cli.kept import chat, keep
from tests.servers.recorder import PROJECT


class Pauses:
    """Stands for the time between two looks: does the next thing of a list instead of waiting."""

    def __init__(self, *happenings: Callable[[], Any]) -> None:
        self._happenings = list(happenings)

    def __call__(self, seconds: float) -> None:
        if not self._happenings:
            raise KeyboardInterrupt
        self._happenings.pop(0)()


def followed(folder: Path, wanted: Filter, lines: int, *happenings: Callable[[], Any]) -> list[int]:
    """The numbers that are shown until all has happened."""
    numbers: list[int] = []
    following = follow(read_settings({"DATA_DIR": str(folder)}), wanted, lines, Pauses(*happenings))
    with pytest.raises(KeyboardInterrupt):
        numbers.extend(entry.number for entry in following)
    return numbers


def test_the_last_ones_come_first_then_each_that_ends_in_its_order(folder: Path) -> None:
    keep(folder, *(chat(number) for number in range(1, 6)))
    later = [lambda: keep(folder, chat(6), chat(7)), lambda: None, lambda: keep(folder, chat(8))]
    assert followed(folder, Filter(), 2, *later) == [4, 5, 6, 7, 8]


def test_a_filter_lets_through_what_it_should_also_before_anybody_indexed_it(folder: Path) -> None:
    keep(folder, chat(1, "red"), chat(2, "blue"), chat(3, "red"))
    later = [lambda: keep(folder, chat(4, "blue"), chat(5, "red")), lambda: keep(folder, chat(6, "red"))]
    assert followed(folder, Filter(text="red"), 10, *later) == [1, 3, 5, 6]


def test_where_only_the_recorder_may_index_what_it_has_not_indexed_yet_comes_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(indexer: Indexer) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    def by_the_recorder() -> None:
        with contextlib.closing(Indexer(folder)) as indexer:
            step(indexer)

    keep(folder, chat(1, "red"))
    step = Indexer.step
    by_the_recorder()
    monkeypatch.setattr(Indexer, "step", refuse)
    later = [lambda: keep(folder, chat(2, "red"), chat(3, "red")), by_the_recorder]
    assert followed(folder, Filter(text="red"), 10, *later) == [1, 2, 3]


def test_it_waits_for_a_journal_that_is_not_there_yet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert followed(folder, Filter(), 10, lambda: None, lambda: keep(folder, chat(1))) == [1]
    assert capsys.readouterr().err.count("no journal") == 1


def test_a_journal_that_is_made_anew_is_followed_from_its_beginning(folder: Path) -> None:
    def begin_anew() -> None:
        for path in folder.glob("journal.*"):
            path.unlink()
        keep(folder, chat(101), chat(102))

    keep(folder, *(chat(number) for number in range(1, 6)))
    assert followed(folder, Filter(), 1, begin_anew) == [5, 1, 2]


def test_a_long_absence_is_caught_up_in_order(folder: Path) -> None:
    keep(folder, chat(1))
    assert followed(folder, Filter(), 0, lambda: keep(folder, *map(chat, range(2, 700)))) == list(range(2, 700))


def test_as_a_process_it_shows_lines_at_once_and_ends_quietly(folder: Path) -> None:
    keep(folder, chat(1, "first"))
    settings = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT), "DATA_DIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "service", "tail", "--json"],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert json.loads(process.stdout.readline())["prompt"] == "first"
            keep(folder, chat(2, "second"))
            assert json.loads(process.stdout.readline())["prompt"] == "second"
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()
