"""A picture out of a kept body, found by the digest that the record names it by (``<image 2056 bytes sha256:…>``)."""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from service.record.bodies import first_document

# What browsers draw and cannot run. The words of `payloads` call further forms images too.
_FORMS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
# The shortest picture of any of these forms has some forty bytes.
_SHORTEST: Final = 40
_URL_SAFE: Final = str.maketrans("-_", "+/")
_DEEPEST: Final = 64
MOST_PIXELS: Final = 64_000_000
"""What a browser is given to draw: it takes four bytes for each. A file of some kilobytes may hold billions."""
# The parts of a JPEG that begin with its height and width.
_SIZE_OF_JPEG: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@dataclass(frozen=True, slots=True)
class KeptImage:
    """``content`` as it was sent, decoded; ``media_type`` by its first bytes, whatever its sender called it.

    ``pixels`` is what it says of itself; 0: it does not say.
    """

    content: bytes
    media_type: str
    pixels: int = 0


def find_image(body: bytes, digest: str) -> KeptImage | None:
    """The picture in ``body`` (JSON) whose SHA-256 is ``digest`` (hexadecimal, lower case).

    None: there is none, it was not kept whole, or no browser draws it.
    """
    # Loaded with OpenSSL, which takes as long as ten other modules.
    from hashlib import sha256

    for text in _texts(first_document(body), _DEEPEST):
        content = _decoded(text)
        media_type = None if content is None else _media_type(content)
        if content is not None and media_type is not None and sha256(content).hexdigest() == digest:
            return KeptImage(content, media_type, _pixels(content, media_type))
    return None


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= _SHORTEST:
            yield value
    elif depth and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner, depth - 1)


def _decoded(text: str) -> bytes | None:
    """What ``text`` holds as base64, also of the form for addresses, in lines, or in a data URL; else None."""
    _, separator, rest = text.partition(";base64,")
    plain = "".join((rest if separator else text).split()).translate(_URL_SAFE).rstrip("=")
    if not plain.isascii():
        return None
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
    except binascii.Error:
        return None


def _media_type(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((name for beginning, name in _FORMS if content.startswith(beginning)), None)


def _pixels(content: bytes, media_type: str) -> int:
    number = int.from_bytes
    if media_type == "image/png":
        return number(content[16:20], "big") * number(content[20:24], "big")
    if media_type == "image/gif":
        return number(content[6:8], "little") * number(content[8:10], "little")
    if media_type == "image/jpeg":
        return _pixels_of_jpeg(content)
    form, size = content[12:16], content[21:30]
    if form == b"VP8X":
        return (number(content[24:27], "little") + 1) * (number(content[27:30], "little") + 1)
    if form == b"VP8L":
        bits = number(size[:4], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (number(size[5:7], "little") & 0x3FFF) * (number(size[7:9], "little") & 0x3FFF)


def _pixels_of_jpeg(content: bytes) -> int:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _SIZE_OF_JPEG:
            height, width = content[at + 5 : at + 7], content[at + 7 : at + 9]
            return int.from_bytes(height, "big") * int.from_bytes(width, "big")
        # Each part tells how long it is; a filling byte has none.
        at += 1 if content[at + 1] == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return 0
