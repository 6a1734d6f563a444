"""What any two exchanges asked differently."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from aiohttp import web

from service.inspector.responses import refuse, say
from service.inspector.threads import aside
from service.journal.reader import KeptRecord, Reader
from service.record.compared_calls import compared
from service.record.content_findings import ContentFinding, JudgedCall
from service.record.conversation import read_conversation
from service.record.record import Record

_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_ID_LENGTH: Final = 32


async def tell_changes(reader: Reader, query: Mapping[str, str]) -> web.Response:
    """``/comparison.json?before=ID&now=ID``. Raises ValueError with a sentence for the client."""
    names = ("before", "now")
    ids = [query.get(name, "").strip().lower() for name in names]
    for name, identifier in zip(names, ids, strict=True):
        if len(identifier) != _ID_LENGTH or not set(identifier) <= _HEXADECIMAL:
            raise ValueError(f"{name}={identifier[:80]!r} is not understood: expected is the id of an exchange.")
    found = [await aside(reader.record, identifier) for identifier in ids]
    for identifier, kept in zip(ids, found, strict=True):
        if kept is None:
            return refuse(404, f"There is no exchange {identifier} here (any more).")
    before, now = (kept for kept in found if kept is not None)
    return say(await aside(_values, ids, before, now))


def changes_of(before: KeptRecord, now: KeptRecord) -> tuple[ContentFinding, ...]:
    """What both asked differently."""
    return compared(judged(before), judged(now))


def judged(kept: KeptRecord) -> JudgedCall:
    """A kept record with its conversation."""
    record = Record(kept.row.line)
    return JudgedCall(record, read_conversation(record, kept.request))


def _values(ids: list[str], before: KeptRecord, now: KeptRecord) -> dict[str, Any]:
    changes = [
        {name: value for name, value in asdict(one).items() if value is not None} for one in changes_of(before, now)
    ]
    return {"before": ids[0], "now": ids[1], "changes": changes}
