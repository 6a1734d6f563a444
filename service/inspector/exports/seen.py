"""Which conversations were met already: digests in a private file, so that millions take no memory."""

import sqlite3

_CACHE_KIBIBYTES = 8192


class Seen:
    """A set of digests that grows on the disk.

    SQLite makes the file in the folder for temporary files, removes its name at once and its bytes when it is
    closed. There is nothing in it but digests. Used by one thread at a time, by whichever.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("CREATE TABLE seen(digest BLOB PRIMARY KEY NOT NULL) WITHOUT ROWID")
        # One transaction for all: nothing here is ever read again after a crash.
        self._connection.execute("BEGIN")

    def add(self, digest: bytes) -> bool:
        """Take ``digest``; whether it was new."""
        return self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1

    def close(self) -> None:
        """Forget everything. The set cannot be used afterwards."""
        self._connection.close()
