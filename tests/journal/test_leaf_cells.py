import random
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from service.journal.file_pages import FilePages
from service.journal.leaf_cells import read_leaf
from tests.journal.damaging import make_journal

VALUES = some.one_of(
    some.none(),
    some.integers(-(2**63), 2**63 - 1),
    some.floats(allow_nan=False),
    some.text(some.characters(exclude_categories=["Cs"]), max_size=300),
    some.binary(max_size=300),
    some.integers(0, 40_000).map(bytes),
)


def rows_of(path: Path) -> dict[int, tuple[Any, ...]]:
    with FilePages(path) as pages:
        leaves = [
            read_leaf(pages, number)
            for number in range(2, pages.count + 1)
            if not pages.is_outside_trees(number) and not pages.is_free(number)
        ]
    assert sum(leaf.unread for leaf in leaves) == 0
    return {row.number: row.values for leaf in leaves for row in leaf.rows}


@settings(max_examples=60, deadline=None, database=None, print_blob=True)
@given(
    some.lists(
        some.tuples(some.integers(-(2**63), 2**63 - 1), VALUES, VALUES), unique_by=lambda row: row[0], max_size=40
    ),
    some.sampled_from((512, 1024, 4096, 8192, 65536)),
    some.sampled_from(("NONE", "FULL", "INCREMENTAL")),
)
def test_rows_are_what_sqlite_has_written(rows: list[tuple[int, Any, Any]], page_size: int, vacuum: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute(f"PRAGMA auto_vacuum = {vacuum}")
        connection.execute("CREATE TABLE thing(number INTEGER PRIMARY KEY, a, b)")
        connection.executemany("INSERT INTO thing VALUES (?, ?, ?)", rows)
        connection.commit()
        connection.close()

        read = rows_of(path)

    assert {number: values[1:] for number, values in read.items()} == {number: (a, b) for number, a, b in rows}


def test_a_page_of_noise_is_never_more_than_unread(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1))
    content = bytearray(path.read_bytes())
    chance = random.Random(3)
    for kind in (2, 5, 10, 13, 0, 77):
        start = 6 * 8192
        content[start : start + 8192] = bytes([kind]) + chance.randbytes(8191)
        path.write_bytes(content)
        with FilePages(path) as pages:
            leaf = read_leaf(pages, 7)
        assert kind == 5 or leaf.unread
