"""Batches of replays, kept in the journal's own file, so that a backup holds them.

They lie in the table ``about``: a batch under its id, what became of its prompts beside it, each on its own. No text
that was asked or answered is among them: those are the records'.
"""

import re
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from service.journal.reader import Reader
from service.json_writing import write_json

_NAME: Final = "replay batch "
_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class ReplayBatch:
    """``facts`` is what it was begun with, ``rows`` what became of each prompt by its place, as far as it has come."""

    id: str
    facts: dict[str, Any]
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)


def is_batch_id(text: str) -> bool:
    """Whether ``text`` may be the id of a batch."""
    return _ID.fullmatch(text) is not None


def save_batch(connection: sqlite3.Connection, batch: str, facts: dict[str, Any]) -> None:
    """Keep what a batch was begun with."""
    _put(connection, f"{_NAME}{batch}", facts)


def save_row(connection: sqlite3.Connection, batch: str, place: int, row: dict[str, Any]) -> None:
    """Keep what became of the prompt at ``place``, unless the batch was deleted meanwhile."""
    if connection.execute("SELECT 1 FROM about WHERE name = ?", (f"{_NAME}{batch}",)).fetchone():
        _put(connection, f"{_NAME}{batch} {place:04d}", row)


def delete_batch(connection: sqlite3.Connection, batch: str) -> None:
    """Forget it. The exchanges stay."""
    name = f"{_NAME}{batch}"
    connection.execute("DELETE FROM about WHERE name = ? OR (name > ? AND name < ?)", (name, f"{name} ", f"{name}!"))


def read_batches(reader: Reader) -> list[ReplayBatch]:
    """All of them without their rows, newest first."""
    found = reader.ask("SELECT name, value FROM about WHERE name > ? AND name < ?", (_NAME, _NAME[:-1] + "!"))
    names = ((str(name).removeprefix(_NAME), value) for name, value in found)
    batches = [ReplayBatch(name, facts) for name, value in names if is_batch_id(name) and (facts := _facts(value))]
    return sorted(batches, key=lambda batch: str(batch.facts.get("created", "")), reverse=True)


def read_batch(reader: Reader, batch: str) -> ReplayBatch | None:
    """It with its rows; None: there is none."""
    name = f"{_NAME}{batch}"
    found = reader.ask(
        "SELECT name, value FROM about WHERE name = ? OR (name > ? AND name < ?)", (name, f"{name} ", f"{name}!")
    )
    values = {str(key).removeprefix(name).strip(): value for key, value in found}
    facts = _facts(values.pop("", None))
    if not facts:
        return None
    rows = {int(place): row for place, value in values.items() if place.isdecimal() and (row := _read(value))}
    return ReplayBatch(batch, facts, rows)


def _put(connection: sqlite3.Connection, name: str, value: dict[str, Any]) -> None:
    connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, write_json(value).decode()))


def _facts(value: object) -> dict[str, Any]:
    """What a batch was begun with; empty where that cannot be understood, as after damage."""
    facts = _read(value)
    is_whole = isinstance(facts.get("exchanges"), list) and isinstance(facts.get("changes", {}), dict)
    return facts if is_whole else {}


def _read(value: object) -> dict[str, Any]:
    try:
        found = orjson.loads(str(value))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
