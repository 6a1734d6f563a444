"""Totals of all recorders: their records without the texts, as rows of the same index as beside a journal, in memory.

Loki makes a short line of each record's metadata, which costs it a fifth of what the whole line does. Whole lines come
where words are asked for, where a name may have been cut in the metadata, and where one has the separator in it.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from service.json_writing import write_json
from service.loki_search.all_recorders import MOST_LINES, AllRecorders
from service.loki_search.log_query import query_of
from service.loki_search.loki_answers import LokiError, not_whole
from service.loki_search.selection import LokiLine, row_of, select
from service.record.fields import FIELDS, METADATA, FieldKind
from service.search.filters import Filter
from service.search.index import connect_in_memory
from service.search.indexed_rows import add_rows

MOST_RECORDS: Final = 100_000
GATHERING_SECONDS: Final = 20.0
# So that the newest have the largest, as in a journal.
_LARGEST_NUMBER: Final = 1_000_000_000
# So many characters of a value are in the metadata.
_LONGEST_VALUE: Final = 1_000
_SEPARATOR: Final = "\x1f"
_KINDS: Final = {field.name: field.kind for field in FIELDS}
# Who asked, and what went wrong, is told by these too; they are in the line alone.
_OF_THE_LINE: Final = tuple(
    field.name
    for field in FIELDS
    if not (field.in_metadata or field.is_body) and (field.is_personal or field.is_masked)
)
_NAMES: Final = (*METADATA, *_OF_THE_LINE)
_TEXTS: Final = tuple(name for name in METADATA if _KINDS[name] is FieldKind.TEXT)


@dataclass(frozen=True, slots=True)
class GatheredFacts:
    """An index in ``connection``; ``wanted`` is the filter to ask it with: numbers and ids are done with.

    ``is_complete``: Loki was asked for all that the filter may let through. Else what ended from ``since_ns`` on (Unix
    nanoseconds) is. ``scanned_bytes`` is what Loki looked through. With ``warnings`` any may be missing: they are
    Loki's, and why it was not asked for the rest.
    """

    connection: sqlite3.Connection
    wanted: Filter
    is_complete: bool
    since_ns: int
    scanned_bytes: int
    warnings: tuple[str, ...]


@contextlib.contextmanager
def gathered(
    store: AllRecorders, wanted: Filter, most: int = MOST_RECORDS, seconds: float = GATHERING_SECONDS
) -> Iterator[GatheredFacts]:
    """The facts of what ``wanted`` may let through, newest first, until there are ``most`` or the time is over.

    Blocks. Raises LokiError when nothing could be read, and ValueError for a malformed filter.
    """
    deadline = time.monotonic() + seconds
    count, scanned, since_ns, is_complete = 0, 0, store.earliest(wanted), True
    warnings: dict[str, None] = {}
    with contextlib.closing(connect_in_memory()) as connection:
        try:
            for part, reached in store.parts(wanted, facts_query(wanted), MOST_LINES):
                lines = part.lines
                rows = [row_of(_LARGEST_NUMBER - count - place, whole_line(line)) for place, line in enumerate(lines)]
                connection.execute("BEGIN")
                add_rows(connection, rows, None)
                connection.execute("COMMIT")
                count += len(lines)
                scanned += part.scanned_bytes
                warnings.update(dict.fromkeys(part.warnings))
                since_ns = reached[0]
                if since_ns > store.earliest(wanted) and (count >= most or time.monotonic() > deadline):
                    is_complete = False
                    break
        except LokiError as trouble:
            # A stretch that takes Loki too long, or that it gives up: what was read by then is told, and why no more.
            if not scanned:
                raise
            is_complete = False
            warnings[str(trouble).rstrip(".")] = None
        asked = replace(wanted, exchange=(), before=None, after=None)
        yield GatheredFacts(connection, asked, is_complete, since_ns, scanned, tuple(warnings))


def matching_ids(store: AllRecorders, wanted: Filter) -> Iterator[tuple[str, str, int]]:
    """Recorder, id and end (Unix nanoseconds) of all that ``wanted`` lets through, newest first. As ``gathered``.

    Raises LokiError too where some may be missing.
    """
    for part, _ in store.parts(wanted, facts_query(wanted), MOST_LINES):
        if part.warnings:
            raise not_whole(part.warnings)
        for line in select(wanted, [whole_line(line) for line in part.lines]):
            yield line.instance, line.exchange, line.ended_ns


def facts_query(wanted: Filter) -> str:
    """The log query for the facts of what ``wanted`` may let through."""
    query = query_of(wanted)
    return query if wanted.text else f"{query} {_SHORTENED}"


def whole_line(line: LokiLine) -> LokiLine:
    """``line`` with a record of JSON in it, of what came shortened."""
    if not line.line.startswith(_SEPARATOR.encode()):
        return line
    texts = line.line.decode()[1:].split(_SEPARATOR)
    if len(texts) != len(_NAMES):
        # No recorder shipped it.
        return line
    values = {name: _value(name, text) for name, text in zip(_NAMES, texts, strict=True) if text}
    return replace(line, line=write_json(values))


def _value(name: str, text: str) -> Any:
    if _KINDS[name] is FieldKind.TEXT:
        return text
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    # No recorder wrote that.
    return None if isinstance(found, list | dict) else found


def _shortened() -> str:
    """The stages that make the short line: each value after a separator."""
    labels = {name: f"of_the_line_{name}" for name in _OF_THE_LINE}
    extracted = ", ".join(f'{label}="{name}"' for name, label in labels.items())
    texts = " ".join(f".{labels.get(name, name)}" for name in (*_TEXTS, *_OF_THE_LINE))
    long = " ".join(f"(ge (len .{name}) {_LONGEST_VALUE})" for name in _TEXTS)
    is_odd = f'or (contains "{_SEPARATOR}" (print {texts})) {long}'
    values = "".join(f"{_SEPARATOR}{{{{.{labels.get(name, name)}}}}}" for name in _NAMES)
    line = f"{{{{if {is_odd}}}}}{{{{__line__}}}}{{{{else}}}}{values}{{{{end}}}}"
    return f"| json {extracted} | line_format `{line}` | keep instance, exchange"


_SHORTENED: Final = _shortened()
