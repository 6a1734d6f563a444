"""Everything that a filter lets through as a file. It is written while it is read: a million records fit in memory."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from aiohttp import web

from service.exports.chats import ChatOptions
from service.exports.formats import FORMATS, ExportOptions, Format, kept_records
from service.inspector.listing import filter_of
from service.inspector.responses import PRIVATE_HEADERS, begun
from service.inspector.threads import aside_at_length
from service.search.filters import Filter, read_limit
from service.search.search import Search

# Each hand-over between the thread that reads and the event loop that sends costs about 0.1 ms.
_BYTES_AT_ONCE: Final = 256 * 1024
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
    request: web.BaseRequest, suffix: str, query: Mapping[str, str], search: Search, base: str
) -> web.StreamResponse:
    """``/exchanges.jsonl``, ``.chat.jsonl``, ``.csv``, ``.har``. Raises ValueError with a sentence for the client."""
    form = FORMATS[suffix]
    is_chat = suffix == "chat.jsonl"
    wanted = filter_of(query, ("limit", *(_CHAT_SWITCHES if is_chat else ())))
    limit = read_limit(query, _ALL, _ALL)
    options = ExportOptions(base=base, chats=_chat_options(query, wanted) if is_chat else ChatOptions())
    name = time.strftime(f"ollama-recorder-%Y-%m-%d.{suffix}", time.gmtime())
    headers = PRIVATE_HEADERS | {
        "Content-Type": form.content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    response = web.StreamResponse(headers=headers)
    pieces = _pieces(form, _first(search.numbers(wanted), limit), options, search.folder)
    # What cannot be read at all is answered with a status, before the file begins.
    piece = await aside_at_length(next, pieces, b"")
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    with begun(request):
        while piece:
            await response.write(piece)
            piece = await aside_at_length(next, pieces, b"")
        await response.write_eof()
    return response


def _first(batches: Iterator[list[int]], limit: int) -> Iterator[list[int]]:
    """No more than ``limit`` numbers of all ``batches``."""
    while limit > 0 and (batch := next(batches, None)):
        yield batch[:limit]
        limit -= len(batch)


def _pieces(form: Format, numbers: Iterator[list[int]], options: ExportOptions, folder: Path) -> Iterator[bytes]:
    """The file in pieces that are worth a hand-over."""
    records = kept_records(folder, numbers, form.needs)
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
