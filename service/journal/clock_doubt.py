"""A clock that stands far ahead must not make all records expire: expiry by age waits until the time is believed.

The time is in doubt when it is more than a day after the newest record at the start, or jumps by more than a day while
the recorder runs. A recorder that was off for a week looks the same. So the doubt ends by itself when a day has passed
by the clock, in this run or a later one; or when a person says so with ``ollama-recorder journal trust-clock``. A clock
that goes back behind the moment of the doubt ends it too. Records that are too many for ``RETENTION_GB`` go as ever.
"""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from service.journal.folder import TRUST_CLOCK, give_to_owner
from service.journal.transaction import transaction
from service.record.timestamps import write_time

_DAY_NS: Final = 86_400 * 10**9
_DOUBTED_SINCE: Final = "clock in doubt since"
_TRUSTED: Final = "clock trusted at"


def trust_clock(folder: Path) -> None:
    """Let whoever has the journal believe the time. Raises OSError when nothing may be written there."""
    descriptor = os.open(folder / TRUST_CLOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner(descriptor, folder)
    finally:
        os.close(descriptor)


class ClockDoubt:
    """Of the journal in ``folder``. Belongs to the writer's thread; ``notice`` says what a person should know."""

    def __init__(self, folder: Path) -> None:
        self.notice: str | None = None
        self._folder = folder
        self._offset_ns: int | None = None

    def begin(self, connection: sqlite3.Connection) -> None:
        """The journal was opened: compare the time with that of its newest record. Raises sqlite3.Error."""
        row = connection.execute("SELECT ended_ns FROM exchange ORDER BY number DESC LIMIT 1").fetchone()
        now = time.time_ns()
        if row is not None and self._offset_ns is None and now - max(row[0], _read(connection, _TRUSTED)) > _DAY_NS:
            self._doubt(connection, now)
        if self._offset_ns is None:
            self._offset_ns = now - _steady_ns()

    def allows_expiry(self, connection: sqlite3.Connection) -> bool:
        """Whether age may be judged by the clock. Raises sqlite3.Error."""
        now = time.time_ns()
        offset = now - _steady_ns()
        if self._offset_ns is not None and offset - self._offset_ns > _DAY_NS:
            self._doubt(connection, now)
        self._offset_ns = offset
        since = _read(connection, _DOUBTED_SINCE)
        if since and (now < since or now - since > _DAY_NS or self._is_trusted_by_a_person()):
            with transaction(connection):
                connection.execute("DELETE FROM about WHERE name = ?", (_DOUBTED_SINCE,))
                connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (_TRUSTED, str(now)))
            since = 0
        self.notice = None
        if since:
            self.notice = (
                f"the clock says {write_time(now, 3)}, over a day after the last sign of life: no record expires by age"
                " until it has run for a day, or `ollama-recorder journal trust-clock` says that it is right"
            )
        return not since

    def _doubt(self, connection: sqlite3.Connection, now: int) -> None:
        since = _read(connection, _DOUBTED_SINCE)
        if not since or now < since:
            with transaction(connection):
                connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (_DOUBTED_SINCE, str(now)))

    def _is_trusted_by_a_person(self) -> bool:
        try:
            (self._folder / TRUST_CLOCK).unlink()
        except OSError:
            return False
        return True


def _read(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    with contextlib.suppress(TypeError, ValueError):
        return int(row[0])
    return 0


def _steady_ns() -> int:
    """A clock that nobody sets. Linux has one that goes on while the machine sleeps."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
