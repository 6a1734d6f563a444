"""Alive, ready, degraded: what ``/healthz`` and ``/readyz`` answer."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from service.json_writing import write_json

OLLAMA: Final = "ollama"
"""The part that a container's health check leaves out: a recorder whose Ollama is away is none the worse."""


@dataclass(frozen=True, slots=True)
class Component:
    """The state of one part. ``needed``: without it nothing can be proxied and recorded."""

    name: str
    trouble: str | None
    needed: bool


def readiness(parts: list[Component], left_out: Collection[str] = ()) -> tuple[int, bytes]:
    """Status and JSON body: 503 ``unready`` when a needed part is in trouble, else 200 ``ready`` or ``degraded``.

    The parts ``left_out`` count as if they were not there. Raises ValueError when there is none of that name.
    """
    names = [part.name for part in parts]
    if unknown := sorted(set(left_out) - set(names)):
        raise ValueError(f"exclude={unknown[0]}: there is no such part. Expected is one of {', '.join(names)}.")
    parts = [part for part in parts if part.name not in left_out]
    trouble = {part.name: part.trouble for part in parts if part.trouble}
    if any(part.needed and part.trouble for part in parts):
        status, word = 503, "unready"
    else:
        status, word = 200, "degraded" if trouble else "ready"
    return status, write_json({"status": word, "degraded": trouble, "parts": [part.name for part in parts]})
