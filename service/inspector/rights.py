"""Which rights each of the recorder's own addresses asks for. What is not named here asks for bodies: default is no."""

import re
from typing import Final

from service.inspector.readers import Right

MCP: Final = "/mcp"
"""Where programs ask by MCP. Its tools are chosen by what a reader may."""

# These tell names, times and counts. Where one also tells first words, they are left out of its answer.
_NUMBERS: Final = frozenset(
    (
        *("/", "/metrics", "/status.json", "/models.json", "/queue.json", "/limits.json", "/openapi.json"),
        *("/exchanges.json", "/live", "/timeline.json", "/week.json", "/values.json", "/stats.json", "/stats.csv"),
        MCP,
    )
)
HAVE_WORDS: Final = frozenset({"/exchanges.json", "/queue.json"})
"""Answers of which the first words are left out for those who may see numbers only. ``/live`` does it by events."""

_REPLAYS: Final = re.compile(r"/exchanges/[^/]+/replay|/replays[./].*")
_WORDS: Final = "q"


def rights_for(method: str, path: str, asks_for: frozenset[str]) -> tuple[Right, ...]:
    """The rights that a request with these parameters needs, all of them.

    Who finds by words finds out words, also what to erase by them. A prompt that is sent again is answered in words.
    """
    words = (Right.BODIES,) if _WORDS in asks_for else ()
    if (method == "DELETE" and not _REPLAYS.fullmatch(path)) or path == "/erasing.json":
        return (Right.ERASE, *words)
    if _REPLAYS.fullmatch(path) and method not in ("GET", "HEAD"):
        return Right.REPLAY, Right.BODIES
    return words or ((Right.NUMBERS,) if path in _NUMBERS else (Right.BODIES,))
