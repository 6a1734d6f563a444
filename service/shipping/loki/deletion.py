"""Asking Loki to delete what was erased here: which requests, and what its answers mean.

A request names ids and the time in which they ended. Ids are compared with the structured metadata of each line, not
looked for in its text. The text may name another exchange, as in a replay or a prompt, and that of an inner span
names none. What else Loki 3.7 does (``pkg/compactor/deletion``, ``pkg/querier/deletion``):

* It answers 400 to an end that its clock has not reached, and lets a tenant delete only where retention is on.
* Queries leave the lines out within five minutes: for so long it remembers which deletions there are.
* They go from its files when ``delete_request_cancel_period`` is over, and only from its files: of what it then still
  holds in memory (``max_chunk_age``), nothing goes.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, starmap
from typing import Final
from urllib.parse import urlencode

from service.record.timestamps import write_time
from service.shipping.asking import ask, printable
from service.shipping.loki.settings import LokiSettings

DELETE_PATH: Final = "/loki/api/v1/delete"
# An address stays below 8 kB, which proxies take.
IDS_A_REQUEST: Final = 200
_SHOWN: Final = 100
_MILLISECOND_NS: Final = 1_000_000
_TIMEOUT_SECONDS: Final = 10.0
# Loki's clock may be a little behind, or Loki busy.
_TRIES: Final = 5
_SECONDS_BETWEEN_TRIES: Final = 1.0
_IN_THE_FUTURE: Final = "in the future"


@dataclass(frozen=True, slots=True)
class Erased:
    """An exchange that was erased: its ``id``, and the time of its lines in Loki (Unix nanoseconds)."""

    id: str
    ended_ns: int


@dataclass(frozen=True, slots=True)
class LokiDeletion:
    """What became of it: ``text`` is a sentence for people.

    ``is_asked``: Loki took all, and ``requests`` are the first hundred of them. Otherwise ``requests`` are all that it
    did not take: paths, to be asked with POST.
    """

    requests: tuple[str, ...]
    is_asked: bool
    text: str


def delete_lines(
    loki: LokiSettings,
    exchanges: Iterable[tuple[str, int]],
    whole_time: tuple[int, int] | None = None,
    *,
    instance: str,
) -> LokiDeletion:
    """Have Loki delete the lines of ``exchanges`` (id, end in Unix nanoseconds), or all that ended in ``whole_time``.

    ``instance`` is this journal's label: other recorders may ship to the same Loki. Blocks; never raises.
    """
    if whole_time is not None:
        return ask_loki(loki, deletion_of_a_time(*whole_time, loki.with_spans, instance))
    return ask_loki(loki, deletion_requests(starmap(Erased, exchanges), loki.with_spans, instance))


def deletion_requests(erased: Iterable[Erased], with_spans: bool, instance: str) -> tuple[str, ...]:
    """Paths with their queries; asked with POST each, they delete all lines of ``erased``."""
    selector = _selector(with_spans, instance)
    rest = iter(erased)
    requests = []
    while some := tuple(islice(rest, IDS_A_REQUEST)):
        ids = "|".join(exchange.id for exchange in some)
        ended = [exchange.ended_ns for exchange in some]
        requests.append(_path(f'{selector} | exchange=~"{ids}"', min(ended), max(ended)))
    return tuple(requests)


def deletion_of_a_time(since_ns: int, until_ns: int, with_spans: bool, instance: str) -> tuple[str, ...]:
    """The one request that deletes all that ended between two times (Unix nanoseconds, both included)."""
    return (_path(_selector(with_spans, instance), since_ns, until_ns),)


def ask_loki(loki: LokiSettings, requests: Sequence[str]) -> LokiDeletion:
    """Make ``requests``, one after the other, until one is refused. Blocks; never raises for what Loki answers."""
    for done, path in enumerate(requests):
        if refusal := _ask(loki, path):
            return LokiDeletion(tuple(requests[done:]), False, refusal)
    return LokiDeletion(
        tuple(requests[:_SHOWN]),
        True,
        "Loki was asked: its queries leave the lines out within five minutes, and they go from its files after its"
        " delete_request_cancel_period.",
    )


def _ask(loki: LokiSettings, path: str) -> str:
    """Why Loki did not take it; empty: it did."""
    refusal = ""
    for tries in range(_TRIES):
        if tries:
            time.sleep(_SECONDS_BETWEEN_TRIES)
        try:
            answer = ask(loki.base + path, "POST", headers=loki.headers, seconds=_TIMEOUT_SECONDS)
        except OSError as error:
            reason = printable(str(error) or type(error).__name__)
            return f"Loki at {loki.base} could not be asked ({reason}): make the requests when it can be."
        if 200 <= answer.status < 300:
            return ""
        text = printable(answer.body[:500].decode("utf-8", "replace").strip())
        refusal = _refused(answer.status, text)
        if not (answer.status == 429 or answer.status >= 500 or _IN_THE_FUTURE in text):
            break
    return refusal


def _refused(status: int, answer: str) -> str:
    quoted = f"HTTP {status}: {answer}" if answer else f"HTTP {status}"
    if status == 404 or "deletion is not available" in answer or "not enabled" in answer:
        return (
            f"Loki's deletion is off ({quoted}). Set in its configuration deletion_mode: filter-and-delete, and under"
            " compactor retention_enabled: true and delete_request_store (as loki/loki.yaml has them); then make the"
            " requests."
        )
    if status in (401, 403):
        return f"Loki refused the deletion ({quoted}): the tenant or login that ships may not delete."
    if _IN_THE_FUTURE in answer:
        return f"Loki's clock is behind this machine's ({quoted}): make the requests later."
    return f"Loki refused the deletion ({quoted}): make the requests when it takes them."


def _selector(with_spans: bool, instance: str) -> str:
    job = 'job=~"nginx|spans"' if with_spans else 'job="nginx"'
    quoted = instance.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{{job}, service="ollama", instance="{quoted}"}}'


def _path(query: str, since_ns: int, until_ns: int) -> str:
    # Loki takes milliseconds: the first one in which something ended, and the one after the last.
    times = {"start": write_time(since_ns, 3), "end": write_time(until_ns + _MILLISECOND_NS, 3)}
    return f"{DELETE_PATH}?{urlencode({'query': query, **times})}"
