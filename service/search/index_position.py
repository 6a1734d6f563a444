"""How far the index goes, and of which journal: for another journal, or an older copy of it, it is of no use."""

import sqlite3
from dataclasses import dataclass

from service.journal.reader import Reader

_JOURNAL = """
SELECT (SELECT applied_ns FROM step ORDER BY position LIMIT 1),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'exchange'), 0),
    (SELECT min(number) FROM exchange),
    (SELECT id FROM exchange WHERE number = ?)
"""


@dataclass(frozen=True, slots=True)
class Position:
    """Up to which ``number`` the index goes; the journal's ``newest`` number, and from which on it has records."""

    number: int
    newest: int
    oldest: int


def read_position(connection: sqlite3.Connection, journal: Reader) -> Position:
    """Raises sqlite3.DatabaseError when the index is not of ``journal``, JournalError when that cannot be read."""
    known = dict(connection.execute("SELECT name, value FROM about").fetchall())
    number, identifier = known.get("number", 0), known.get("id")
    if type(number) is not int:
        raise sqlite3.DatabaseError("the index does not say how far it goes")
    # When the journal's file was made, in nanoseconds, tells it from all others; a copy that was put back in its place
    # has it too, but ends earlier or went on differently.
    made_ns, newest, oldest, id_there = journal.ask(_JOURNAL, (number,))[0]
    if "journal" not in known:
        connection.execute("INSERT OR IGNORE INTO about VALUES ('journal', ?)", (made_ns,))
    elif known["journal"] != made_ns or newest < number or (id_there and identifier and id_there != identifier):
        raise sqlite3.DatabaseError("this is another journal's index")
    return Position(number, newest, newest + 1 if oldest is None else oldest)


def write_position(connection: sqlite3.Connection, number: int, identifier: str) -> None:
    """Note that the index goes up to ``number``, whose exchange has this id ("" when it has no record any more)."""
    connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", [("number", number), ("id", identifier)])
