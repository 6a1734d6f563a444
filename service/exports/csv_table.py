"""A table for spreadsheets: RFC 4180, UTF-8, one row an exchange.

The columns are the record's fields without its bodies, then ``prompt`` (the last question, as it was typed) and
``answer`` (the text, or the calls of tools). These two are whole up to what a cell of a spreadsheet takes. The JSON
forms hold the bodies.

The table is written for people. It begins with a byte order mark, without which Excel takes UTF-8 for something else.
No cell computes: a text that a spreadsheet would take for a formula gets an apostrophe in front. Every text stands in
quotes. Characters that reorder or break what is shown are written as ``\\u202e``. Excel divides at commas only where
the comma is the system's list separator; elsewhere *Data, From Text* asks.
"""

import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from service.exports.chunks import in_pieces
from service.journal.reader import KeptRecord
from service.record.bodies import first_document
from service.record.characters import IN_TABLES, UNSEEN_IN_TABLES, as_class
from service.record.chat_messages import ChatMessage, turns_of
from service.record.conversation import read_conversation
from service.record.fields import BODIES, FIELD_NAMES, FIELDS, FieldKind
from service.record.operations import ANSWERED_IN_VECTORS
from service.record.question import question_in
from service.record.record import Record

CELL_UNITS = 32_767
"""The most that a cell of Excel or LibreOffice holds, in UTF-16 code units."""

RECORD_COLUMNS = tuple(name for name in FIELD_NAMES if name not in BODIES)
COLUMNS = (*RECORD_COLUMNS, "prompt", "answer")

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_NAME = 200
# An apostrophe may come in front, and the note behind.
_ROOM = CELL_UNITS - 64
# Spreadsheets skip what is not seen before they look for a formula; full-width and small signs count as plain ones.
_SIGNS = "=+\\-@\u2212\uff0b\uff0d\uff1d\uff20\ufe62\ufe63\ufe66\ufe6b"
_COMPUTES = re.compile(f"[\\x00\\t\\r]|[\\s{as_class(UNSEEN_IN_TABLES)}]*[{_SIGNS}]")
_BEGINS_NO_FORMULA = frozenset(string.ascii_letters + string.digits)
_PLACES = {name: at for at, name in enumerate(RECORD_COLUMNS)}
_EMPTY_CELLS = [""] * len(COLUMNS)
# What no other record has: looking it up among known ones would take longer than writing it.
_TIMES = frozenset(field.name for field in FIELDS if field.kind is FieldKind.TIME)
_ID_LENGTHS = frozenset({16, 32})
_MISLEADING = re.compile(f"[{as_class(IN_TABLES)}]")


def write(records: Iterable[KeptRecord]) -> Iterator[bytes]:
    """The head of the table, then one row a record, in their order. Never raises for what a record holds."""
    return in_pieces(_lines(records))


def write_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Any other table in this manner: its ``columns``, then a row for each of ``rows``, an empty cell for None."""
    yield BYTE_ORDER_MARK + ",".join(columns).encode() + b"\r\n"
    for row in rows:
        cells = ("" if row.get(name) is None else _cell(row[name]) for name in columns)
        yield (",".join(cells) + "\r\n").encode("utf-8", "backslashreplace")


def _lines(records: Iterable[KeptRecord]) -> Iterator[bytes]:
    yield BYTE_ORDER_MARK + ",".join(COLUMNS).encode() + b"\r\n"
    for kept in records:
        yield _row(Record(kept.row.line)).encode()


def _row(record: Record) -> str:
    cells = _EMPTY_CELLS.copy()
    # Only what is there is looked at: of all fields a record has half, and this runs a million times.
    for name, value in record.values.items():
        if (at := _PLACES.get(name)) is None:
            continue
        kind = type(value)
        if kind is str:
            cells[at] = _text(value) if name in _TIMES else _cell(value)
        elif kind is float or kind is int:
            cells[at] = str(value)
        else:
            cells[at] = _cell(value)
    if answer := record.response_text or record.tool_calls:
        cells[-1] = _text(answer)
    if prompt := _prompt(record):
        cells[-2] = _text(prompt)
    return ",".join(cells) + "\r\n"


def _prompt(record: Record) -> str:
    """The newest turn of the user, or all texts of an embedding."""
    if record.operation in ANSWERED_IN_VECTORS:
        return "\n".join(turn.text for turn in read_conversation(record, b"").turns)
    text = record.request_body
    request = first_document(text.encode("utf-8", "surrogatepass")) if text else None
    if isinstance(request, dict):
        for key in ("messages", "input"):
            if isinstance(request.get(key), list):
                # From the end, one at a time: long conversations are mostly earlier turns.
                asked = (_asked_in(key, item) for item in reversed(request[key]))
                return next(filter(None, asked), "")
    return _newest_of(read_conversation(record, b"").turns)


def _asked_in(key: str, item: Any) -> str:
    if type(item) is dict and len(item) == 2:
        # Most messages are a role and a text, and reading them as any other takes five times as long.
        role, content = item.get("role"), item.get("content")
        if role and type(role) is type(content) is str:
            return question_in(content) if role == "user" else ""
    return _newest_of(turns_of({key: [item]}))


def _newest_of(turns: Iterable[ChatMessage]) -> str:
    asked = (question_in(turn.text) for turn in reversed(list(turns)) if turn.role == "user")
    return next(filter(None, asked), "")


def _cell(value: Any) -> str:
    if isinstance(value, str):
        if len(value) in _ID_LENGTHS and value.isalnum() and value.isascii():
            return f'"{value}"'
        return _name(value) if len(value) <= _LONGEST_NAME else _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return _name(" ".join(map(str, value)))
    return str(value)


def _text(text: str) -> str:
    is_formula = text[:1] not in _BEGINS_NO_FORMULA and _COMPUTES.match(text)
    if not text.isascii() or not text.isprintable():
        text = _MISLEADING.sub(_named, text)
    # Two units a character at most.
    if len(text) > _ROOM // 2:
        text = _bounded(text)
    if '"' in text:
        text = text.replace('"', '""')
    return f'"\'{text}"' if is_formula else f'"{text}"'


# Names and addresses repeat from row to row, and looking one up takes a third of the time.
_name = lru_cache(maxsize=4096)(_text)


def _bounded(text: str) -> str:
    encoded = text.encode("utf-16-le")
    if len(encoded) // 2 <= _ROOM:
        return text
    # A pair that the cut falls into is dropped whole.
    head = encoded[: _ROOM * 2].decode("utf-16-le", "ignore")
    return f"{head} … [{len(text) - len(head)} characters left out]"


def _named(character: "re.Match[str]") -> str:
    return f"\\u{ord(character[0]):04x}"
