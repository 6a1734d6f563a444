"""Alive, ready, degraded: what ``/healthz`` and ``/readyz`` answer."""

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Component:
    """The state of one part. ``needed``: without it nothing can be proxied and recorded."""

    name: str
    trouble: str | None
    needed: bool


def readiness(parts: list[Component]) -> tuple[int, bytes]:
    """Status and JSON body: 503 ``unready`` when a needed part is in trouble, else 200 ``ready`` or ``degraded``."""
    trouble = {part.name: part.trouble for part in parts if part.trouble}
    if any(part.needed and part.trouble for part in parts):
        status, word = 503, "unready"
    else:
        status, word = 200, "degraded" if trouble else "ready"
    return status, orjson.dumps({"status": word, "degraded": trouble, "parts": [part.name for part in parts]})
