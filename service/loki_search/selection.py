"""Which of some lines a filter lets through, by the same rules as beside the journal: an index of them, in memory."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.journal.reader import KeptRecord, Row
from service.json_writing import write_json
from service.record.fields import BODIES
from service.record.record import Record
from service.search.filters import Filter
from service.search.index import connect_in_memory
from service.search.index_query import number_ranges
from service.search.indexed_rows import add_rows


@dataclass(frozen=True, slots=True)
class LokiLine:
    """One record as Loki has it. ``ended_ns`` is its time there; ``instance`` is the recorder that shipped it."""

    ended_ns: int
    instance: str
    exchange: str
    line: bytes

    @property
    def place(self) -> tuple[int, str, str]:
        """Where it stands among all: the newest last."""
        return self.ended_ns, self.exchange, self.instance


def select(wanted: Filter, lines: Sequence[LokiLine]) -> list[LokiLine]:
    """Those of ``lines`` that ``wanted`` lets through, in their order. Raises ValueError when its text is malformed.

    Numbers of a journal mean nothing here: ``before`` and ``after`` are left aside.
    """
    if not lines:
        return []
    if wanted.exchange:
        lines = [line for line in lines if line.exchange in wanted.exchange]
    wanted = replace(wanted, exchange=(), before=None, after=None)
    if not wanted.has_conditions:
        return list(lines)
    with contextlib.closing(connect_in_memory()) as connection:
        looked_at = lines if wanted.text else map(_without_texts, lines)
        add_rows(connection, [row_of(number, line) for number, line in enumerate(looked_at)], None)
        found = {
            number
            for part in number_ranges(connection, wanted, None)
            for (number,) in connection.execute(f"SELECT number {part.source}", part.values)
        }
    return [line for number, line in enumerate(lines) if number in found]


def kept_of(line: LokiLine) -> KeptRecord:
    """The record as a journal would give it: without the kept bytes of its bodies, and with the number 0."""
    return KeptRecord(row_of(0, line), b"", b"")


def _without_texts(line: LokiLine) -> LokiLine:
    """Only words are looked for in them."""
    values = {name: value for name, value in Record(line.line).values.items() if name not in BODIES}
    return replace(line, line=write_json(values))


def row_of(number: int, line: LokiLine) -> Row:
    """The record as a row of a journal that has this ``number``."""
    record = Record(line.line)
    started_ns = line.ended_ns - int(1e9 * (record.request_time or 0.0))
    return Row(
        number=number,
        id=line.exchange,
        started_ns=started_ns,
        ended_ns=line.ended_ns,
        method=record.method or "",
        operation=record.operation or "",
        outcome=record.outcome or "",
        parent_span_id=None,
        line=line.line,
    )
