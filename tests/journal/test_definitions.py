"""A journal whose own definitions of its tables are damaged is read anew."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from service.journal import definitions, schema
from service.journal.schema import PAGE_SIZE
from service.journal.transaction import is_damage
from tests.journal.given import ask, kept_ids, open_journal, record

IDS = list(range(1, 21))


def made(folder: Path) -> Path:
    with open_journal(folder) as journal:
        journal.write([record(number) for number in IDS])
        journal.move_cursor("loki", 5)
    return folder / "journal.sqlite3"


def flip(path: Path, at: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def test_every_flipped_bit_of_a_definition_is_met_at_the_start(tmp_path: Path) -> None:
    chance = random.Random(8)
    content = made(tmp_path / "sound").read_bytes()
    (first_cell,) = (content.index(b"CREATE TABLE parked"),)
    statements = [at for at in range(first_cell, PAGE_SIZE) if content[at]]
    for count, at in enumerate(chance.sample(statements, 60)):
        path = tmp_path / str(count) / "journal.sqlite3"
        path.parent.mkdir()
        path.write_bytes(content)
        flip(path, at, chance.randrange(8))
        with open_journal(path.parent) as journal:
            journal.write([record(999)])
        assert kept_ids(path.parent) == [*IDS, 999], at
        assert ask(path.parent, "SELECT * FROM cursor") == [("loki", 5)]
        shutil.rmtree(path.parent)


def test_a_step_with_a_flipped_bit_is_no_newer_version(tmp_path: Path) -> None:
    path = made(tmp_path)
    flip(path, path.read_bytes().rindex(schema.STEPS[0][0].encode()) + 3, 2)
    with open_journal(tmp_path):
        pass
    assert kept_ids(tmp_path) == IDS


@pytest.mark.parametrize("where", ["about", "cursor", "open_exchange"])
def test_a_text_that_is_no_utf_8_any_more_is_damage(tmp_path: Path, where: str) -> None:
    made(tmp_path)
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    connection.execute(
        {
            "about": "UPDATE about SET value = CAST(x'ff' AS TEXT) WHERE name = 'instance'",
            "cursor": "UPDATE cursor SET receiver = CAST(x'ff' AS TEXT)",
            "open_exchange": "INSERT INTO open_exchange VALUES (CAST(x'ff' AS TEXT), '{}', x'', x'')",
        }[where]
    )
    with pytest.raises(sqlite3.OperationalError) as met:
        connection.execute(f"SELECT * FROM {where}").fetchall()
    assert is_damage(met.value)
    connection.close()


def test_indexes_of_others_are_let_alone(tmp_path: Path) -> None:
    path = made(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE INDEX theirs ON exchange(ended_ns)")
    connection.close()
    with open_journal(tmp_path):
        pass
    assert not list(tmp_path.glob("*.corrupt-*"))


def test_what_would_run_by_itself_is_told() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    definitions.prepare(connection)
    assert definitions.active_parts(connection) == []
    connection.execute("CREATE TRIGGER one AFTER INSERT ON exchange BEGIN DELETE FROM exchange; END")
    connection.execute("CREATE VIEW two AS SELECT 1")
    assert definitions.active_parts(connection) == ["one", "two"]
    connection.close()
