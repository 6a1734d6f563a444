"""An id may be shortened, and an index that cannot be written is no reason to show nothing."""

import os
from pathlib import Path

import click
import pytest

from service.cli.journal_access import catch_up, searching, whole_id, why_unread
from service.journal import JournalError
from service.journal.folder import JOURNAL
from service.journal.reader import Reader
from service.search.filters import Filter
from service.search.indexing import Indexer
from service.settings import read_settings
from tests.cli.conftest import Run
from tests.cli.kept import chat, keep
from tests.journal.given import identifier


def test_a_unique_beginning_of_an_id_is_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(folder, *(chat(number, id=identifier(begin << 120)) for number, begin in enumerate((0x1A, 0x1B, 0x2F))))
    reader = Reader(folder)
    assert whole_id(reader, "1A") == identifier(0x1A << 120)
    assert whole_id(reader, " 2f") == whole_id(reader, identifier(0x2F << 120)) == identifier(0x2F << 120)
    for text, code, words in (
        ("1", 1, f"several ids:\n{identifier(0x1A << 120)}\n{identifier(0x1B << 120)}"),
        ("3", 1, "There is no exchange 3"),
        ("", 2, "is no id"),
        ("1%", 2, "is no id"),
        ("1" * 33, 2, "is no id"),
        ("\x1b[2J", 2, "\\x1b"),
    ):
        with pytest.raises(click.exceptions.Exit) as ended:
            whole_id(reader, text)
        assert ended.value.exit_code == code
        assert words in capsys.readouterr().err
    reader.close()


def test_an_index_that_cannot_be_written_is_noted_and_used_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = read_settings({"DATA_DIR": str(folder)})
    keep(folder, chat(1))
    catch_up(settings)
    keep(folder, chat(2))

    def refuse(indexer: Indexer) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Indexer, "step", refuse)
    with searching(settings) as search:
        assert search.count(Filter(model=("tiny",))) == 1
    assert "newest exchanges may be missing" in capsys.readouterr().err


def test_a_journal_that_is_not_there_or_not_for_us_is_said_with_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = JournalError("the journal cannot be read: it is odd")
    assert "There is no journal in DATA_DIR=" in why_unread(trouble, folder)
    keep(folder, chat(1))
    assert why_unread(trouble, folder) == str(trouble)
    assert "There is no journal in DATA_DIR=" in why_unread(trouble, folder / JOURNAL)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", refuse)
        assert "This user may not read DATA_DIR=" in why_unread(trouble, folder)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "This user may not read DATA_DIR=" in why_unread(trouble, folder)


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["show", "00"],
        ["stats"],
        ["export", "csv"],
        ["replay", "00"],
        ["erase", "--failed", "--yes"],
        ["ship", "status"],
        ["journal", "check"],
        ["journal", "compact"],
    ],
)
def test_a_folder_of_another_user_is_no_empty_folder(
    words: list[str], run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(folder, chat(1))
    stat = Path.stat

    def refuse(path: Path, **options: bool) -> os.stat_result:
        if path.name == JOURNAL:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    done = run(*words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "This user may not read DATA_DIR=" in done.stderr
