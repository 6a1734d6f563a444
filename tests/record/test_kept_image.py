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
