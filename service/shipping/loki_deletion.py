"""Asking Loki to delete what was erased here: which requests, and what its answers mean.

Loki deletes by streams and line filters. Every line of an exchange has its id in it, in both streams, so a request
names some ids and the time in which they ended. Loki's queries leave those lines out as soon as its queriers have read
the request, which they do every five minutes (``cacheDuration`` in its delete_requests_client.go); they go from its
files when ``delete_request_cancel_period`` is over (Loki's documentation, *Log entry deletion*).
"""

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

DELETE_PATH: Final = "/loki/api/v1/delete"
# Two streams for each: an address stays below 8 kB, which proxies take.
IDS_A_REQUEST: Final = 100
_SELECTORS: Final = ('{job="nginx", service="ollama"}', '{job="spans", service="ollama"}')
_SECOND_NS: Final = 1_000_000_000
_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Erased:
    """An exchange that was erased: its ``id``, and the time of its lines in Loki (Unix nanoseconds)."""

    id: str
    ended_ns: int


@dataclass(frozen=True, slots=True)
class LokiDeletion:
    """``requests`` are the paths to be asked with POST; ``is_asked``: Loki took all; ``text`` says what is so."""

    requests: tuple[str, ...]
    is_asked: bool
    text: str


@dataclass(frozen=True, slots=True)
class LokiAddress:
    """A Loki that is shipped to: base address, and the headers that open it."""

    url: str
    headers: Mapping[str, str]


def deletion_requests(erased: Sequence[Erased], with_spans: bool) -> tuple[str, ...]:
    """Paths with their queries; asked with POST each, they delete all lines of ``erased``."""
    requests = []
    for first in range(0, len(erased), IDS_A_REQUEST):
        some = erased[first : first + IDS_A_REQUEST]
        filtering = some[0].id if len(some) == 1 else "|".join(one.id for one in some)
        operator = "|=" if len(some) == 1 else "|~"
        ended = [one.ended_ns for one in some]
        # Whole seconds, both ends included: what ended within them is found.
        times = {"start": str(min(ended) // _SECOND_NS), "end": str(max(ended) // _SECOND_NS + 1)}
        for selector in _SELECTORS if with_spans else _SELECTORS[:1]:
            query = {"query": f'{selector} {operator} "{filtering}"', **times}
            requests.append(f"{DELETE_PATH}?{urlencode(query)}")
    return tuple(requests)


def ask_loki(loki: LokiAddress, requests: Sequence[str]) -> LokiDeletion:
    """Make ``requests``, one after the other, until one is refused. Blocks; never raises for what Loki answers."""
    for path in requests:
        question = urllib.request.Request(loki.url + path, b"", dict(loki.headers), method="POST")
        try:
            with urllib.request.urlopen(question, timeout=_TIMEOUT_SECONDS):
                pass
        except urllib.error.HTTPError as refusal:
            with refusal:
                said = refusal.read(500).decode("utf-8", "replace").strip()
            return LokiDeletion(tuple(requests), False, _refused(refusal.code, said))
        except OSError as error:
            reason = getattr(error, "reason", error)
            text = f"Loki at {loki.url} could not be asked ({reason}): ask it again with the requests."
            return LokiDeletion(tuple(requests), False, text)
    return LokiDeletion(
        tuple(requests),
        True,
        "Loki was asked: its queries leave the lines out within five minutes, and they go from its files after its"
        " delete_request_cancel_period.",
    )


def _refused(status: int, said: str) -> str:
    if status == 404 or "deletion is not available" in said or "not enabled" in said:
        return (
            "Loki's deletion is off: set deletion_mode: filter-and-delete, and in compactor retention_enabled: true"
            " and delete_request_store (as loki/loki.yaml has them); then make the requests."
        )
    if status in (401, 403):
        return f"Loki refused the deletion ({status}): the tenant or login that ships may not delete. {said}".strip()
    return f"Loki refused the deletion: HTTP {status} {said}".strip()
