"""A body as the text that stands in a record: as it was sent, its payloads replaced by a word about them."""

import re
from base64 import b64encode
from hashlib import sha256

from service.record.bodies import decoded, gap_in, is_like_json, is_utf_16, left_out
from service.record.exchange import Body
from service.record.payloads import described, without_payloads

# Few: what is not text is seldom worth reading, and the journal holds the kept bytes anyway.
_BINARY_SHOWN = 300
_TEXT_IN_ANOTHER_ENCODING_SHOWN = 12_000
_MOST_PARTS = 64
# The most characters of a text that may have been no UTF-8, as a share.
_ODD_IN_TEXT, _ODD_ELSEWHERE = 0.3, 0.1

_HALF = re.compile(r"[\ud800-\udfff]")
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})', re.IGNORECASE)
_PART_TYPE = re.compile(rb"content-type:[ \t]{0,20}([a-z]{1,40})/", re.IGNORECASE)


def copy_of(body: Body, kept: bytes) -> tuple[str, bool]:
    """``kept`` (the bytes kept of ``body``, joined) as text, and whether some of it is not shown.

    Text stays exactly as it was sent but for payloads. Its bytes that are no UTF-8 become U+FFFD, as Ollama reads them;
    what is no text becomes ``base64:…``.
    """
    if body.content_type.startswith("multipart/"):
        kept = _without_files(body, kept)
    if is_utf_16(kept):
        kept = decoded(kept).encode("utf-8", "replace")
    kept = without_payloads(kept)
    try:
        return kept.decode(), False
    except UnicodeDecodeError:
        pass
    # Halves of characters in three bytes each are no UTF-8 either.
    text = _HALF.sub("\ufffd" * 3, decoded(kept))
    if _is_text(body, kept, text):
        return text, False
    is_said_to_be_text = "json" in body.content_type or body.content_type.startswith("text/")
    shown = kept[: _TEXT_IN_ANOTHER_ENCODING_SHOWN if is_said_to_be_text else _BINARY_SHOWN]
    text = "base64:" + b64encode(shown).decode()
    missing = max(body.length, len(kept)) - len(shown)
    return (text + left_out(missing).rstrip(), True) if missing > 0 else (text, False)


def _is_text(body: Body, kept: bytes, text: str) -> bool:
    """Whether ``kept`` is text of which only some bytes are no UTF-8: a name in Latin-1, a character that was cut."""
    if body.content_encoding:
        # Compressed in a way that nobody here reads.
        return False
    if is_like_json(kept):
        return True
    share = _ODD_IN_TEXT if "json" in body.content_type or body.content_type.startswith("text/") else _ODD_ELSEWHERE
    return b"\0" not in kept and text.count("\ufffd") <= share * len(text)


def _without_files(body: Body, kept: bytes) -> bytes:
    """A multipart form with its files (an audio to be transcribed) replaced."""
    boundary = _BOUNDARY.search(body.content_type)
    if boundary is None:
        return kept
    delimiter = b"--" + boundary[1].encode("utf-8", "replace")
    parts = kept.split(delimiter, _MOST_PARTS)
    return delimiter.join([_without_file(part) for part in parts])


def _without_file(part: bytes) -> bytes:
    headers, blank, content = part.partition(b"\r\n\r\n")
    if not blank or b"filename" not in headers.lower():
        return part
    ending = b"\r\n" if content.endswith(b"\r\n") else b""
    content = content.removesuffix(ending)
    named = _PART_TYPE.search(headers)
    kind = named[1].decode().lower() if named else "data"
    if kind not in ("audio", "image", "video"):
        kind = "data"
    gap = gap_in(content)
    if gap is None:
        return headers + blank + described(kind, len(content), sha256(content).hexdigest()) + ending
    count = len(content) - len(gap[0]) + int(re.sub(rb"\D", b"", gap[0]))
    return headers + blank + f"<{kind} {count} bytes, not whole>".encode() + ending
