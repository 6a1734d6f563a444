#!/usr/bin/env bash
# SQLite 3.53.0 (by apsw 3.53.0.0), seen on 2026-11-28; the same in 3.40.1.
#
# What one expects: a connection with a busy time-out of 2 s waits for a lock, whatever it does.
# What happens: `PRAGMA journal_mode = WAL` fails at once with "database is locked" while another connection is inside
# `BEGIN IMMEDIATE`. An INSERT at the same moment waits its 2 s. While the other is inside `BEGIN EXCLUSIVE`, the
# pragma waits as well.
#
# So whoever opens a new file in several threads or processes at once, each switching it to a write-ahead log, loses
# now and then, and no time-out helps. The switch has to be tried again by the caller.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install apsw==3.53.0.0

"$folder/venv/bin/python" - "$folder/file.sqlite3" <<'PYTHON'
import sys
import time

import apsw

assert apsw.sqlite_lib_version() == "3.53.0", apsw.sqlite_lib_version()
TIME_OUT = 2.0


def connect() -> apsw.Connection:
    connection = apsw.Connection(sys.argv[1])
    connection.set_busy_timeout(int(TIME_OUT * 1000))
    return connection


holder, other = connect(), connect()
holder.execute("CREATE TABLE kept(value)")


def seconds_until_refused(lock: str, statement: str) -> float:
    holder.execute(lock)
    began = time.monotonic()
    try:
        other.execute(statement).fetchall()
    except apsw.BusyError:
        return time.monotonic() - began
    finally:
        holder.execute("ROLLBACK")
    raise AssertionError(f"{statement} was not refused")


waited = {
    (lock, statement): seconds_until_refused(lock, statement)
    for lock in ("BEGIN IMMEDIATE", "BEGIN EXCLUSIVE")
    for statement in ("PRAGMA journal_mode = WAL", "INSERT INTO kept VALUES (1)")
}
for (lock, statement), seconds in waited.items():
    print(f"other in {lock:16} {statement:28} refused after {seconds:.1f} s")
assert waited["BEGIN IMMEDIATE", "PRAGMA journal_mode = WAL"] < 0.5
assert all(seconds >= TIME_OUT for key, seconds in waited.items() if key != ("BEGIN IMMEDIATE", "PRAGMA journal_mode = WAL"))
print("as described")
PYTHON
