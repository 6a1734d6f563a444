"""What a journal's file says of its own tables, compared with what was written there.

SQLite reads these definitions as they stand: with a flipped bit a column has another name, and nothing can be written.
"""

import contextlib
import sqlite3
from functools import lru_cache
from typing import Final

from service.journal import schema
from service.journal.damage import damage_error

Definitions = dict[bytes, bytes]
"""By the names of tables and indexes the statement that made each."""
_DAMAGED: Final = "what it says of its own tables is damaged"


def prepare(connection: sqlite3.Connection) -> None:
    """As ``schema.prepare``; raises sqlite3.DatabaseError too, as for a damaged file, when a definition is not ours."""
    try:
        _compare(connection)
    except UnicodeDecodeError:
        # SQLite quotes what it cannot understand, and Python then cannot read its words.
        raise damage_error(_DAMAGED) from None
    schema.prepare(connection)


def _compare(connection: sqlite3.Connection) -> None:
    found = _definitions(connection)
    if not found or not _is_ours(connection):
        return
    names = [name.encode() for name, _ in schema.STEPS]
    applied = _applied(connection)
    is_newer = len(applied) > len(names) and applied[: len(names)] == names
    if not is_newer and (applied != names[: len(applied)] or not _holds(found, _expected(len(applied)))):
        raise damage_error(_DAMAGED)


def active_parts(connection: sqlite3.Connection) -> list[str]:
    """The names of triggers and views, of which no journal has any: they would run when it is used."""
    found = connection.execute("SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type IN ('trigger', 'view')")
    return [name.decode("utf-8", "replace") for (name,) in found]


def _holds(found: Definitions, expected: Definitions) -> bool:
    return bool(expected) and all(found.get(name) == statement for name, statement in expected.items())


def _definitions(connection: sqlite3.Connection) -> Definitions:
    # As bytes: what is damaged may be no text any more.
    rows = connection.execute("SELECT CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master WHERE sql IS NOT NULL")
    return {bytes(name or b""): b" ".join(bytes(statement).split()) for name, statement in rows}


def _is_ours(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == schema.APPLICATION_ID)


def _applied(connection: sqlite3.Connection) -> list[bytes]:
    """The names of the steps; empty where they cannot be read."""
    with contextlib.suppress(sqlite3.OperationalError, UnicodeDecodeError):
        return [
            bytes(name or b"")
            for (name,) in connection.execute("SELECT CAST(name AS BLOB) FROM step ORDER BY position")
        ]
    return []


@lru_cache(maxsize=8)
def _expected(steps: int) -> Definitions:
    """What a file holds after the first ``steps``; empty for none."""
    if not steps:
        return {}
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.prepare(connection, schema.STEPS[:steps])
        return _definitions(connection)
