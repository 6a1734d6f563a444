"""What keeps an answer of the recorder's own addresses to whoever asked for it."""

from typing import Final

PRIVATE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": browsers then send our own forms with "Origin: null", as if they were a stranger's.
    "Referrer-Policy": "same-origin",
    # No other page may embed it: not as a frame, a script or a picture either.
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
