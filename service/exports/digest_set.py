"""Which conversations came before: digests in a private file, so that millions take no memory.

SQLite makes the file in the folder for temporary files, removes its name at once and its bytes when it is closed. It
holds nothing but digests. Any thread may use it, one at a time.
"""

import sqlite3
from collections.abc import Sequence

_CACHE_KIBIBYTES = 8192


class DigestSet:
    """A set of digests that grows on the disk."""

    def __init__(self) -> None:
        self._connection = _private("seen(digest BLOB PRIMARY KEY NOT NULL)")

    def add(self, digest: bytes) -> bool:
        """Take ``digest``; whether it was new."""
        return self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1

    def close(self) -> None:
        """Forget everything. The set cannot be used afterwards."""
        self._connection.close()


class Groups:
    """For each digest the number of the group that it was first put into, on the disk."""

    def __init__(self) -> None:
        self._connection = _private("member(digest BLOB PRIMARY KEY NOT NULL, number INTEGER NOT NULL)")

    def of(self, digests: Sequence[bytes]) -> set[int]:
        """The groups that any of ``digests`` is in."""
        question = "SELECT number FROM member WHERE digest = ?"
        return {number for digest in digests for (number,) in self._connection.execute(question, (digest,))}

    def put(self, digests: Sequence[bytes], group: int) -> None:
        """Put those of ``digests`` that are in none into ``group``."""
        rows = [(digest, group) for digest in digests]
        self._connection.executemany("INSERT OR IGNORE INTO member VALUES (?, ?)", rows)

    def close(self) -> None:
        """Forget everything. They cannot be used afterwards."""
        self._connection.close()


def _private(table: str) -> sqlite3.Connection:
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(f"CREATE TABLE {table} WITHOUT ROWID")
    # One transaction for all: nothing here is ever read again after a crash.
    connection.execute("BEGIN")
    return connection
