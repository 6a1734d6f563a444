"""HTTP Archive 1.2, which browsers' developer tools, proxies and load generators open.

An entry holds what passed between the client and the recorder, from the kept bytes. What is not kept is said, not
invented: there are no headers but the client's name, the types of bodies are concluded from what they hold, and
``comment`` tells what is missing where. All that the record says besides stands in the entry's ``_record``
(names with an underscore are what the format leaves to its users). Times are UTC.
"""

import http
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import orjson

import service
from service.exports.chunks import in_pieces
from service.journal.reader import KeptRecord
from service.record.bodies import GAP_MARK
from service.record.fields import BODIES
from service.record.line_limit import encode
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
    for record in records:
        yield between + encode(_entry(record, base))
        between = b",\n"
    yield b"],%b}}\n" % encode({"comment": _LOG_COMMENT})[1:-1]


def _entry(record: KeptRecord, base: str) -> dict[str, Any]:
    said: dict[str, Any] = orjson.loads(record.row.line)
    timings = _timings(said)
    entry: dict[str, Any] = {
        "startedDateTime": said.get("started") or write_time(record.row.started_ns),
        "time": round(timings["send"] + timings["wait"] + timings["receive"], 3),
        "request": _request(record, said, base),
        "response": _response(record, said),
        "cache": {},
        "timings": timings,
    }
    if said.get("failed"):
        entry["comment"] = ": ".join(filter(None, (said.get("outcome"), said.get("error"))))
    entry["_record"] = {key: value for key, value in said.items() if key not in BODIES}
    return entry


def _timings(said: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds. The request was read while it was sent on, so that sending is part of waiting."""
    total = said.get("request_time")
    if total is None:
        return {"send": 0, "wait": 0, "receive": 0, "comment": "how long it took is not known"}
    total *= 1000
    first_byte = said.get("time_to_first_byte")
    # The one has three decimals, the other six.
    wait = total if first_byte is None else min(first_byte * 1000, total)
    timings = {"send": 0, "wait": round(wait, 3), "receive": max(0, round(total - wait, 3))}
    phases = {"a runner": "wait_time", "reading the prompt": "prompt_time", "generating": "generation_time"}
    told = [f"{name} {said[key]:g} s" for name, key in phases.items() if key in said]
    if told:
        timings["comment"] = "of Ollama's time: " + ", ".join(told)
    return timings


def _request(record: KeptRecord, said: dict[str, Any], base: str) -> dict[str, Any]:
    url = _url(said.get("request_uri", ""), base)
    agent = said.get("user_agent")
    request: dict[str, Any] = {
        "method": said.get("method") or record.row.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "User-Agent", "value": agent}] if agent else [],
        "queryString": _query(url),
        "headersSize": -1,
        "bodySize": said.get("request_bytes", 0),
    }
    kept, notes = _kept(record.request, said.get("request_body"), said.get("request_bytes", 0))
    if kept or said.get("request_bytes"):
        text, encoding = _text(kept)
        request["postData"] = {"mimeType": _type_of(kept, encoding), "text": text}
        if encoding:
            # The format has no word for it before its version 1.3, which was never published.
            request["postData"]["_encoding"] = encoding
            notes.append("the text is base64")
        if notes:
            request["postData"]["comment"] = "; ".join(notes)
    return request


def _response(record: KeptRecord, said: dict[str, Any]) -> dict[str, Any]:
    status, passed = said.get("status", 0), said.get("response_bytes", 0)
    copy = next((said[key] for key in ("response_body", "response_text") if said.get(key)), None)
    kept, notes = _kept(record.response, copy, passed)
    text, encoding = _text(kept)
    content: dict[str, Any] = {"size": _size(record.response, passed), "mimeType": _type_of(kept, encoding)}
    if kept:
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


def _status_text(status: int) -> str:
    if status == 499:
        return _CLIENT_LEFT
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _url(uri: str, base: str) -> str:
    """The absolute address without a fragment, whatever the client sent as its target."""
    uri = uri.partition("#")[0]
    if not uri.startswith(("http://", "https://")):
        uri = base + (uri if uri.startswith("/") else "/" + uri)
    return quote(uri, safe=_ADDRESS_CHARACTERS, errors="backslashreplace")


def _query(url: str) -> list[dict[str, str]]:
    try:
        found = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return []
    return [{"name": name, "value": value} for name, value in found]


def _kept(kept: bytes, copy: str | None, passed: int) -> tuple[bytes, list[str]]:
    """The body's bytes, or our readable copy of them where those are not kept; and what there is to say about that."""
    if not kept and copy:
        return copy.encode("utf-8", "backslashreplace"), ["the bytes are not kept: this is the record's copy"]
    if not kept and passed:
        return b"", ["the bytes are not kept"]
    gap = GAP_MARK.search(kept)
    return kept, [f"{int(gap[1])} bytes in the middle are not kept"] if gap else []


def _size(kept: bytes, passed: int) -> int:
    """The length of the whole body, decompressed, as far as that is known."""
    gap = GAP_MARK.search(kept)
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
