"""PNGs with a palette: a third of the size, and of a page that has few colours the same picture to the eye."""

import base64
import struct
import zlib
from typing import Any

import numpy
from numpy.typing import NDArray
from playwright.async_api import Page

MOST_COLOURS = 256
# Chromium decodes what it has taken, so that nothing else has to.
_PIXELS = """async (picture) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const drawing = canvas.getContext("2d");
  drawing.drawImage(image, 0, 0);
  const { data } = drawing.getImageData(0, 0, image.width, image.height);
  let text = "";
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return [image.width, image.height, btoa(text)];
}"""


async def with_few_colours(page: Page, picture: bytes) -> bytes:
    """The PNG ``picture`` with at most 256 colours. ``page`` is any page: an empty one of its context decodes it."""
    empty = await page.context.new_page()
    width, height, pixels = await empty.evaluate(_PIXELS, base64.b64encode(picture).decode())
    await empty.close()
    rgba = numpy.frombuffer(base64.b64decode(pixels), numpy.uint8).reshape(height, width, 4)
    return encode(*reduced(rgba[:, :, :3]))


def reduced(rgb: NDArray[numpy.uint8]) -> tuple[NDArray[numpy.uint8], NDArray[numpy.uint8]]:
    """The picture as indices into a palette, and the palette: the most frequent colours, others as the nearest."""
    height, width, _ = rgb.shape
    # A colour is one number here: rows of three take numpy ten times as long to sort.
    packed = rgb.reshape(-1, 3).astype(numpy.uint32) @ numpy.array([1 << 16, 1 << 8, 1], numpy.uint32)
    numbers, which, counts = numpy.unique(packed, return_inverse=True, return_counts=True)
    colours = numpy.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=1).astype(numpy.uint8)
    palette = colours[_chosen(colours, counts)]
    nearest = numpy.empty(len(colours), numpy.uint8)
    for at, colour in enumerate(colours.astype(int)):
        nearest[at] = ((palette.astype(int) - colour) ** 2).sum(axis=1).argmin()
    return nearest[which.reshape(height, width)], palette


def encode(indices: NDArray[numpy.uint8], palette: NDArray[numpy.uint8]) -> bytes:
    """A PNG of 8 bits a pixel."""
    height, width = indices.shape
    rows = numpy.hstack([numpy.zeros((height, 1), numpy.uint8), indices])
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chosen(colours: NDArray[numpy.uint8], counts: NDArray[Any]) -> NDArray[Any]:
    """Which colours stay: the most frequent one of each small cube of colours, the fullest cubes first."""
    order = numpy.argsort(-counts, kind="stable")
    _, first, cube = numpy.unique(colours[order] >> 3, axis=0, return_index=True, return_inverse=True)
    filled = numpy.bincount(cube.reshape(-1), weights=counts[order])
    return numpy.asarray(order[first[numpy.argsort(-filled, kind="stable")][:MOST_COLOURS]])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
