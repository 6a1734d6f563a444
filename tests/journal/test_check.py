from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from service.journal import JournalError
from service.journal.check import check
from service.journal.open_rows import encode_open
from tests.journal.given import open_journal, opened, record
from tests.journal.test_salvage import damage, fill


def test_a_sound_journal_tells_what_is_in_it_while_it_is_written(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1), record(2), record(3)], [encode_open(opened(9))])
        journal.move_cursor("loki", 1)
        journal.park("loki", 1, "line_too_long", "")

        report = orjson.loads(orjson.dumps(asdict(check(tmp_path))))

    assert report["problems"] == []
    assert (report["records"], report["newest_number"], report["open_exchanges"]) == (3, 3, 1)
    assert (report["lag"], report["parked"]) == ({"loki": 2}, {"loki": 1})
    assert report["oldest"] == "2023-11-14T22:13:21.000Z"
    assert report["file_bytes"] > 0


def test_an_empty_journal_that_nobody_has_open_is_sound(tmp_path: Path) -> None:
    with open_journal(tmp_path):
        pass

    report = check(tmp_path)

    assert (report.problems, report.records, report.oldest, report.lag) == ([], 0, None, {})


def test_damage_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    path = fill(tmp_path)
    damage(path, range(60, 64))
    before = path.read_bytes()

    report = check(tmp_path)

    assert report.problems
    assert report.lag["loki"] >= 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"no journal at all" * 100])
def test_without_a_journal_there_is_nothing_to_check(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "journal.sqlite3").write_bytes(content)

    with pytest.raises(JournalError):
        check(tmp_path)
