"""Everything that a filter lets through as a file. It is written while it is read: a million records fit in memory."""

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, Protocol

from aiohttp import web

from service.exports.chats import ChatOptions
from service.exports.formats import FORMATS, ExportOptions, Format, kept_records
from service.inspector.all_stores import BUSY, NO_LOKI, is_asked_for
from service.inspector.listing import STORE, filter_of
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import begun, refuse
from service.inspector.threads import aside_at_length, aside_waiting, may_wait
from service.journal.reader import KeptRecord
from service.loki_search.all_recorders import AllRecorders, without_numbers
from service.loki_search.loki_answers import LokiError
from service.loki_search.selection import kept_of
from service.search.filters import Filter, read_limit
from service.search.search import Search

# Each hand-over between the thread that reads and the event loop that sends costs about 0.1 ms.
_BYTES_AT_ONCE: Final = 256 * 1024
_LINES_AT_ONCE: Final = 1_000
_CHATS: Final = "chat.jsonl"
# More than a journal can hold.
_ALL: Final = 1_000_000_000
_CHAT_SWITCHES: Final = {
    "drop_system": "drop_system",
    "all": "all_outcomes",
    "thinking": "keep_thinking",
    "tool_objects": "tool_arguments_as_objects",
    "tasks": "tasks",
}


async def export(
    request: web.BaseRequest,
    suffix: str,
    query: Mapping[str, str],
    search: Search,
    store: AllRecorders | None,
    base: str,
) -> web.StreamResponse:
    """``/exchanges.jsonl``, ``.chat.jsonl``, ``.csv``, ``.har``, with ``store=loki`` of all recorders.

    Raises ValueError with a sentence for the client.
    """
    if is_asked_for(query):
        return await _export_all(request, suffix, query, store, base)
    form, wanted, limit = FORMATS[suffix], _filter_of(suffix, query), read_limit(query, _ALL, _ALL)
    records = kept_records(search.folder, _first(search.numbers(wanted), limit), form.needs)
    return await _written(request, form, _pieces(form, records, _options(suffix, query, wanted, base)), aside_at_length)


async def _export_all(
    request: web.BaseRequest, suffix: str, query: Mapping[str, str], store: AllRecorders | None, base: str
) -> web.StreamResponse:
    """From their lines in Loki."""
    if store is None:
        return refuse(409, NO_LOKI, setting="LOKI_URL")
    if not may_wait():
        return refuse(503, BUSY, {"Retry-After": "5"})
    form, wanted = FORMATS[suffix], without_numbers(_filter_of(suffix, query))
    lines = islice(store.lines(wanted, _LINES_AT_ONCE), read_limit(query, _ALL, _ALL))
    pieces = _pieces(form, map(kept_of, lines), _options(suffix, query, wanted, base))
    try:
        return await _written(request, form, pieces, aside_waiting)
    except LokiError as trouble:
        return refuse(503, str(trouble), {"Retry-After": "5"})


async def _written(
    request: web.BaseRequest, form: Format, pieces: Iterator[bytes], beside: "_Lane"
) -> web.StreamResponse:
    """The answer, written as ``pieces`` come, each computed ``beside`` the event loop."""
    name = time.strftime(f"ollama-recorder-%Y-%m-%d.{form.suffix}", time.gmtime())
    headers = PRIVATE_HEADERS | {
        "Content-Type": form.content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    response = web.StreamResponse(headers=headers)
    # What cannot be read at all is answered with a status, before the file begins.
    piece = await beside(next, pieces, b"")
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    with begun(request):
        while piece:
            await response.write(piece)
            piece = await beside(next, pieces, b"")
        await response.write_eof()
    return response


class _Lane(Protocol):
    """One of ``threads``' lanes."""

    async def __call__(self, function: Any, /, *arguments: Any) -> Any: ...


def _filter_of(suffix: str, query: Mapping[str, str]) -> Filter:
    return filter_of(query, ("limit", *STORE, *(_CHAT_SWITCHES if suffix == _CHATS else ())))


def _options(suffix: str, query: Mapping[str, str], wanted: Filter, base: str) -> ExportOptions:
    return ExportOptions(base=base, chats=_chat_options(query, wanted) if suffix == _CHATS else ChatOptions())


def _first(batches: Iterator[list[int]], limit: int) -> Iterator[list[int]]:
    """No more than ``limit`` numbers of all ``batches``."""
    while limit > 0 and (batch := next(batches, None)):
        yield batch[:limit]
        limit -= len(batch)


def _pieces(form: Format, records: Iterator[KeptRecord], options: ExportOptions) -> Iterator[bytes]:
    """The file in pieces that are worth a hand-over."""
    held: list[bytes] = []
    size = 0
    for piece in form.write(records, options):
        held.append(piece)
        size += len(piece)
        if size >= _BYTES_AT_ONCE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _chat_options(query: Mapping[str, str], wanted: Filter) -> ChatOptions:
    switches = {}
    for name, option in _CHAT_SWITCHES.items():
        value = query.get(name, "").strip().lower()
        if value not in ("", "true", "1", "yes", "false", "0", "no"):
            raise ValueError(f"{name}={value[:50]!r} is not understood: expected is true or false.")
        switches[option] = value in ("true", "1", "yes")
    # Who asks for titles wants them.
    switches["tasks"] = switches["tasks"] or any(wanted.task)
    return ChatOptions(**switches)
