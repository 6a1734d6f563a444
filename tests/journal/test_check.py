from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from service.journal import JournalError
from service.journal.check import check
from service.journal.open_rows import encode_open
from tests.journal.given import kept_ids, open_journal, opened, record
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


@pytest.mark.parametrize(
    "spoil",
    [
        "line = CAST(replace(CAST(line AS TEXT), id, 'f' || substr(id, 2)) AS BLOB)",
        "line = substr(line, 1, length(line) - 1)",
        "line = CAST('[' || CAST(line AS TEXT) || ']' AS BLOB)",
        "line = x''",
        "id = 'f' || substr(id, 2)",
    ],
)
def test_a_line_that_is_not_its_records_is_told_and_the_recorder_sets_the_file_aside(
    tmp_path: Path, spoil: str
) -> None:
    with open_journal(tmp_path) as journal:
        for start in range(1, 1201, 300):
            journal.write([record(number) for number in range(start, start + 300)])
        journal.connection.execute(f"UPDATE exchange SET {spoil} WHERE number IN (7, 1100)")

    problems = check(tmp_path).problems

    assert [problem.partition(":")[0] for problem in problems] == ["record 7", "record 1100"]
    assert all("its line is not that of exchange" in problem for problem in problems)
    with open_journal(tmp_path):
        assert len(kept_ids(tmp_path)) == 1198
    after = check(tmp_path)
    assert (after.problems, len(after.set_aside)) == ([], 1)


def test_a_line_that_names_no_exchange_and_records_of_many_problems_are_no_trouble(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number) for number in range(1, 101)])
        journal.connection.execute("UPDATE exchange SET line = x'7b7d' WHERE number <= 50")
        assert check(tmp_path).problems == []
        journal.connection.execute("UPDATE exchange SET line = x'7b' WHERE number > 50")
        assert len(check(tmp_path).problems) == 20


@pytest.mark.parametrize("content", [None, b"no journal at all" * 100])
def test_without_a_journal_there_is_nothing_to_check(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "journal.sqlite3").write_bytes(content)

    with pytest.raises(JournalError):
        check(tmp_path)
