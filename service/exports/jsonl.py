"""Whole records, one JSON object a line: exactly the bytes that the journal holds and that go to Loki."""

from collections.abc import Iterable, Iterator

from service.exports.chunks import in_pieces
from service.journal.reader import KeptRecord


def write(records: Iterable[KeptRecord]) -> Iterator[bytes]:
    """The lines of ``records`` in their order, each with its line end."""
    return in_pieces(part for kept in records for part in (kept.row.line, b"\n"))
