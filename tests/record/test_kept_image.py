"""Pictures are found in kept bodies by their digest, and nothing else is ever called one."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from service.record.kept_image import find_image
from service.record.payloads import without_payloads

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
FORMS = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(60),
    "image/gif": b"GIF89a" + bytes(60),
    "image/webp": b"RIFF\x20\x00\x00\x00WEBP" + bytes(60),
}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def native(content: bytes) -> dict[str, Any]:
    images = [base64.b64encode(content).decode()]
    return {"messages": [{"role": "user", "content": "What is it?", "images": images}]}


def openai(content: bytes) -> dict[str, Any]:
    url = "data:image/png;base64," + base64.b64encode(content).decode()
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


def anthropic(content: bytes) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(content).decode()}
    return {"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]}


@pytest.mark.parametrize("shape", [native, openai, anthropic])
@pytest.mark.parametrize("media_type", FORMS)
def test_it_is_found_by_the_digest_that_the_record_has(media_type: str, shape: Any) -> None:
    content = FORMS[media_type]
    body = json.dumps(shape(content)).encode()
    (named,) = re.findall(rb"sha256:([0-9a-f]{64})", without_payloads(body))
    found = find_image(body, named.decode())
    assert found is not None
    assert (found.content, found.media_type) == (content, media_type)


@pytest.mark.parametrize(
    "text",
    [
        base64.urlsafe_b64encode(PNG).decode(),
        base64.b64encode(PNG).decode().rstrip("="),
        base64.encodebytes(PNG).decode(),
        base64.encodebytes(PNG).decode().replace("\n", "\r\n"),
    ],
    ids=["for addresses", "unpadded", "in lines", "in lines of mail"],
)
def test_every_way_to_write_it_is_read(text: str) -> None:
    found = find_image(json.dumps({"images": [text]}).encode(), digest(PNG))
    assert found is not None
    assert found.content == PNG


def test_of_several_it_is_the_one_that_is_meant() -> None:
    other = PNG + b"other"
    body = json.dumps([native(PNG), native(other)][1] | {"more": native(PNG)}).encode()
    for content in (PNG, other):
        found = find_image(body, digest(content))
        assert found is not None
        assert found.content == content


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'


@pytest.mark.parametrize(
    ("body", "content"),
    [
        # What could run, whatever it is called, and what no browser draws.
        (json.dumps(native(SVG)).encode(), SVG),
        (json.dumps({"u": "data:image/svg+xml;base64," + base64.b64encode(SVG).decode()}).encode(), SVG),
        (json.dumps(native(b"II*\x00" + bytes(60))).encode(), b"II*\x00" + bytes(60)),
        (json.dumps(native(b"<html>" + bytes(60))).encode(), b"<html>" + bytes(60)),
        # Another picture, a body that is none, or not whole, or far too deep.
        (json.dumps(native(PNG)).encode(), PNG + b"!"),
        (b"", PNG),
        (b"no json", PNG),
        (json.dumps(native(PNG)).encode()[:90], PNG),
        (b"[" * 5000 + b"]" * 5000, PNG),
        (json.dumps({"images": ["é" * 100, "=" * 100, "a" * 41, 7, None, {}]}).encode(), PNG),
    ],
)
def test_nothing_else_is_a_picture(body: bytes, content: bytes) -> None:
    assert find_image(body, digest(content)) is None


def jpeg(width: int, height: int) -> bytes:
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xff\xc2\x00\x11\x08" + size + bytes(40)


def webp(form: bytes, size: bytes) -> bytes:
    return b"RIFF\x20\x00\x00\x00WEBP" + form + b"\x10\x00\x00\x00" + size + bytes(40)


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (PNG[:8] + b"\x00\x00\x00\x0dIHDR\x00\x00\x75\x40\x00\x00\x75\x40" + bytes(40), 30_016 * 30_016),
        (b"GIF89a\x2c\x01\x0a\x00" + bytes(40), 3000),
        (jpeg(300, 10), 3000),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(60), 0),
        (b"\xff\xd8\xff" + b"\xff" * 60, 0),
        (webp(b"VP8X", bytes(4) + b"\x2b\x01\x00\x09\x00\x00"), 3000),
        (webp(b"VP8L", b"\x2f" + (299 | 9 << 14).to_bytes(4, "little")), 3000),
        (webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a\x2c\x01\x0a\x00"), 3000),
    ],
)
def test_how_many_pixels_it_says_it_has(content: bytes, pixels: int) -> None:
    found = find_image(json.dumps(native(content)).encode(), digest(content))
    assert found is not None
    assert found.pixels == pixels
