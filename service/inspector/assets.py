"""The page's own files: its HTML, its style, its scripts."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import refuse

FOLDER: Final = Path(__file__).parent / "page"
INDEX: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    # What others wrote, and the licences that go along with it.
    ".mjs": "text/javascript",
    ".txt": "text/plain",
    ".svg": "image/svg+xml",
}
# Nothing but this recorder's own files, and no other site's frame around them. Scripts and styles are files: a prompt
# that ends up in the page cannot run even if it became an element.
PAGE_HEADERS: Final = PRIVATE_HEADERS | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Kept, and checked each time: after an upgrade nobody runs an old script.
    "Cache-Control": "private, no-cache",
}


def serve_asset(name: str, headers: Mapping[str, str], status: int = 200) -> web.Response:
    """The file ``name`` of the page, ``state/feed.js`` for instance; 304 when the client has it."""
    if name not in _names():
        return refuse(404, "The page has no such file.")
    content, tag = _read(name)
    kind = _TYPES[Path(name).suffix]
    answered = PAGE_HEADERS | {"ETag": tag}
    if status == 200 and tag in headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=answered)
    charset = None if kind.startswith("image/") else "utf-8"
    return web.Response(status=status, body=content, content_type=kind, charset=charset, headers=answered)


@cache
def _names() -> frozenset[str]:
    # Listed once: a name that is not on the list reaches no file, whatever dots and slashes are in it.
    return frozenset(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.suffix in _TYPES)


@cache
def _read(name: str) -> tuple[bytes, str]:
    content = (FOLDER / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@cache
def _description() -> bytes:
    return (FOLDER.parent / "openapi.json").read_bytes()


def serve_description() -> web.Response:
    """What programs may request, as OpenAPI."""
    return web.Response(body=_description(), content_type="application/json", headers=PRIVATE_HEADERS)
