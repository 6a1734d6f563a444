"""Whether the recorder runs, at what address, and on which folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import service
from service.cli.doctor.check_result import Severity
from service.cli.doctor.recorder_process import holder_of, look_at_recorder
from service.journal.folder import prepare_folder, take_lock
from tests.cli.answering import Said
from tests.journal.given import open_journal
from tests.servers.process import RunningServer

Make = Callable[..., Any]
ALIVE: dict[str, Any] = {"/healthz": b"ok\n"}


def test_one_that_runs_is_well(settings: Make, start_recorder: Callable[..., RunningServer]) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL="http://127.0.0.1:1")
    version, reach = look_at_recorder(
        settings(DATA_DIR=str(recorder.log.parent / "data"), LISTEN=f"127.0.0.1:{recorder.port}")
    )
    assert (version.state, service.__version__ in version.text) == (Severity.GOOD, True)
    assert (reach.state, "127.0.0.1" in reach.text) == (Severity.NOTE, True)


def test_one_of_another_version_or_another_folder_is_a_problem(settings: Make, answers: Make) -> None:
    server = answers(ALIVE | {"/status.json": {"version": "0.0.1"}})
    version, _, folder = look_at_recorder(settings(), server.url)
    assert (version.state, "0.0.1" in version.text) == (Severity.PROBLEM, True)
    assert (folder.state, "another folder" in folder.text) == (Severity.PROBLEM, True)


def test_what_it_says_is_wrong_with_itself_is_told(settings: Make, answers: Make) -> None:
    degraded = {"degraded": {"journal": "disk full", "ollama": "away", "loki": "away"}}
    found = look_at_recorder(settings(), answers(ALIVE | {"/readyz": degraded}).url)
    assert [finding.text for finding in found if "disk full" in finding.text]
    assert not [finding.text for finding in found if "away" in finding.text]


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [
        ("attempt to write a readonly database (SQLITE_READONLY)", "to the recorder's user"),
        ("attempt to write a readonly database (SQLITE_READONLY_DIRECTORY)", "to the recorder's user"),
        ("attempt to write a readonly database (SQLITE_READONLY_DBMOVED)", "saves what can be read"),
        ("unable to open database file (SQLITE_CANTOPEN)", "to the recorder's user"),
        ("disk I/O error (SQLITE_IOERR_WRITE)", "the system's own log"),
        ("database disk image is malformed (SQLITE_CORRUPT)", "saves what can be read"),
        ("database or disk is full (SQLITE_FULL)", "Make room"),
        ("the disk is full: the oldest records are removed to make room for new ones", "Make room"),
    ],
)
def test_what_is_wrong_with_the_journal_decides_what_to_do(
    trouble: str, advice: str, settings: Make, answers: Make
) -> None:
    degraded = {"degraded": {"journal": trouble}}
    found = look_at_recorder(settings(), answers(ALIVE | {"/readyz": degraded}).url)
    (told,) = [finding for finding in found if trouble in finding.text]
    assert advice in told.advice


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [
        ("attempt to write a readonly database (SQLITE_READONLY_DIRECTORY)", "to the recorder's user"),
        ("the journal cannot be read: unable to open database file (SQLITE_CANTOPEN)", "to the recorder's user"),
        ("database or disk is full (SQLITE_FULL)", "Make room"),
        ("database disk image is malformed (SQLITE_CORRUPT)", "Its log says more"),
        ("a fault of ours: KeyError", "Its log says more"),
    ],
)
def test_what_is_wrong_with_the_index_decides_too(trouble: str, advice: str, settings: Make, answers: Make) -> None:
    found = look_at_recorder(settings(), answers(ALIVE | {"/readyz": {"degraded": {"index": trouble}}}).url)
    (told,) = [finding for finding in found if trouble in finding.text]
    assert advice in told.advice


def test_what_only_follows_from_the_journal_is_not_told_again(settings: Make, answers: Make) -> None:
    unread = "the journal cannot be read: unable to open database file (SQLITE_CANTOPEN)"
    degraded = {"journal": "Permission denied (PermissionError)", "index": unread, "otlp": unread}
    found = look_at_recorder(settings(), answers(ALIVE | {"/readyz": {"degraded": degraded}}).url)
    assert [finding.text for finding in found if "It says of its" in finding.text] == [
        "It says of its journal: Permission denied (PermissionError)"
    ]


@pytest.mark.parametrize("answer", [Said(b"hello"), Said(b"", 404), Said(b"ok", 500)])
def test_something_else_at_its_address_is_told_apart(answer: Said, settings: Make, answers: Make) -> None:
    (found,) = look_at_recorder(settings(), answers({"/healthz": answer}).url)
    assert (found.state, "LISTEN" in found.advice) == (Severity.PROBLEM, True)


def test_one_that_does_not_run_and_one_that_runs_elsewhere_are_told_apart(
    settings: Make, folder: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    (absent,) = look_at_recorder(settings())
    assert (absent.state, "does not run" in absent.text) == (Severity.PROBLEM, True)
    recorder = start_recorder(ready="/healthz", OLLAMA_URL="http://127.0.0.1:1")
    (elsewhere,) = look_at_recorder(settings(DATA_DIR=str(recorder.log.parent / "data")))
    assert (f"process {recorder.process.pid}" in elsewhere.text, "--url" in elsewhere.advice) == (True, True)


def test_looking_who_holds_the_folder_takes_it_from_nobody(settings: Make, folder: Path) -> None:
    assert holder_of(settings()) is None
    prepare_folder(folder)
    (folder / "journal.lock").touch()
    assert holder_of(settings()) is None
    take_lock(folder)
    assert "process" in str(holder_of(settings()))


@pytest.mark.parametrize("may_look", [True, False])
def test_who_may_not_look_into_the_folder_cannot_tell_that_nobody_holds_it(
    may_look: bool, settings: Make, answers: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "access", lambda path, mode: may_look)
    found = look_at_recorder(settings(), answers(ALIVE).url)
    assert any("another folder" in finding.text for finding in found) == may_look


def test_one_that_keeps_another_journal_is_told_apart(settings: Make, folder: Path, answers: Make) -> None:
    with open_journal(folder) as journal:
        ours = journal.instance
    other = answers(ALIVE | {"/status.json": {"version": service.__version__, "journal": {"instance": "another"}}})
    assert any("Another recorder answers at" in found.text for found in look_at_recorder(settings(), other.url))
    number = (folder / "journal.sqlite3").stat().st_ino
    for kept, is_other in (
        ({"instance": ours}, False),
        ({"instance": ours, "file_number": number}, False),
        # Two recorders on one machine have one name.
        ({"instance": ours, "file_number": number + 1}, True),
    ):
        answering = answers(ALIVE | {"/status.json": {"version": service.__version__, "journal": kept}})
        found = look_at_recorder(settings(), answering.url)
        assert any("Another recorder" in one.text for one in found) == is_other
