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


@dataclass(frozen=True, slots=True)
class KeptImage:
    """``content`` as it was sent, decoded; ``media_type`` by its first bytes, whatever its sender called it."""

    content: bytes
    media_type: str


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
            return KeptImage(content, media_type)
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
