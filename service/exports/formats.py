"""The formats of exports, and the records for them, read from the journal bit by bit."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from service.exports import chats, csv_table, har, jsonl
from service.exports.chats import ChatOptions, Left
from service.journal.reader import Bodies, KeptRecord, Reader

# What is in memory at once; a record with both its bodies may have over 2 MB.
BYTES_AT_ONCE = 4 * 1024 * 1024
# Scattered records of a large journal are a turn of a slow disk each.
_PATIENCE_SECONDS = 30.0


def _nobody(left: Left) -> None:
    """The caller does not want to know what was left out."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What may be chosen for an export; each format takes what concerns it.

    ``base`` is the recorder's own address as its clients write it, without a path, for the addresses in an HTTP
    archive. ``when_done`` is called once, after the last byte, with what a chat export left out and why.
    """

    chats: ChatOptions = field(default_factory=ChatOptions)
    base: str = "http://localhost:8080"
    when_done: Callable[[Left], None] = _nobody


DEFAULT_OPTIONS = ExportOptions()


class Write(Protocol):
    """Turns records into the bytes of a file, piece by piece."""

    def __call__(self, records: Iterable[KeptRecord], options: ExportOptions = DEFAULT_OPTIONS) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Format:
    """One form of file. ``suffix`` comes behind a file's name and dot; ``needs`` are the kept bytes that it reads."""

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
    form.suffix: form
    for form in (
        Format("jsonl", "application/jsonl", needs=Bodies.NONE, write=_jsonl),
        Format("chat.jsonl", "application/jsonl", needs=Bodies.REQUEST, write=_chats),
        Format("csv", "text/csv; charset=utf-8; header=present", needs=Bodies.NONE, write=_csv),
        # There is no registered type for HAR; a HAR file is JSON.
        Format("har", "application/json", needs=Bodies.BOTH, write=_har),
    )
}
"""Every format by its suffix, which is also how addresses and commands name it."""


def kept_records(folder: Path, numbers: Iterable[Sequence[int]], bodies: Bodies) -> Iterator[KeptRecord]:
    """The records with these ``numbers``, in that order; those that the journal no longer has are left out.

    Holds about ``BYTES_AT_ONCE`` and one record at most, whatever the size of a batch. Kept bytes that are not in
    ``bodies`` stay on the disk and are empty here. Raises JournalError when the journal cannot be read. Closing the
    iterator closes the file.
    """
    with contextlib.closing(Reader(folder, seconds=_PATIENCE_SECONDS)) as reader:
        for batch in numbers:
            yield from reader.records(batch, bodies, BYTES_AT_ONCE)
