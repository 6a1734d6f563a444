"""Images, other base64 payloads and embedding vectors, replaced by a word about them.

The text is edited where it stands instead of being parsed and written anew: everything else
stays exactly as it was sent, a broken or shortened JSON works as well as a whole one, and a
body without payloads costs three searches. A JSON string becomes a JSON string, a list of
numbers becomes a JSON string, so JSON stays JSON.
"""

import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterator
from itertools import chain

from service.record.bodies import GAP_MARK

LONG_PAYLOAD = 1000
_STEP = 512
_LONGEST_ADDRESS = 2048
# Base64 as JSON may write it: \/ for a slash, \n between lines, \u002B for a plus.
_PAYLOAD_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-\\"
_PAYLOAD = rb"[A-Za-z0-9+/=_\\-]"
_PAYLOAD_RUN = re.compile(_PAYLOAD + rb"+")
_PAYLOAD_PROBE = re.compile(_PAYLOAD + rb"{488}")
_LOOKS_ENCODED = (re.compile(rb"[A-Z]"), re.compile(rb"[a-z]"), re.compile(rb"[0-9]"))
_LIST_VALUE = re.compile(rb"\s{0,20}:\s{0,20}\[")
_LIST_OR_TEXT_VALUE = re.compile(rb'\s{0,20}:\s{0,20}(?:(\[)|")')
_ENCODED_VALUE = re.compile(rb'\s{0,20}:\s{0,20}"(?=[A-Za-z0-9+/\\])')
_LISTED = re.compile(rb'\s{0,200},?\s{0,200}"')
_DATA_URL = re.compile(rb"data:([a-zA-Z0-9.+-]{0,60})\\?/?[a-zA-Z0-9.+;=-]{0,120};base64,")
_NUMBERS = rb"[0-9eE+.,\s-]"
_NUMBER_LIST = re.compile(rb"\[(" + _NUMBERS + rb"*)\]")
_NESTED = re.compile(rb"\[\s{0,200}(?=\[)")
_NEXT_LIST = re.compile(rb"\s{0,200},\s{0,200}(?=\[)")
_NUMBER_PROBE = re.compile(_NUMBERS + rb"{488}")
_EITHER_PROBE = re.compile(_PAYLOAD + rb"{488}|" + _NUMBERS + rb"{488}")
_KEYED_LIST = re.compile(rb'(?<!\\)"[A-Za-z0-9_.-]{1,64}"\s{0,20}:\s{0,20}\[[\s\[]{0,20}$')
_MOST_SMALL_NUMBERS = 16

_DECODED_AT_ONCE = 65536

_IMAGES_BEGIN = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")
_AUDIO_BEGINS = (b"ID3", b"OggS", b"fLaC")

# (start, end, what to write instead)
_Edit = tuple[int, int, bytes]


def without_payloads(data: bytes) -> bytes:
    """``data`` with its payloads replaced; the very same object when it holds none."""
    edits: list[_Edit] = []
    # ``in`` would raise an error within and pass over it: that takes twice as long.
    if data.find(b"base64") >= 0 or data.find(b"input_audio") >= 0:
        edits += chain(_data_urls(data), _data_fields(data))
    if data.find(b'"images"') >= 0:
        edits += _native_images(data)
    if data.find(b'"embedding') >= 0:
        edits += _embeddings(data)
    if len(data) >= LONG_PAYLOAD and _may_hold_long_ones(data):
        edits += chain(_long_runs(data, edits), _long_number_lists(data))
    if not edits:
        return data
    pieces: list[bytes] = []
    done = 0
    for start, end, instead in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= done:
            pieces += (data[done:start], instead)
            done = end
    pieces.append(data[done:])
    return b"".join(pieces)


def described(kind: str, length: int, digest: str) -> bytes:
    """``<image 183204 bytes sha256:…>``: the length and the digest of the decoded bytes of a payload."""
    return f"<{kind} {length} bytes sha256:{digest}>".encode()


def word_of(content: str, kind: str) -> str:
    """The same for a payload that stands by itself, as base64 or data URL; an address stays as it is."""
    if content.startswith(("http://", "https://")):
        return content[:_LONGEST_ADDRESS]
    data = content.encode("utf-8", "surrogatepass")
    url = _DATA_URL.match(data)
    edit = _payload_edit(data, 0, url.end() if url else 0, kind)
    return edit[2].decode() if edit and edit[1] == len(data) else f"<{kind} of {len(content)} characters>"


def _keys(data: bytes, key: bytes, value: "re.Pattern[bytes]") -> Iterator["re.Match[bytes]"]:
    """Each place where ``key`` (with its quotes) has such a ``value``; not inside a text, where quotes are escaped."""
    at = data.find(key)
    while at >= 0:
        end = at + len(key)
        if not data.endswith(b"\\", 0, at) and (found := value.match(data, end)):
            yield found
        at = data.find(key, end)


def _payload_end(data: bytes, start: int) -> tuple[int, int]:
    """Where the payload that starts here ends, across a gap of ours; its length as sent, 0 when it is whole."""
    run = _PAYLOAD_RUN.match(data, start)
    if run is None:
        return start, 0
    gap = GAP_MARK.match(data, run.end())
    if gap is None:
        return _before_escape(data, start, run.end()), 0
    rest = _PAYLOAD_RUN.match(data, gap.end())
    end = _before_escape(data, gap.end(), rest.end()) if rest else gap.end()
    return end, end - start - len(gap[0]) + int(gap[1])


def _before_escape(data: bytes, start: int, end: int) -> int:
    """``end``, less a backslash that belongs to what follows (the quote of a string in a string)."""
    backslashes = end - start - len(data[max(start, end - 64) : end].rstrip(b"\\")) - max(0, end - 64 - start)
    return end - backslashes if backslashes and data[end : end + 1] == b'"' else end


def _payload_edit(data: bytes, start: int, at: int, kind: str) -> _Edit | None:
    """Replace from ``start``; the payload proper begins ``at``."""
    end, sent = _payload_end(data, at)
    if end <= at:
        return None
    if sent:
        return start, end, f"<{kind} {sent * 3 // 4} bytes, not whole>".encode()
    content = _decoded(data[at:end])
    if content is None:
        return None
    length, digest, beginning = content
    return start, end, described(_kind(beginning) if kind == "data" else kind, length, digest)


def _kind(beginning: bytes) -> str:
    if beginning.startswith(_IMAGES_BEGIN) or beginning[8:12] == b"WEBP":
        return "image"
    if beginning.startswith(_AUDIO_BEGINS) or beginning[8:12] == b"WAVE":
        return "audio"
    return "data"


def _decoded(text: bytes) -> tuple[int, str, bytes] | None:
    """The length, SHA-256 and first bytes of what base64 ``text`` holds; None when it is no base64."""
    if b"\\" in text:
        text = text.replace(b"\\/", b"/").replace(b"\\n", b"").replace(b"\\r", b"")
        text = re.sub(rb"\\u00(2[bBfF]|3[dD])", lambda escape: bytes([int(escape[1], 16)]), text)
        if b"\\" in text:
            return None
    if b"-" in text or b"_" in text:
        text = text.translate(_FROM_URL_SAFE)
    text = text.rstrip(b"=")
    if len(text) % 4 == 1:
        text = text[:-1]
    text += b"=" * (-len(text) % 4)
    # Loaded with OpenSSL, which takes as long as ten other modules.
    from hashlib import sha256

    length, digest, beginning = 0, sha256(), b""
    try:
        # In pieces, as other threads wait while one is decoded.
        for at in range(0, len(text), _DECODED_AT_ONCE):
            content = a2b_base64(text[at : at + _DECODED_AT_ONCE])
            beginning = beginning or content[:16]
            length += len(content)
            digest.update(content)
    except NotBase64:
        return None
    return length, digest.hexdigest(), beginning


_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _data_urls(data: bytes) -> Iterator[_Edit]:
    for url in _DATA_URL.finditer(data):
        kind = url[1].decode()
        edit = _payload_edit(data, url.start(), url.end(), kind if kind in ("image", "audio", "video") else "data")
        if edit:
            yield edit


def _data_fields(data: bytes) -> Iterator[_Edit]:
    for field in _keys(data, b'"data"', _ENCODED_VALUE):
        edit = _payload_edit(data, field.end(), field.end(), "data")
        # A short word that happens to be base64 stays.
        if edit and edit[1] - edit[0] >= 40 and data[edit[1] : edit[1] + 1] == b'"':
            yield edit


def _native_images(data: bytes) -> Iterator[_Edit]:
    for images in _keys(data, b'"images"', _LIST_VALUE):
        quote = _LISTED.match(data, images.end())
        while quote:
            at = quote.end()
            url = _DATA_URL.match(data, at)
            edit = _payload_edit(data, at, url.end() if url else at, "image")
            if edit is None or data[edit[1] : edit[1] + 1] != b'"':
                break
            yield edit
            quote = _LISTED.match(data, edit[1] + 1)


def _embeddings(data: bytes) -> Iterator[_Edit]:
    for found in chain(
        _keys(data, b'"embedding"', _LIST_OR_TEXT_VALUE), _keys(data, b'"embeddings"', _LIST_OR_TEXT_VALUE)
    ):
        at = found.end()
        if not found[1]:
            end, sent = _payload_end(data, at)
            content = None if sent else _decoded(data[at:end])
            if content is not None and content[0] > 4 * _MOST_SMALL_NUMBERS and data[end : end + 1] == b'"':
                # OpenAI's base64 form holds 32-bit floats.
                yield at, end, f"<{content[0] // 4} numbers>".encode()
            continue
        nested = _NESTED.match(data, at - 1)
        numbers = _NUMBER_LIST.match(data, nested.end() if nested else at - 1)
        while numbers:
            if edit := _number_edit(numbers, _MOST_SMALL_NUMBERS):
                yield edit
            following = _NEXT_LIST.match(data, numbers.end())
            numbers = _NUMBER_LIST.match(data, following.end()) if following else None


def _number_edit(numbers: "re.Match[bytes]", most: int) -> _Edit | None:
    count = numbers[1].count(b",") + 1
    return (numbers.start(), numbers.end(), f'"<{count} numbers>"'.encode()) if count > most else None


def _may_hold_long_ones(data: bytes) -> bool:
    """Whether one of the probes of the two searches below would hit; it seldom does, and most bodies end here."""
    probe = _EITHER_PROBE.match
    return any(probe(data, at) for at in range(_STEP, len(data), _STEP))


def _long_number_lists(data: bytes) -> Iterator[_Edit]:
    """Long lists of numbers under any name, such as the tokens of a ``context``."""
    done = 0
    for at in range(_STEP, len(data), _STEP):
        if at < done or not _NUMBER_PROBE.match(data, at):
            continue
        start = data.rfind(b"[", max(done, at - _STEP - 64), at)
        numbers = _NUMBER_LIST.match(data, start) if start >= 0 else None
        if numbers and _KEYED_LIST.search(data, max(0, start - 128), start + 1):
            done = numbers.end()
            if edit := _number_edit(numbers, _MOST_SMALL_NUMBERS):
                yield edit


def _long_runs(data: bytes, known: list[_Edit]) -> Iterator[_Edit]:
    """Every run of a thousand characters that only base64 is made of, found by probing each 512th byte."""
    ends = {start // _STEP: end for start, end, _ in known}
    at = done = 0
    while at < len(data):
        if at < done or not _PAYLOAD_PROBE.match(data, at):
            done = max(done, ends.get(at // _STEP, 0))
            at = max(at + _STEP, done // _STEP * _STEP)
            continue
        low = max(done, at - _STEP)
        start = low + len(data[low:at].rstrip(_PAYLOAD_BYTES))
        done, _ = _payload_end(data, start)
        sample = data[start : start + 4096]
        if done - start >= LONG_PAYLOAD and all(kind.search(sample) for kind in _LOOKS_ENCODED):
            edit = _payload_edit(data, start, start, "data")
            if edit:
                yield edit
        at = max(at + _STEP, done // _STEP * _STEP)
