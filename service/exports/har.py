"""HTTP Archive 1.2, which browsers' developer tools, proxies and load generators open.

An entry holds what passed between the client and the recorder, from the kept bytes. Nothing is invented. The only
header is the client's name. The types of bodies are concluded from their contents. ``comment`` tells what is missing.
The rest of the record stands in the entry's ``_record``, as the format leaves names with an underscore to its users.
Times are UTC.
"""

import http
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import service
from service.exports.chunks import in_pieces
from service.journal.reader import KeptRecord
from service.record.bodies import gap_in
from service.record.fields import BODIES
from service.record.line import CLIENT_LEFT_STATUS
from service.record.line_limit import encode
from service.record.record import Record
from service.record.timestamps import write_time

# What may stand in an address besides letters and digits (RFC 3986), and the percent sign of what is encoded already.
_ADDRESS_CHARACTERS = "%:/?[]@!$&'()*+,;=-._~"
_CLIENT_LEFT = "Client Closed Request"
_LOG_COMMENT = (
    "Newest first. Headers are not kept, types of bodies are concluded from their contents,"
    " and well-known shapes of secrets are masked unless that was turned off."
)


def write(records: Iterable[KeptRecord], *, base: str = "http://localhost:8080") -> Iterator[bytes]:
    """One archive with an entry a record, in their order. Never raises for what a record holds.

    ``base`` is the recorder's address, without a path, that stands in the addresses.
    """
    return in_pieces(_parts(records, base.rstrip("/")))


def _parts(records: Iterable[KeptRecord], base: str) -> Iterator[bytes]:
    creator = encode({"name": "Ollama Recorder", "version": service.__version__})
    yield b'{"log":{"version":"1.2","creator":' + creator + b',"entries":['
    between = b""
    for kept in records:
        yield between + encode(_entry(kept, base))
        between = b",\n"
    yield b"],%b}}\n" % encode({"comment": _LOG_COMMENT})[1:-1]


def _entry(kept: KeptRecord, base: str) -> dict[str, Any]:
    record = Record(kept.row.line)
    timings = _timings(record)
    entry: dict[str, Any] = {
        "startedDateTime": record.started or write_time(kept.row.started_ns),
        "time": round(timings["send"] + timings["wait"] + timings["receive"], 3),
        "request": _request(record, kept, base),
        "response": _response(record, kept),
        "cache": {},
        "timings": timings,
    }
    if record.failed:
        entry["comment"] = ": ".join(filter(None, (record.outcome, record.error)))
    entry["_record"] = values = dict(record.values)
    for name in BODIES:
        values.pop(name, None)
    return entry


def _timings(record: Record) -> dict[str, Any]:
    """Milliseconds. The request is read while it is sent on, so sending it is a part of waiting."""
    total = record.request_time
    if total is None:
        return {"send": 0, "wait": 0, "receive": 0, "comment": "how long it took is not known"}
    total *= 1000
    first_byte = record.time_to_first_byte
    # The duration is rounded to three decimals, the first byte to six.
    wait = total if first_byte is None else min(first_byte * 1000, total)
    timings: dict[str, Any] = {"send": 0, "wait": round(wait, 3), "receive": max(0, round(total - wait, 3))}
    phases = (
        ("a runner", record.wait_time),
        ("reading the prompt", record.prompt_time),
        ("generating", record.generation_time),
    )
    measured = [f"{name} {seconds:g} s" for name, seconds in phases if seconds is not None]
    if measured:
        timings["comment"] = "of Ollama's time: " + ", ".join(measured)
    return timings


def _request(record: Record, kept: KeptRecord, base: str) -> dict[str, Any]:
    url, agent, passed = _url(record.request_uri or "", base), record.user_agent, record.request_bytes or 0
    request: dict[str, Any] = {
        "method": record.method or kept.row.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "User-Agent", "value": agent}] if agent else [],
        "queryString": _query(url),
        "headersSize": -1,
        "bodySize": passed,
    }
    body, notes = _body(kept.request, record.request_body, passed)
    if body or passed:
        text, encoding = _text(body)
        request["postData"] = {"mimeType": _type_of(body, encoding), "text": text}
        if encoding:
            # The format has no word for it before its version 1.3, which was never published.
            request["postData"]["_encoding"] = encoding
            notes.append("the text is base64")
        if notes:
            request["postData"]["comment"] = "; ".join(notes)
    return request


def _response(record: Record, kept: KeptRecord) -> dict[str, Any]:
    status, passed = record.status or 0, record.response_bytes or 0
    body, notes = _body(kept.response, record.response_body or record.response_text, passed)
    text, encoding = _text(body)
    content: dict[str, Any] = {"size": _size(kept.response, passed), "mimeType": _type_of(body, encoding)}
    if body:
        content["text"] = text
    if encoding:
        content["encoding"] = encoding
    if notes:
        content["comment"] = "; ".join(notes)
    response = {
        "status": status,
        "statusText": _status_text(status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": passed,
    }
    if not status:
        response["comment"] = "nothing was answered"
    return response


@lru_cache(maxsize=256)
def _status_text(status: int) -> str:
    if status == CLIENT_LEFT_STATUS:
        return _CLIENT_LEFT
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


# Addresses repeat from entry to entry, and quoting one takes a tenth of the time of an entry.
@lru_cache(maxsize=256)
def _url(uri: str, base: str) -> str:
    """The absolute address without a fragment, whatever the client sent as its target."""
    uri = uri.partition("#")[0]
    if not uri.startswith(("http://", "https://")):
        uri = base + (uri if uri.startswith("/") else "/" + uri)
    return quote(uri, safe=_ADDRESS_CHARACTERS, errors="backslashreplace")


# The same list for each entry with this address: nobody changes it.
@lru_cache(maxsize=256)
def _query(url: str) -> list[dict[str, str]]:
    try:
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return []
    return [{"name": name, "value": value} for name, value in pairs]


def _body(kept: bytes, copy: str | None, passed: int) -> tuple[bytes, list[str]]:
    """The body's bytes, or our readable copy of them where those are not kept; and what there is to say about that."""
    if not kept and copy:
        return copy.encode("utf-8", "backslashreplace"), ["the bytes are not kept: this is the record's copy"]
    if not kept and passed:
        return b"", ["the bytes are not kept"]
    gap = gap_in(kept)
    return kept, [f"{int(gap[1])} bytes in the middle are not kept"] if gap else []


def _size(kept: bytes, passed: int) -> int:
    """The length of the whole body, decompressed, as far as that is known."""
    gap = gap_in(kept)
    if gap:
        return len(kept) - len(gap[0]) + int(gap[1])
    return len(kept) or passed


def _text(kept: bytes) -> tuple[str, str]:
    try:
        return kept.decode(), ""
    except UnicodeDecodeError:
        return b64encode(kept).decode(), "base64"


def _type_of(kept: bytes, encoding: str) -> str:
    if not kept:
        return "x-unknown"
    beginning = kept[:256].lstrip()
    if beginning.startswith((b"data:", b"event:")):
        return "text/event-stream"
    if beginning.startswith((b"{", b"[")):
        return "application/x-ndjson" if _is_lines(kept) else "application/json"
    if beginning.startswith(b"--") and b"content-disposition:" in kept[:1024].lower():
        delimiter = beginning[2:].partition(b"\r\n")[0].decode("ascii", "replace")
        return f"multipart/form-data; boundary={delimiter}"
    return "application/octet-stream" if encoding else "text/plain"


def _is_lines(kept: bytes) -> bool:
    """Whether it is one JSON object a line: the first line alone is one, and others follow."""
    first, _, rest = kept.partition(b"\n")
    return bool(rest.strip()) and first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")
