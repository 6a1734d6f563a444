"""One exchange: its conversation, what it took and why, its bytes, and the command that repeats it."""

import contextlib
import shlex
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from service.inspector.responses import PRIVATE_HEADERS, refuse, say
from service.inspector.threads import aside
from service.journal import JournalError
from service.journal.reader import KeptRecord, Reader
from service.record.bodies import GAP_MARK, document
from service.record.conversation import read_conversation
from service.record.exchange import cut_labels
from service.record.explanation import Surroundings, explain
from service.record.record import Record
from service.record.summary import summarise
from service.search.neighbours import Neighbours
from service.search.search import Search

NOTHING_AROUND: Final = Surroundings(None, 0, None, 0)
GATEWAY: Final = "/api/ollama"
# Linux takes no longer argument than 128 KiB; a command that has to be pasted should be shorter still.
_LONGEST_ARGUMENT: Final = 60_000
_GONE: Final = "There is no exchange {} here (any more). It may be older than RETENTION_DAYS, or was erased."


async def show(
    identifier: str, search: Search, reader: Reader, trace_url: str | None, why_no_replay: str | None
) -> web.Response:
    """``/exchanges/ID.json``. ``why_no_replay``: why whoever asks may send nothing again, None if they may."""
    kept = await aside(reader.record, identifier)
    if kept is None:
        return refuse(404, _GONE.format(identifier))
    answer = await aside(_described, kept, search)
    trace = Record(kept.row.line).trace_id
    if trace_url and trace:
        answer["trace_url"] = trace_url.replace("{trace_id}", trace)
    why_no_replay = why_no_replay or why_not_whole(kept)
    answer["may_replay"] = why_no_replay is None
    if why_no_replay is not None:
        answer["why_no_replay"] = why_no_replay
    return say(answer)


def _described(kept: KeptRecord, search: Search) -> dict[str, Any]:
    number = kept.row.number
    record = Record(kept.row.line)
    around, beside, replays = NOTHING_AROUND, Neighbours(None, None), list[str]()
    # What the exchange itself says is shown also while its index is being made.
    with contextlib.suppress(JournalError):
        around, beside = search.surroundings(number), search.neighbours(number)
        replays = search.replays(number)
    answer: dict[str, Any] = {
        "number": number,
        "record": record.values,
        "summary": summarise(number, record),
        "conversation": asdict(read_conversation(record, kept.request)),
        "explanation": asdict(explain(record, around)),
        "replays": replays,
        "request": {"bytes": record.request_bytes or 0, "kept": len(kept.request)},
        "response": {"bytes": record.response_bytes or 0, "kept": len(kept.response)},
    }
    for side, body in (("request", kept.request), ("response", kept.response)):
        answer[side]["is_shortened"] = _has_gap(record, side, body)
    related = {"previous": beside.previous, "next": beside.next, "replay_of": record.replay_of}
    return answer | {name: value for name, value in related.items() if value is not None}


async def give_body(identifier: str, part: str, reader: Reader) -> web.Response:
    """``/exchanges/ID/request`` and ``/response``: the kept bytes, to be saved, never to be shown as a page."""
    kept = await aside(reader.record, identifier)
    if kept is None:
        return refuse(404, _GONE.format(identifier))
    body = kept.request if part == "request" else kept.response
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        kind, charset, suffix = "application/octet-stream", None, "bin"
    else:
        kind, charset, suffix = "text/plain", "utf-8", "txt"
    headers = PRIVATE_HEADERS | {"Content-Disposition": f'attachment; filename="{identifier}-{part}.{suffix}"'}
    return web.Response(body=body, content_type=kind, charset=charset, headers=headers)


async def give_command(identifier: str, reader: Reader, base: str) -> web.Response:
    """``/exchanges/ID.curl``: a command for a shell that sends the kept request again. ``base``: our own address."""
    kept = await aside(reader.record, identifier)
    if kept is None:
        return refuse(404, _GONE.format(identifier))
    if _has_gap(Record(kept.row.line), "request", kept.request):
        return refuse(409, "Not all of the request was kept (see KEEP_BODY_BYTES): a command would ask something else.")
    return web.Response(
        text=curl_command(kept, base), content_type="text/plain", charset="utf-8", headers=PRIVATE_HEADERS
    )


def curl_command(kept: KeptRecord, base: str) -> str:
    """One line for a POSIX shell. Whatever the request holds, it is data there and no command."""
    address = base + target_of(Record(kept.row.line).request_uri or "")
    words = ["curl", "-sS", "-X", kept.row.method, address, "-H", f"X-Replay-Of: {kept.row.id}"]
    if not kept.request:
        return shlex.join(words) + "\n"
    words += ["-H", "Content-Type: application/json"]
    text = kept.request.decode("utf-8", "replace")
    is_text = text.encode() == kept.request and "\0" not in text
    if is_text and len(kept.request) <= _LONGEST_ARGUMENT:
        return shlex.join([*words, "--data-binary", text]) + "\n"
    fetching = ["curl", "-sS", f"{base}/exchanges/{kept.row.id}/request"]
    return f"{shlex.join(fetching)} | {shlex.join([*words, '--data-binary', '@-'])}\n"


def target_of(request_uri: str) -> str:
    """Where a request is sent again: the gateway's path as the client wrote it, without the labels of its caller.

    A repetition is not the workflow's own call, and must not be counted as one.
    """
    # Two slashes would begin a host.
    parts = urlsplit("/" + request_uri.lstrip("/") if request_uri.startswith("/") else request_uri)
    _, path = cut_labels(parts.path.removeprefix(GATEWAY))
    return f"{GATEWAY}{path}?{parts.query}" if parts.query else f"{GATEWAY}{path}"


def _has_gap(record: Record, side: str, body: bytes) -> bool:
    """Whether a part of a kept body is missing. A prompt may hold what looks like the mark of that; and the record
    has ``truncated`` for a whole body too whose text was too long for its line."""
    is_truncated = record.request_truncated if side == "request" else record.response_truncated
    return bool(is_truncated) and GAP_MARK.search(body) is not None


def why_not_whole(kept: KeptRecord) -> str | None:
    """Why the kept request cannot be sent again as it was; None: it can."""
    if kept.row.method != "POST":
        return "Only what was asked with POST can be sent again."
    if not kept.request:
        return "Nothing of the request was kept: see KEEP_BODY_BYTES."
    # The gap in a copy may lie inside a text: then it is still JSON.
    if _has_gap(Record(kept.row.line), "request", kept.request):
        return "The kept copy of the request is not whole: see KEEP_BODY_BYTES."
    # As lenient as Ollama, which takes half an emoji, as JavaScript cuts them, and bytes that are no UTF-8.
    whole = document(kept.request)
    if whole is None:
        return "The request is no JSON."
    return None if isinstance(whole, dict) else "The request is JSON, but no object."
