"""The journal's soundness, its privacy, its index, and the room that is left."""

import os
import shutil
import socket
import sqlite3
import tempfile
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor import storage
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.storage import look_at_storage
from service.cli.journal_access import catch_up
from service.journal import reader
from service.journal.folder import JOURNAL
from service.search.index import INDEX
from tests.cli.kept import chat, keep

Make = Callable[..., Any]
OTHER = 10001
PROCESSES = get_context("forkserver")
Usage = namedtuple("Usage", "total used free")


def about(found: list[CheckResult], name: str) -> list[CheckResult]:
    return [finding for finding in found if finding.about == name]


def test_a_sound_and_private_journal_is_well(settings: Make, folder: Path) -> None:
    keep(folder, *map(chat, range(1, 6)))
    catch_up(settings())
    found = look_at_storage(settings())
    assert {finding.state for finding in found} == {Severity.GOOD}
    assert about(found, "journal")[0].text == "Sound, 5 records."


def test_without_a_journal_there_is_nothing_to_do(settings: Make, folder: Path) -> None:
    assert [finding.state for finding in look_at_storage(settings())] == [Severity.NOTE]
    folder.mkdir(mode=0o700)
    assert Severity.PROBLEM not in {finding.state for finding in look_at_storage(settings())}


def problems(look: Callable[[], list[CheckResult]]) -> list[list[str]]:
    """Text and advice of each problem."""
    return [[one.text, one.advice] for one in look() if one.state is Severity.PROBLEM]


def for_another_user(look: Callable[[], list[CheckResult]]) -> list[list[str]]:
    """What a user who is not root finds. Only root can become one. ``look`` can be pickled.

    In a process of the fork server, as in ``tests/journal/dying.py``.
    """
    here, there = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_tell_as_another, args=(look, there))
    process.start()
    there.close()
    assert here.poll(60), "it told nothing"
    told: list[list[str]] = here.recv()
    process.join(60)
    return told


def _tell_as_another(look: Callable[[], list[CheckResult]], told: "Connection[list[list[str]], None]") -> None:
    problems(look)  # Loads what it needs, from where another user may not look.
    os.setgroups([])
    os.setresgid(OTHER, OTHER, OTHER)
    os.setresuid(OTHER, OTHER, OTHER)
    told.send(problems(look))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of others")
def test_what_is_not_the_recorders_own_is_named_with_its_owner(settings: Make, folder: Path) -> None:
    keep(folder, *map(chat, range(1, 6)))
    catch_up(settings())
    for above in folder.parents:
        if above.is_relative_to(tempfile.gettempdir()):
            above.chmod(above.stat().st_mode | 0o011)
    everything = [folder, *folder.iterdir()]

    def given(*strange: Path) -> None:
        for path in everything:
            owner = 0 if path in strange else OTHER
            os.chown(path, owner, owner)

    def as_each() -> tuple[list[list[str]], list[list[str]]]:
        look = partial(look_at_storage, settings())
        return problems(look), for_another_user(look)

    given()
    assert as_each() == ([], [])
    given(folder / INDEX)
    for text, advice in [told[0] for told in as_each()]:
        assert f"{INDEX} (of user 0)" in text
        assert "to the user that the recorder runs as" in advice
    given(folder / JOURNAL)
    for told in as_each():
        assert f"{JOURNAL} (of user 0)" in told[0][0]
    # Everybody may look in, and only root may write: closing it would shut out the recorder.
    given(folder)
    folder.chmod(0o755)
    for told, closing_it in zip(as_each(), ("chmod 700", "Give it to the recorder's user first"), strict=True):
        assert "the folder (of user 0)" in told[0][0]
        assert told[1][1].startswith(closing_it)


def test_a_damaged_file_a_folder_open_to_others_and_files_set_aside_are_told(settings: Make, folder: Path) -> None:
    keep(folder, *(chat(number, "x" * 5000) for number in range(1, 51)))
    damaged = bytearray((folder / JOURNAL).read_bytes())
    damaged[40_000:80_000] = b"\xa5" * 40_000
    (folder / JOURNAL).write_bytes(damaged)
    (folder / f"{JOURNAL}.corrupt-1").touch()
    folder.chmod(0o755)
    found = about(look_at_storage(settings()), "journal")
    assert [finding.advice for finding in found if "chmod 700" in finding.advice]
    assert [finding for finding in found if "corrupt-1" in finding.text]
    assert [
        finding
        for finding in found
        if finding.state is Severity.PROBLEM and "sets a damaged file aside" in finding.advice
    ]


@pytest.mark.parametrize(
    ("free", "state"), [(5_000_000, Severity.PROBLEM), (5_000_000_000, Severity.ADVICE), (1 << 40, Severity.GOOD)]
)
def test_room_that_is_short_is_told(
    free: int, state: Severity, settings: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, free))
    (found,) = about(look_at_storage(settings()), "disk")
    assert found.state is state


def test_an_index_that_is_absent_or_behind_is_told(
    settings: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_INDEX_LAG", 1)
    keep(folder, chat(1))
    (absent,) = about(look_at_storage(settings()), "index")
    assert (absent.state, "no index" in absent.text) == (Severity.NOTE, True)
    catch_up(settings())
    keep(folder, chat(2), chat(3))
    (behind,) = about(look_at_storage(settings()), "index")
    assert (behind.state, "2 records behind" in behind.text) == (Severity.NOTE, True)


def test_a_file_too_large_to_be_looked_through_is_no_problem(
    settings: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(folder, *(chat(number, "x" * 3000) for number in range(1, 300)))
    monkeypatch.setattr(storage, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(reader, "_INSTRUCTIONS_BETWEEN_LOOKS", 1)
    found = about(look_at_storage(settings()), "journal")
    assert [finding.state for finding in found] == [Severity.NOTE]
    assert "journal check" in found[0].advice


def test_a_damaged_index_is_told_and_left_as_it_is(settings: Make, folder: Path) -> None:
    keep(folder, chat(1))
    (folder / INDEX).write_bytes(b"no index" * 1000)
    (found,) = about(look_at_storage(settings()), "index")
    assert (found.state, "cannot be read" in found.text) == (Severity.NOTE, True)
    assert (folder / INDEX).read_bytes() == b"no index" * 1000


def test_an_index_that_is_being_made_is_not_there_yet(settings: Make, folder: Path) -> None:
    keep(folder, chat(1))
    (folder / INDEX).touch()
    (found,) = about(look_at_storage(settings()), "index")
    assert (found.state, "no index" in found.text) == (Severity.NOTE, True)


def test_a_folder_that_is_a_file_and_a_file_that_may_not_be_opened_are_told(
    settings: Make, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    (found,) = look_at_storage(settings(DATA_DIR=str(file)))
    assert (found.state, "is no folder" in found.text) == (Severity.PROBLEM, True)
    folder.mkdir(mode=0o700)
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as one:
        # Nobody can open one, whatever their rights. Its address must be short.
        one.bind(JOURNAL)
    (found,) = about(look_at_storage(settings()), "journal")
    assert (found.state, "own user" in found.advice) == (Severity.PROBLEM, True)


def test_the_file_of_another_program_is_told_apart(settings: Make, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / JOURNAL)) as other:
        other.execute("CREATE TABLE song(title)")
    (found,) = about(look_at_storage(settings()), "journal")
    assert (found.state, "no journal of this recorder" in found.text) == (Severity.PROBLEM, True)
