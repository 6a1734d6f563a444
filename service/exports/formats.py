"""The records that an export wants, read from the journal bit by bit, and the formats they can be written in."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from service.exports import chats, csv_table, har, jsonl
from service.exports.chats import ChatOptions, Left
from service.journal.reader import KeptRecord, Reader, Row

# What is in memory at once; a record with both its bodies may have over 2 MB.
BYTES_AT_ONCE = 4 * 1024 * 1024
# Scattered records of a large journal are a turn of a slow disk each, so few are asked for at once, and with patience.
_NUMBERS_AT_ONCE = 250
_PATIENCE_SECONDS = 30.0
_ROW = "number, id, started_ns, ended_ns, method, operation, outcome, parent_span_id, line"


def _nobody(left: Left) -> None:
    """Whoever asked does not want to know what was left out."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What may be chosen for an export; each format takes what concerns it.

    ``base`` is the recorder's own address as its clients write it, without a path, for the addresses in an HTTP
    archive. ``when_done`` is told once, after the last byte, what a chat export left out and why.
    """

    chats: ChatOptions = field(default_factory=ChatOptions)
    base: str = "http://localhost:8080"
    when_done: Callable[[Left], None] = _nobody


DEFAULT_OPTIONS = ExportOptions()


class Write(Protocol):
    """Turns records into the bytes of a file, in pieces, as they are asked for."""

    def __call__(self, records: Iterable[KeptRecord], options: ExportOptions = DEFAULT_OPTIONS) -> Iterator[bytes]: ...


class Bodies(StrEnum):
    """Which kept bytes of a record are read from the disk: the columns of them, as SQL. The others are empty."""

    NONE = "x'', x''"
    REQUEST = "request, x''"
    BOTH = "request, response"


@dataclass(frozen=True, slots=True)
class Format:
    """One form of file. ``suffix`` comes behind a file's name and dot; ``needs``: what is read of the kept bytes."""

    suffix: str
    content_type: str
    needs: Bodies
    write: Write


def _jsonl(records: Iterable[KeptRecord], options: ExportOptions = DEFAULT_OPTIONS) -> Iterator[bytes]:
    return jsonl.write(records)


def _chats(records: Iterable[KeptRecord], options: ExportOptions = DEFAULT_OPTIONS) -> Iterator[bytes]:
    return chats.write(records, options.chats, options.when_done)


def _csv(records: Iterable[KeptRecord], options: ExportOptions = DEFAULT_OPTIONS) -> Iterator[bytes]:
    return csv_table.write(records)


def _har(records: Iterable[KeptRecord], options: ExportOptions = DEFAULT_OPTIONS) -> Iterator[bytes]:
    return har.write(records, base=options.base)


FORMATS: dict[str, Format] = {
    found.suffix: found
    for found in (
        Format("jsonl", "application/jsonl", needs=Bodies.NONE, write=_jsonl),
        Format("chat.jsonl", "application/jsonl", needs=Bodies.REQUEST, write=_chats),
        Format("csv", "text/csv; charset=utf-8; header=present", needs=Bodies.NONE, write=_csv),
        # There is no registered type for HAR; a HAR file is JSON.
        Format("har", "application/json", needs=Bodies.BOTH, write=_har),
    )
}
"""Every format by its suffix, which is also how addresses and commands name it."""


def kept_records(reader_folder: Path, numbers: Iterable[Sequence[int]], bodies: Bodies) -> Iterator[KeptRecord]:
    """The records with these ``numbers``, in that order; those that the journal no longer has are left out.

    Holds about ``BYTES_AT_ONCE`` and one record at most, whatever the size of a batch of numbers. Kept
    bytes that are not in ``bodies`` stay on the disk and are empty here. Raises JournalError when the journal cannot
    be read. Closing the iterator closes the file.
    """
    with contextlib.closing(Reader(reader_folder, seconds=_PATIENCE_SECONDS)) as reader:
        for batch in numbers:
            for start in range(0, len(batch), _NUMBERS_AT_ONCE):
                for part in _parts(reader, batch[start : start + _NUMBERS_AT_ONCE], bodies):
                    yield from _read(reader, part, bodies)


def _parts(reader: Reader, batch: Sequence[int], bodies: Bodies) -> Iterator[list[int]]:
    """``batch`` in its order, divided so that no part is larger than what may be in memory."""
    # The length of a BLOB stands at the beginning of its row: its bytes are not read for it.
    size = " + ".join(f"length({column})" for column in ("line", *bodies.split(", ")))
    found = reader.ask(f"SELECT number, {size} FROM exchange WHERE number IN ({_marks(batch)})", tuple(batch))
    sizes = dict(found)
    part: list[int] = []
    held = 0
    for number in batch:
        if number not in sizes:
            continue
        if part and held + sizes[number] > BYTES_AT_ONCE:
            yield part
            part, held = [], 0
        part.append(number)
        held += sizes[number]
    if part:
        yield part


def _read(reader: Reader, part: list[int], bodies: Bodies) -> Iterator[KeptRecord]:
    found = reader.ask(f"SELECT {_ROW}, {bodies} FROM exchange WHERE number IN ({_marks(part)})", tuple(part))
    kept = {values[0]: values for values in found}
    del found
    for number in part:
        if values := kept.pop(number, None):
            yield KeptRecord(Row(*values[:-2]), values[-2], values[-1])


def _marks(numbers: Sequence[int]) -> str:
    return ",".join("?" * len(numbers))
