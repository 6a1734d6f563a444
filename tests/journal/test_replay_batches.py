"""Batches of replays in the journal's file."""

from pathlib import Path

from service.journal.backup import back_up
from service.journal.reader import Reader
from service.journal.replay_batches import (
    delete_batch,
    is_batch_id,
    read_batch,
    read_batches,
    save_batch,
    save_row,
)
from tests.journal.given import open_journal

ONE, OTHER = "0" * 16, "f" * 16


def test_a_batch_and_what_became_of_its_prompts_are_kept(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        save_batch(journal.connection, ONE, {"created": "2026-01-01", "exchanges": ["a", "b"]})
        save_batch(journal.connection, OTHER, {"created": "2026-01-02", "exchanges": []})
        save_row(journal.connection, ONE, 1, {"new": "x"})
        save_row(journal.connection, ONE, 1, {"new": "x", "verdict": "old"})
        reader = Reader(tmp_path)
        assert [batch.id for batch in read_batches(reader)] == [OTHER, ONE]
        found = read_batch(reader, ONE)
        assert found is not None
        assert (found.facts["exchanges"], found.rows) == (["a", "b"], {1: {"new": "x", "verdict": "old"}})

        (tmp_path / "copy").mkdir()
        back_up(tmp_path, tmp_path / "copy" / "journal.sqlite3")
        copied = Reader(tmp_path / "copy")
        assert read_batch(copied, ONE) == found, "a backup holds it"
        copied.close()

        delete_batch(journal.connection, ONE)
        save_row(journal.connection, ONE, 0, {"new": "late"})
        assert read_batch(reader, ONE) is None
        assert [batch.id for batch in read_batches(reader)] == [OTHER]
        reader.close()


def test_what_others_wrote_there_is_no_batch(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for name, value in (("replay batch xyz", "{}"), (f"replay batch {ONE}", "[1"), (f"replay batch {OTHER}", "3")):
            journal.connection.execute("INSERT INTO about VALUES (?, ?)", (name, value))
        reader = Reader(tmp_path)
        assert read_batches(reader) == []
        assert read_batch(reader, ONE) is None
        for value in ("{}", '{"exchangez": []}', '{"exchanges": 7}', '{"exchanges": [], "changes": 7}', "[]", "null"):
            journal.connection.execute("UPDATE about SET value = ? WHERE name LIKE 'replay batch%'", (value,))
            assert read_batches(reader) == []
            assert read_batch(reader, ONE) is None
        save_batch(journal.connection, ONE, {"exchanges": []})
        for place in ("²", "x", "-1", "٣"):
            journal.connection.execute(
                'INSERT INTO about VALUES (?, \'{"new": "a"}\')', (f"replay batch {ONE} {place}",)
            )
        assert (found := read_batch(reader, ONE)) is not None
        assert found.rows == {3: {"new": "a"}}
        reader.close()
    assert not any(map(is_batch_id, ("", "x" * 16, "0" * 15, "0" * 17, "0" * 16 + "\n")))
