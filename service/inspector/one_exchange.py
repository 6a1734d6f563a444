"""One exchange: its conversation, what it took and why, its bytes, and the command that repeats it."""

import re
import shlex
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from service.inspector.exchange_detail import ExchangeDetail, Links, describe
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import refuse, say
from service.inspector.threads import aside, aside_at_length
from service.journal.reader import KeptRecord, Reader
from service.record.bodies import first_document, gap_in
from service.record.exchange import GATEWAY_PREFIX, cut_labels
from service.record.kept_image import MOST_PIXELS, find_image
from service.record.record import Record
from service.record.summary import summarise
from service.search.search import Search

# Linux takes no longer argument than 128 KiB; a command that has to be pasted should be shorter still.
_LONGEST_ARGUMENT: Final = 60_000
_LISTS_OF_CURL: Final = frozenset("[]{}")
_BOUNDARY: Final = re.compile(rb"--[0-9A-Za-z'+_,./:=?-]{1,70}")
_GONE: Final = "There is no exchange {} here (any more). It may be older than RETENTION_DAYS, or was erased."


async def show(
    identifier: str, search: Search, reader: Reader, links: Links, why_no_replay: str | None
) -> web.Response:
    """``/exchanges/ID.json``. ``why_no_replay``: why whoever asks may send nothing again, None if they may."""
    kept = await aside(reader.record, identifier)
    if kept is None:
        return refuse(404, _GONE.format(identifier))
    detail, answer = await aside(_described, kept, search, links)
    why_no_replay = why_no_replay or why_not_whole(kept, detail.record)
    answer["may_replay"] = why_no_replay is None
    if why_no_replay is not None:
        answer["why_no_replay"] = why_no_replay
    return say(answer)


def _described(kept: KeptRecord, search: Search, links: Links) -> tuple[ExchangeDetail, dict[str, Any]]:
    """The detail, and the answer that holds it."""
    detail = describe(kept, search, links)
    return detail, answer_of(detail, kept)


def answer_of(detail: ExchangeDetail, kept: KeptRecord) -> dict[str, Any]:
    """``detail`` as JSON; what is unknown is absent there."""
    known, record = detail.as_json_object(), detail.record
    answer: dict[str, Any] = {
        "number": detail.number,
        "record": record.values,
        "summary": summarise(detail.number, record),
        "conversation": known["conversation"],
        "explanation": known["explanation"],
        "content": [{name: value for name, value in one.items() if value is not None} for one in known["content"]],
        "replays": known["replays"],
        "request": {"bytes": record.request_bytes or 0, "kept": len(kept.request)},
        "response": {"bytes": record.response_bytes or 0, "kept": len(kept.response)},
    }
    for side, body in (("request", kept.request), ("response", kept.response)):
        answer[side]["is_shortened"] = _has_gap(record, side, body)
    related = {name: value for name, value in known.items() if name not in answer and value is not None}
    return answer | related


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


async def give_image(identifier: str, digest: str, reader: Reader) -> web.Response:
    """``/exchanges/ID/images/SHA256``: a picture of the kept request, which the record names by its digest."""
    kept = await aside(reader.record, identifier)
    if kept is None:
        return refuse(404, _GONE.format(identifier))
    # Every text of the request is looked at, and KEEP_BODY_BYTES may be large.
    image = await aside_at_length(find_image, kept.request, digest)
    if image is None:
        return refuse(404, "This picture is not in what was kept of the request (see KEEP_BODY_BYTES).")
    if image.pixels > MOST_PIXELS:
        return refuse(
            413, f"This picture has {image.pixels / 1e6:,.0f} million pixels, too many for a browser to draw."
        )
    return web.Response(body=image.content, content_type=image.media_type, headers=PRIVATE_HEADERS)


async def give_command(identifier: str, reader: Reader, base: str) -> web.Response:
    """``/exchanges/ID.curl``: a command for a shell that sends the kept request again. ``base``: our own address."""
    kept = await aside(reader.record, identifier)
    if kept is None:
        return refuse(404, _GONE.format(identifier))
    record = Record(kept.row.line)
    if _has_gap(record, "request", kept.request):
        return refuse(409, "Not all of the request was kept (see KEEP_BODY_BYTES): a command would ask something else.")
    return web.Response(
        text=curl_command(kept, record, base), content_type="text/plain", charset="utf-8", headers=PRIVATE_HEADERS
    )


def curl_command(kept: KeptRecord, record: Record, base: str) -> str:
    """One line for a POSIX shell. Whatever the request holds, it is data there: no command, and no name of a file."""
    target = target_of(record.request_uri or "")
    # curl waits for the body that an answer to HEAD tells the length of, unless it knows; braces are a list to it.
    method = ["-I"] if kept.row.method == "HEAD" else ["-X", kept.row.method]
    as_it_is = [] if _LISTS_OF_CURL.isdisjoint(target) else ["-g"]
    words = ["curl", "-sS", *as_it_is, *method, base + target, "-H", f"X-Replay-Of: {kept.row.id}"]
    if not kept.request:
        return shlex.join(words) + "\n"
    words += ["-H", f"Content-Type: {_content_type(kept.request)}"]
    text = kept.request.decode("utf-8", "replace")
    is_text = text.encode() == kept.request and "\0" not in text
    if is_text and len(kept.request) <= _LONGEST_ARGUMENT:
        # To the other options a text that begins with @ is the name of a file, which would be sent.
        return shlex.join([*words, "--data-raw", text]) + "\n"
    fetching = ["curl", "-sS", f"{base}/exchanges/{kept.row.id}/request"]
    return f"{shlex.join(fetching)} | {shlex.join([*words, '--data-binary', '@-'])}\n"


def _content_type(request: bytes) -> str:
    """A form with a file in it begins with a line of its own choice, and ends with the same."""
    line = request.split(b"\r\n", 1)[0]
    if _BOUNDARY.fullmatch(line) and request.rstrip().endswith(line + b"--"):
        return f"multipart/form-data; boundary={line[2:].decode()}"
    return "application/json"


def target_of(request_uri: str) -> str:
    """Where a request is sent again: the gateway's path as the client wrote it, without the labels of its caller.

    A repetition is not the workflow's own call, and must not be counted as one.
    """
    # Two slashes would begin a host.
    parts = urlsplit("/" + request_uri.lstrip("/") if request_uri.startswith("/") else request_uri)
    _, path = cut_labels(parts.path.removeprefix(GATEWAY_PREFIX))
    return f"{GATEWAY_PREFIX}{path}?{parts.query}" if parts.query else f"{GATEWAY_PREFIX}{path}"


def _has_gap(record: Record, side: str, body: bytes) -> bool:
    """Whether a part of a kept body is missing. A prompt may hold what looks like the mark of that; and the record
    has ``truncated`` for a whole body too whose text was too long for its line."""
    is_truncated = record.request_truncated if side == "request" else record.response_truncated
    return bool(is_truncated) and gap_in(body) is not None


def why_not_whole(kept: KeptRecord, record: Record) -> str | None:
    """Why the kept request of ``record`` cannot be sent again as it was; None: it can."""
    if kept.row.method != "POST":
        return "Only what was asked with POST can be sent again."
    if not kept.request:
        return "Nothing of the request was kept: see KEEP_BODY_BYTES."
    # The gap in a copy may lie inside a text: then it is still JSON.
    if _has_gap(record, "request", kept.request):
        return "The kept copy of the request is not whole: see KEEP_BODY_BYTES."
    # As lenient as Ollama, which takes half an emoji, as JavaScript cuts them, and bytes that are no UTF-8.
    whole = first_document(kept.request)
    if whole is None:
        return "The request is no JSON."
    return None if isinstance(whole, dict) else "The request is JSON, but no object."
