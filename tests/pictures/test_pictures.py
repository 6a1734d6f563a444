"""The pictures of the guides: each is shown with words, is small, and asks nobody for anything."""

import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest

from tests.pictures.png import MOST_COLOURS, encode, reduced
from tests.servers.recorder import PROJECT

PICTURES = sorted((PROJECT / "docs" / "pictures").iterdir())
LARGEST = 150_000  # bytes: a README with ten of them is still there at once
PAGES = [PROJECT / "README.md", PROJECT / "n8n" / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def shown() -> dict[Path, str]:
    """Each picture that a page shows, and the words for who cannot see it."""
    found: dict[Path, str] = {}
    for page in PAGES:
        text = page.read_text()
        pairs = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
        pairs += [(words, source) for words, source in re.findall(r'<img alt="([^"]*)" src="([^"]+)"', text)]
        pairs += [("the same in the dark", source) for source in re.findall(r'<source [^>]*srcset="([^"]+)"', text)]
        found |= {(page.parent / source).resolve(): words for words, source in pairs}
    return found


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_shown_with_words_and_is_small(picture: Path) -> None:
    assert len(shown()[picture].split()) >= 4
    assert picture.stat().st_size <= LARGEST


def test_every_picture_that_is_shown_is_there() -> None:
    assert [path for path in shown() if not path.is_file()] == []


@pytest.mark.parametrize("picture", [path for path in PICTURES if path.suffix == ".svg"], ids=lambda path: path.name)
def test_a_drawing_asks_nobody_for_anything(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    ElementTree.fromstring(text)  # noqa: S314 - our own
    assert not re.findall(r"https?://(?!www\.w3\.org/|www\.textualize\.io)|href|@import|@font-face|<script", text)


def test_no_picture_names_this_checkout() -> None:
    assert [path.name for path in PICTURES if str(PROJECT).encode() in path.read_bytes()] == []


def test_a_picture_of_few_colours_stays_as_it_is() -> None:
    rgb = numpy.zeros((3, 4, 3), numpy.uint8)
    rgb[1, :] = (250, 10, 0)
    rgb[2, 1:3] = (0, 8, 255)
    indices, palette = reduced(rgb)
    assert (palette[indices] == rgb).all()
    written = encode(indices, palette)
    assert written[:8] == b"\x89PNG\r\n\x1a\n"
    chunks = _chunks(written)
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (4, 3, 8, 3, 0, 0, 0)
    rows = numpy.frombuffer(zlib.decompress(chunks[b"IDAT"]), numpy.uint8).reshape(3, 5)
    assert not rows[:, 0].any()
    colours = numpy.frombuffer(chunks[b"PLTE"], numpy.uint8).reshape(-1, 3)
    assert (colours[rows[:, 1:]] == rgb).all()


def test_of_many_colours_the_most_frequent_stay_and_others_become_the_nearest() -> None:
    rgb = numpy.full((64, 64, 3), 128, numpy.uint8)
    rgb[:32, :, 0] = numpy.arange(64) * 4
    rgb[:32, :, 1] = numpy.arange(32)[:, None] * 8
    indices, palette = reduced(rgb)
    assert len(palette) == MOST_COLOURS
    assert (palette[indices][32:] == 128).all()
    for colour, chosen in zip(rgb[17].astype(int), indices[17], strict=True):
        distances = ((palette.astype(int) - colour) ** 2).sum(axis=1)
        assert distances[chosen] == distances.min()


def _chunks(png: bytes) -> dict[bytes, bytes]:
    found, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + body),)
        found[kind] = body
        at += 12 + length
    return found
