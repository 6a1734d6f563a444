import contextlib
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from service.journal import journal as journal_module
from service.journal import setting_aside
from service.journal.space import Retention
from tests.journal.damaging import make_journal, shortened
from tests.journal.given import open_journal, record


def spoiled(folder: Path) -> Path:
    """A journal of which not all can be read."""
    path = make_journal(folder, random.Random(1))
    cut(path)
    return path


def cut(path: Path) -> None:
    content = bytearray(path.read_bytes())
    shortened(content, random.Random(5))
    path.write_bytes(content)


def aside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.corrupt-*") if not path.name.endswith("-wal"))


def notice(folder: Path) -> str:
    with open_journal(folder) as journal:
        return journal.notice or ""


def test_the_notice_outlasts_restarts_and_goes_with_the_file(tmp_path: Path) -> None:
    spoiled(tmp_path)
    told = [notice(tmp_path) for _ in range(3)]
    (kept,) = aside(tmp_path)
    assert told == [told[0]] * 3
    assert told[0].startswith(f"a damaged file was set aside as {kept.name}: ")
    assert "records were saved, and not all could be read" in told[0]

    kept.unlink()
    assert notice(tmp_path) == ""
    kept.touch()
    assert notice(tmp_path) == "", "what came back under that name is not known"


def test_two_files_are_both_told_and_each_goes_by_itself(tmp_path: Path) -> None:
    path = spoiled(tmp_path)
    notice(tmp_path)
    (first,) = aside(tmp_path)
    cut(path)
    both = notice(tmp_path)
    (second,) = set(aside(tmp_path)) - {first}
    assert f"{first.name}:" in both
    assert f"{second.name}:" in both
    assert notice(tmp_path) == both

    first.unlink()
    left = notice(tmp_path)
    assert f"{first.name}:" not in left
    assert f"{second.name}:" in left


@pytest.mark.parametrize("dies_at", ["set_aside", "take_salvaged", "_connect"])
def test_a_process_that_dies_before_the_end_takes_no_notice_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    class Died(BaseException):
        pass

    path = spoiled(tmp_path)
    given: Any = getattr(journal_module, dies_at, None) or journal_module.Journal._connect

    def die(*arguments: Any) -> Any:
        if dies_at == "_connect" and not aside(tmp_path):
            return given(*arguments)
        if dies_at == "set_aside":
            given(*arguments)
        raise Died

    with monkeypatch.context() as dying:
        if dies_at == "_connect":
            dying.setattr(journal_module.Journal, dies_at, die)
        else:
            dying.setattr(journal_module, dies_at, die)
        journal = journal_module.Journal(tmp_path, retention=Retention(days=36_500))
        with pytest.raises(Died):
            journal.open()
        journal.close()

    (kept,) = aside(tmp_path)
    assert kept.name in notice(tmp_path)
    assert kept.name in notice(tmp_path)
    assert path.exists()
    assert setting_aside.unfinished(tmp_path) is None


def test_a_file_that_was_saved_whole_needs_no_notice_after_a_restart(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        journal.reopen(damage="a false alarm")
        assert journal.notice is None
    assert aside(tmp_path)
    assert notice(tmp_path) == ""


def test_where_the_note_cannot_be_written_it_is_told_in_this_run(tmp_path: Path) -> None:
    spoiled(tmp_path)
    with open_journal(tmp_path) as journal:
        told = journal.notice
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as other:
            other.execute("DELETE FROM about WHERE name LIKE 'set aside unread%'")
            other.commit()
        journal.reopen()
        assert journal.notice == told
    assert notice(tmp_path) == told
