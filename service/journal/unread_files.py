"""Damaged files that were set aside before all of them could be read: what a person should know until they are gone.

The file that was salvaged from one says so in its table ``about``, so that no restart forgets it.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from service.journal.folder import JOURNAL
from service.journal.transaction import transaction

# Written before the damaged file has its new name, which stands behind the word as soon as the journal is open.
_UNREAD: Final = "set aside unread"


def note_unread(salvaged: sqlite3.Connection, records: int) -> None:
    """Of what was damaged, ``records`` are in ``salvaged``, and not all could be read. Raises sqlite3.Error."""
    with transaction(salvaged):
        salvaged.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (_UNREAD, str(records)))


class UnreadFiles:
    """Of the journal in ``folder``. Belongs to the writer's thread; ``newest`` is what this process set aside last."""

    def __init__(self, folder: Path) -> None:
        self.newest: Path | None = None
        self._folder = folder
        self._saved: dict[str, str] = {}

    def add(self, aside: Path, records: int | None) -> None:
        """``records`` of ``aside`` were saved, and not all could be read; None: all were. ``begin`` writes it down."""
        self.newest = aside
        if records is not None:
            self._saved[aside.name] = str(records)

    def begin(self, connection: sqlite3.Connection) -> None:
        """The journal was opened. Raises sqlite3.Error."""
        known = {
            name.removeprefix(_UNREAD).strip(): records
            for name, records in connection.execute(
                "SELECT name, value FROM about WHERE name >= ? AND name < ?", (_UNREAD, f"{_UNREAD}!")
            )
        }
        if "" in known:
            # Where a process died before it gave the name, the newest is the one.
            names = [self.newest.name] if self.newest is not None else _set_aside(self._folder)[-1:]
            known |= dict.fromkeys(names, known[""])
        self._saved |= {name: records for name, records in known.items() if name}
        self._forget_those_gone()
        if known != self._saved:
            # On a full disk it is known in this run; the next start tries again.
            with contextlib.suppress(sqlite3.OperationalError), transaction(connection):
                connection.execute("DELETE FROM about WHERE name >= ? AND name < ?", (_UNREAD, f"{_UNREAD}!"))
                connection.executemany(
                    "INSERT INTO about VALUES (?, ?)",
                    [(f"{_UNREAD} {name}", records) for name, records in self._saved.items()],
                )

    @property
    def notice(self) -> str | None:
        """What a person should know; None when each of those files is gone. Asks the file system."""
        self._forget_those_gone()
        if not self._saved:
            return None
        told = [
            f"a damaged file was set aside as {name}: {records} records were saved"
            for name, records in sorted(self._saved.items())
        ]
        return f"{'; '.join(told)}, and not all could be read; this note goes when that file is moved away"

    def _forget_those_gone(self) -> None:
        self._saved = {name: records for name, records in self._saved.items() if (self._folder / name).exists()}


def _set_aside(folder: Path) -> list[str]:
    """The oldest first, as far as their names tell."""
    return sorted(path.name for path in folder.glob(f"{JOURNAL}.corrupt-*") if not path.name.endswith("-wal"))
