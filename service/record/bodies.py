"""Reading kept bodies: decompress them within bounds, join their two ends, parse them as JSON.

Everything here takes any bytes and never raises: what cannot be read stays as it was.
"""

import json
import re
import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

import orjson

from service.record.exchange import Body

READABLE_BYTES = 1024 * 1024
_MOST_ENCODINGS = 4
# RFC 8878 asks decoders for 8 MiB of window; a frame that wants more would buy our memory with a few bytes.
_MOST_ZSTD_WINDOW: Final = 23


def readable(body: Body, limit: int = READABLE_BYTES) -> Body:
    """The body with its ``Content-Encoding`` undone, at most ``limit`` bytes of it.

    Knows gzip, deflate (with and without zlib's frame) and zstd, also stacked. A stream that was
    cut gives what it holds. Whatever else it is (brotli, broken from the start) stays as it was,
    with its ``content_encoding``. The ``length`` of a decompressed body counts decompressed
    bytes; what is missing counts as at least the compressed bytes that were not read.
    """
    if not body.content_encoding:
        return body
    encodings = [name for part in body.content_encoding.split(",") if (name := part.strip().lower())]
    encodings = [name for name in encodings if name != "identity"]
    if not encodings:
        return Body(body.length, body.head, body.tail, body.content_type)
    if len(encodings) > _MOST_ENCODINGS or any(name not in _DECODERS for name in encodings):
        return body
    data, unread = body.head, body.length - len(body.head)
    for name in reversed(encodings):
        decoded = _DECODERS[name](data, limit)
        if decoded is None:
            return body
        data, left = decoded
        unread += left
    return Body(len(data) + unread, data, b"", body.content_type)


# (decoded, compressed bytes not read), None when not even a beginning could be decoded
_Decoded = tuple[bytes, int] | None


def _inflate(data: bytes, limit: int, window: int) -> _Decoded:
    pieces: list[bytes] = []
    room = limit
    while data:
        decoder = zlib.decompressobj(window)
        try:
            piece = decoder.decompress(data, room)
        except zlib.error:
            return _inflated_until_broken(data, room, window, pieces)
        pieces.append(piece)
        room -= len(piece)
        if not decoder.eof:
            decoded = b"".join(pieces)
            return (decoded, len(decoder.unconsumed_tail)) if decoded else None
        data = decoder.unused_data
        if window != _GZIP or room <= 0:
            return b"".join(pieces), len(data)
    return (b"".join(pieces), 0) if pieces else None


def _inflated_until_broken(data: bytes, room: int, window: int, pieces: list[bytes]) -> _Decoded:
    """zlib throws away what it had when it meets a broken byte: feed it small pieces to keep that."""
    decoder = zlib.decompressobj(window)
    at = 0
    try:
        while at < len(data) and room > 0:
            piece = decoder.decompress(data[at : at + 64], room)
            pieces.append(piece)
            room -= len(piece)
            at += 64
    except zlib.error:
        pass
    decoded = b"".join(pieces)
    return (decoded, max(0, len(data) - at)) if decoded else None


_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15


def _gunzip(data: bytes, limit: int) -> _Decoded:
    return _inflate(data, limit, _GZIP)


def _undeflate(data: bytes, limit: int) -> _Decoded:
    # RFC 9110 means zlib's frame; some clients send the bare stream.
    return _inflate(data, limit, _ZLIB) or _inflate(data, limit, _RAW_DEFLATE)


def _unzstd(data: bytes, limit: int) -> _Decoded:
    # Loaded where it is needed: few bodies are compressed so, and each command would wait for it.
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    options = {int(zstd.DecompressionParameter.window_log_max): _MOST_ZSTD_WINDOW}
    pieces: list[bytes] = []
    room = limit
    try:
        while data and room > 0:
            decoder = zstd.ZstdDecompressor(options=options)
            piece = decoder.decompress(data, room)
            pieces.append(piece)
            room -= len(piece)
            if not decoder.eof:
                # What the decoder holds back is not told; only that it wants no more input says it was the limit.
                decoded = b"".join(pieces)
                return (decoded, 0 if decoder.needs_input else 1) if decoded else None
            data = decoder.unused_data
    except zstd.ZstdError:
        pass
    decoded = b"".join(pieces)
    return (decoded, len(data)) if decoded else None


_DECODERS: dict[str, Callable[[bytes, int], _Decoded]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "zstd": _unzstd,
}


# What Python writes for a byte that is no UTF-8.
_ESCAPED_BYTE = re.compile(r"[\udc80-\udcff]")
GAP_MARK: Final = re.compile(r" … \[(\d{1,15}) bytes left out\] … ".encode())
"""What ``left_out`` writes, and how many bytes it says."""
_GAP_WORDS: Final = b" bytes left out] "


def gap_in(data: bytes) -> "re.Match[bytes] | None":
    """Where the first GAP_MARK stands in ``data``; None: it has none."""
    # Looking for the words first takes a tenth of the time, and a million bodies have none.
    return GAP_MARK.search(data) if data.find(_GAP_WORDS) >= 0 else None


def left_out(count: int) -> str:
    """The mark that stands where a text was shortened by ``count`` bytes."""
    return f" … [{count} bytes left out] … "


def whole(body: Body) -> bytes:
    """The kept bytes as one piece, with a mark where some are missing.

    When the gap fell inside a JSON string, as it does with a large image, the result is still JSON.
    """
    if not body.tail and body.length <= len(body.head):
        return body.head
    if not body.is_shortened:
        return body.head + body.tail
    head, tail = _without_partial_end(body.head), _without_partial_start(body.tail)
    return head + left_out(body.length - len(head) - len(tail)).encode() + tail


def _without_partial_end(head: bytes) -> bytes:
    """Drop a character, or a JSON escape, of which only the beginning was kept."""
    start = len(head) - 1
    while start >= max(0, len(head) - 4) and head[start] & 0xC0 == 0x80:
        start -= 1
    if start >= 0 and head[start] >= 0xC0:
        try:
            head[start:].decode()
        except UnicodeDecodeError as broken:
            if broken.reason == "unexpected end of data":
                return head[:start]
        return head
    escape = head.rfind(b"\\", max(0, len(head) - 6))
    if escape >= 0:
        before = len(head[:escape]) - len(head[max(0, escape - 64) : escape].rstrip(b"\\")) - max(0, escape - 64)
        is_escape = before % 2 == 0
        size = 6 if head[escape + 1 : escape + 2] == b"u" else 2
        if is_escape and len(head) - escape < size:
            return head[:escape]
    return head


def _without_partial_start(tail: bytes) -> bytes:
    """Drop the end of a character of which the beginning was not kept."""
    start = 0
    while start < min(3, len(tail)) and tail[start] & 0xC0 == 0x80:
        start += 1
    return tail[start:]


def document(data: bytes) -> Any:
    """``data`` parsed as one JSON object or list; None when it is neither.

    As lenient as the servers that read it: lone surrogates, huge numbers, NaN, raw control characters and bytes that
    are no UTF-8 pass. Nesting deeper than about a thousand does not.
    """
    return _parsed(data, _DECODER.decode)


def first_document(data: bytes) -> Any:
    """The JSON object or list that ``data`` begins with, None when it begins with neither; what follows is not read.

    So Ollama reads requests, with a zero byte or words behind them. Otherwise as lenient as ``document``.
    """
    return _parsed(data, lambda text: _DECODER.raw_decode(text.lstrip(" \t\r\n"))[0])


def first_pairs(data: bytes) -> list[tuple[str, Any]] | None:
    """The names and values of the object that ``data`` begins with, as often as they stand there; None: it is none."""
    outermost: list[list[tuple[str, Any]]] = []

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # The outermost object is whole last.
        outermost[:] = [pairs]
        return dict(pairs)

    decoder = json.JSONDecoder(parse_int=_integer, strict=False, object_pairs_hook=take)
    found = _read_leniently(data, lambda text: decoder.raw_decode(text.lstrip(" \t\r\n"))[0])
    return outermost[0] if isinstance(found, dict) else None


def first_texts(data: bytes) -> dict[str, str]:
    """The members of an object that are texts, of one that breaks off those before its end; empty: it is no object."""
    text = decoded(data).lstrip("\ufeff \t\r\n")
    found: dict[str, str] = {}
    at = 1 if text.startswith("{") else len(text)
    try:
        while at < len(text):
            name, at = _DECODER.raw_decode(text, _past_space(text, at))
            at = _past_space(text, at)
            if not isinstance(name, str) or text[at] != ":":
                break
            value, at = _DECODER.raw_decode(text, _past_space(text, at + 1))
            if isinstance(value, str):
                found[name] = value
            at = _past_space(text, at)
            if text[at] != ",":
                break
            at += 1
    except (ValueError, IndexError, RecursionError):
        # Here it breaks off, or is no JSON any longer.
        pass
    return found


def _past_space(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _parsed(data: bytes, read: Callable[[str], Any]) -> Any:
    try:
        found = orjson.loads(data)
    except ValueError:
        found = _read_leniently(data, read)
    return found if isinstance(found, (dict, list)) else None


def _read_leniently(data: bytes, read: Callable[[str], Any]) -> Any:
    if not is_like_json(data):
        return None
    try:
        return read(decoded(data).lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None


def is_like_json(data: bytes) -> bool:
    """Whether ``data`` begins as a JSON object or list does, in UTF-8 or UTF-16."""
    start = data[:64].lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n\0")[:1]
    return start in (b"{", b"[")


def decoded(data: bytes) -> str:
    """``data`` as text. What is no UTF-8 becomes U+FFFD byte by byte, as Ollama reads it; UTF-16 is known by itself.

    Surrogates that were encoded one by one stay as they are.
    """
    if encoding := _utf_16(data):
        return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return _ESCAPED_BYTE.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


# Asked of every body: a number in bytes is found in a tenth of the time that it takes to find a byte, as Python raises
# an error within and passes over it each time that bytes are looked for with ``in``.
def is_utf_16(data: bytes) -> bool:
    """Whether ``data`` is text in UTF-16: by its mark, or as JSON."""
    begins = data[:2]
    return (0 in begins or 0xFE in begins) and bool(_utf_16(data))


def _utf_16(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if data[1:2] == b"\0" and data[:1] in (b"{", b"["):
        return "utf-16-le"
    return "utf-16-be" if data[:1] == b"\0" and data[1:2] in (b"{", b"[") else ""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


_DECODER = json.JSONDecoder(parse_int=_integer, strict=False)
