"""Whether Loki gives back what it took, to a query like Grafana's."""

import json
import time
from typing import Any
from urllib.parse import urlencode

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.http_client import HttpResponse, ask, why
from service.journal.reader import Reader
from service.record.wording import duration
from service.shipping.loki.health import is_victoria
from service.shipping.loki.settings import NAME, LokiSettings

# What was taken just now may not be found yet by each of several servers.
_SETTLED_SECONDS = 10.0
# By default Loki looks in memory for the last two to three hours only. What came late, after an outage, is found again
# when it lies in files.
_LATE_SECONDS = 7200.0
# Loki may keep less than we do; a day is what everybody keeps.
_KEPT_SECONDS = 86_400.0
_SECONDS = 5.0


def look_for_newest(loki: LokiSettings, reader: Reader) -> list[CheckResult]:
    """Ask Loki for the newest record that it took; nothing to say when none is of today. Raises JournalError."""
    newest = reader.ask(
        "SELECT id, ended_ns FROM exchange"
        " WHERE number <= coalesce((SELECT number FROM cursor WHERE receiver = ?), 0)"
        " AND number NOT IN (SELECT number FROM parked WHERE receiver = ?) ORDER BY number DESC LIMIT 1",
        (NAME, NAME),
    )
    if not newest:
        return []
    ((identifier, ended_ns),) = newest
    age = time.time() - ended_ns / 1e9
    if not _SETTLED_SECONDS <= age <= _KEPT_SECONDS:
        return []
    try:
        answer = _query(loki, identifier, ended_ns)
    except OSError as error:
        text, advice = f"It does not answer queries: {why(error)}.", "Ask for less time at once; its log says more."
        return [CheckResult("Loki", Severity.ADVICE, text, advice, Chapter.TOO_MANY)]
    if is_victoria(answer.headers):
        # Its readiness told of it.
        return []
    return [_judge(answer, identifier, age)]


def _query(loki: LokiSettings, identifier: str, ended_ns: int) -> HttpResponse:
    parameters = {
        "query": f'{{job="nginx", service="ollama"}} | exchange="{identifier}"',
        "start": str(ended_ns),
        "end": str(ended_ns + 1),
        "limit": "1",
    }
    url = f"{loki.base}/loki/api/v1/query_range?{urlencode(parameters)}"
    return ask(url, headers=loki.headers, seconds=_SECONDS)


def _judge(answer: HttpResponse, identifier: str, age: float) -> CheckResult:
    words = " ".join(answer.body[:300].decode("utf-8", "replace").split())
    if answer.status == 429 or "too many outstanding requests" in words:
        text = f"It has too many queries to answer ({answer.status}: {words})."
        advice = "Let dashboards ask for less time, less often; raise frontend.max_outstanding_per_tenant."
        return CheckResult("Loki", Severity.ADVICE, text, advice, Chapter.TOO_MANY)
    if answer.status in (401, 403, 404):
        # A key that may write need not be one that may read.
        return CheckResult("Loki", Severity.NOTE, f"It is not for us to read there ({answer.status} for a query).")
    result = _result(answer)
    if result is None:
        text = f"What answers a query there is no Loki: {answer.status} {words}".rstrip() + "."
        return CheckResult("Loki", Severity.PROBLEM, text, "Set LOKI_URL to Loki's base address.", Chapter.NO_DATA)
    if result:
        return CheckResult("Loki", Severity.GOOD, "It gives back the newest record that it took.")
    text = f"It took record {identifier[:12]} {duration(age)} ago and does not give it back."
    if age > _LATE_SECONDS:
        advice = (
            "If it came late: query_store_max_look_back_period in loki/loki.yaml; else see LOKI_TENANT and retention."
        )
        return CheckResult("Loki", Severity.ADVICE, text, advice, Chapter.NO_DATA)
    advice = "See that LOKI_TENANT and LOKI_URL are those that Grafana asks, and that nothing was deleted there."
    return CheckResult("Loki", Severity.PROBLEM, text, advice, Chapter.NO_DATA)


def _result(answer: HttpResponse) -> list[Any] | None:
    """The streams of the result; None when it is no answer of Loki's."""
    try:
        result = json.loads(answer.body)["data"]["result"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return result if answer.status == 200 and isinstance(result, list) else None
