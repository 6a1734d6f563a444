"""What all answers of the recorder's own addresses have in common: JSON, errors, headers that keep it private."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

PRIVATE_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # No other page may embed it: not as a frame, a script or a picture either.
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def say(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """``value`` as JSON."""
    return web.Response(
        status=status,
        body=orjson.dumps(value),
        content_type="application/json",
        headers=PRIVATE_HEADERS | dict(headers or {}),
    )


def refuse(status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> web.Response:
    """``message`` says what is wrong and what to do."""
    return say({"error": message, **more}, status, headers)
