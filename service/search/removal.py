"""What the journal no longer has leaves the index: expired records by whole partitions, erased ones to the byte.

Words cannot be taken out of a full-text table without a trace. So a partition in which something is erased is made
again from the records that the journal still has of it. SQLite overwrites the bytes of the old one.
"""

import sqlite3
from collections.abc import Sequence

from service.journal.reader import Reader
from service.journal.space import vacuum
from service.journal.transaction import transaction
from service.search import index
from service.search.index import PARTITION_NUMBERS, partition_of
from service.search.index_position import read_position
from service.search.indexed_rows import add_rows

READ_ROWS = 100
READ_BYTES = 1 << 20
_NOTED_AT_ONCE = 500
_PAGES_GIVEN_BACK = 512


def expire_step(connection: sqlite3.Connection, oldest_number: int) -> bool:
    """Forget what is before ``oldest_number`` in the oldest partition. False: there was nothing."""
    (partition,) = connection.execute("SELECT min(number) FROM partition").fetchone()
    (oldest,) = connection.execute("SELECT min(number) FROM fact").fetchone()
    is_whole = partition is not None and partition < partition_of(oldest_number)
    if not is_whole and (oldest is None or oldest >= oldest_number):
        return False
    with transaction(connection):
        if is_whole:
            oldest_number = (partition + 1) * PARTITION_NUMBERS
            index.drop_partition(connection, partition)
            connection.execute("DELETE FROM name WHERE newest_partition <= ?", (partition,))
        connection.execute("DELETE FROM fact WHERE number < ?", (oldest_number,))
    vacuum(connection, _PAGES_GIVEN_BACK)
    return True


def note_erasing(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Let no search find ``numbers`` any more, and remember that their words are to go."""
    for first in range(0, len(numbers), _NOTED_AT_ONCE):
        some = [(number,) for number in numbers[first : first + _NOTED_AT_ONCE]]
        with transaction(connection):
            connection.execute("INSERT OR REPLACE INTO about VALUES ('is_log_to_be_emptied', 1)")
            connection.executemany("INSERT OR IGNORE INTO erasing VALUES (?)", some)
            connection.executemany("DELETE FROM fact WHERE number = ?", some)


def partitions_to_erase_in(connection: sqlite3.Connection) -> int:
    question = f"SELECT count(DISTINCT number / {PARTITION_NUMBERS}) FROM erasing"
    return int(connection.execute(question).fetchone()[0])


def erase_step(connection: sqlite3.Connection, journal: Reader) -> bool:
    """Make one partition again that holds what is to be erased, inside a transaction. False: there is none."""
    (lowest,) = connection.execute("SELECT min(number) FROM erasing").fetchone()
    if lowest is None:
        return False
    partition = partition_of(lowest)
    ends = partition * PARTITION_NUMBERS, (partition + 1) * PARTITION_NUMBERS - 1
    erased = {
        number for (number,) in connection.execute("SELECT number FROM erasing WHERE number BETWEEN ? AND ?", ends)
    }
    index.drop_partition(connection, partition)
    connection.execute("DELETE FROM fact WHERE number BETWEEN ? AND ?", ends)
    at, last = ends[0] - 1, min(ends[1], read_position(connection, journal).number)
    while at < last:
        rows = journal.read_after(at, READ_ROWS, READ_BYTES)
        at = rows[-1].number if rows else last
        add_rows(connection, [row for row in rows if row.number <= last and row.number not in erased], journal)
    connection.execute("DELETE FROM erasing WHERE number BETWEEN ? AND ?", ends)
    if connection.execute("SELECT min(number) FROM erasing").fetchone() == (None,):
        index.forget_unused_names(connection)
    return True


def is_log_to_be_emptied(connection: sqlite3.Connection) -> bool:
    """Whether the write-ahead log may still hold words that were erased."""
    question = "SELECT count(*) FROM about WHERE name = 'is_log_to_be_emptied'"
    return bool(connection.execute(question).fetchone()[0])


def empty_log(connection: sqlite3.Connection, seconds: float) -> bool:
    """Work the write-ahead log into the file and empty it. False: a reader held it for ``seconds``."""
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}").fetchone()
    try:
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not is_busy:
            connection.execute("DELETE FROM about WHERE name = 'is_log_to_be_emptied'")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}").fetchone()
    return not is_busy


def missing(connection: sqlite3.Connection, journal: Reader) -> list[int]:
    """Numbers that the index has and the journal has not, save those that expired: these go by themselves."""
    indexed = f"SELECT number / {PARTITION_NUMBERS}, count(*) FROM fact GROUP BY 1"
    # By the journal's small index of ids: a scan of the table would read the whole journal.
    kept = f"SELECT number / {PARTITION_NUMBERS}, count(*) FROM exchange INDEXED BY sqlite_autoindex_exchange_1"
    counts = dict(journal.ask(f"{kept} GROUP BY 1"))
    oldest = read_position(connection, journal).oldest
    missing_numbers: list[int] = []
    for partition, count in connection.execute(indexed).fetchall():
        if count <= counts.get(partition, 0):
            continue
        ends = max(oldest, partition * PARTITION_NUMBERS), (partition + 1) * PARTITION_NUMBERS - 1
        facts = connection.execute("SELECT number FROM fact WHERE number BETWEEN ? AND ?", ends).fetchall()
        rows = journal.ask("SELECT number FROM exchange WHERE number BETWEEN ? AND ?", ends)
        missing_numbers += sorted({number for (number,) in facts} - {number for (number,) in rows})
    return missing_numbers
