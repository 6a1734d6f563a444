"""Loki and the OTLP receiver: are they ready, how far behind are they, is anything parked."""

import socket
import time
from urllib.parse import urlsplit

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity, clock_finding
from service.cli.doctor.loki_content import look_for_newest
from service.cli.http_client import ask, why
from service.cli.maintenance import wanted_receivers
from service.journal import JournalError
from service.journal.reader import Reader
from service.record.wording import counted, duration
from service.settings import Settings
from service.shipping.loki import login_headers

_CONNECT_SECONDS = 3.0
_LATE_SECONDS = 60.0
_NAMES = {"loki": "Loki", "otlp": "OTLP"}
# Why a receiver refused a record for good (service/shipping/loki.py), and where that is explained.
_REFUSED_FOR = {
    "too_far_behind": Chapter.TOO_LATE,
    "greater_than_max_sample_age": Chapter.TOO_LATE,
    "out_of_order": Chapter.TOO_LATE,
    "too_far_in_future": Chapter.CLOCK,
    "line_too_long": Chapter.TOO_LONG,
    "structured_metadata_too_large": Chapter.TOO_LONG,
    "structured_metadata_too_many": Chapter.TOO_LONG,
    "request_too_large": Chapter.TOO_LONG,
}


def look_at_receivers(settings: Settings, seconds: float = 86_400.0) -> list[CheckResult]:
    """Findings about every receiver that the settings name, and what it refused in the last ``seconds``."""
    wanted = wanted_receivers(settings)
    if not wanted:
        said = "Nothing is shipped: neither LOKI_URL nor OTLP is set."
        return [CheckResult("receivers", Severity.NOTE, said, "Grafana shows what is in Loki.", Chapter.NO_DATA)]
    found = []
    if "loki" in wanted:
        found += _loki(settings)
    if "otlp" in wanted:
        found += _otlp(wanted["otlp"])
    reader = Reader(settings.data_dir)
    try:
        for name in wanted:
            found += _delivery(name, reader, time.time_ns() - int(seconds * 1e9))
        if "loki" in wanted and not any(one.about == "Loki" and one.entry is Chapter.NO_DATA for one in found):
            found += look_for_newest(settings, reader)
    except JournalError:
        # Said by those who look at the journal.
        pass
    finally:
        reader.close()
    return found


def _loki(settings: Settings) -> list[CheckResult]:
    url = settings.loki_url
    headers = login_headers(settings.loki_tenant, settings.loki_username, settings.loki_password, settings.loki_token)
    try:
        answer = ask(f"{url}/ready", headers=headers)
    except OSError as error:
        advice = "Start it, or correct LOKI_URL. Nothing is lost meanwhile: the journal keeps it all."
        return [
            CheckResult("Loki", Severity.PROBLEM, f"{url} cannot be reached: {why(error)}.", advice, Chapter.NO_DATA)
        ]
    clock = clock_finding("Loki", answer)
    return [_readiness(url, answer.status), *([clock] if clock else [])]


def _readiness(url: str, status: int) -> CheckResult:
    if status == 200:
        return CheckResult("Loki", Severity.GOOD, f"Ready at {url}.")
    if status in (401, 403):
        said, advice = f"{url} refuses us ({status}).", "Check LOKI_TOKEN, or LOKI_USERNAME and LOKI_PASSWORD."
        return CheckResult("Loki", Severity.PROBLEM, said, advice, Chapter.NO_DATA)
    if status == 404:
        # Some gateways in front of Loki pass its API and nothing else.
        return CheckResult("Loki", Severity.NOTE, f"{url} does not say whether it is ready (404 for /ready).")
    said, advice = f"{url} is not ready ({status}).", "It needs about 15 s after its start; then its log says more."
    return CheckResult("Loki", Severity.PROBLEM, said, advice, Chapter.NO_DATA)


def _otlp(address: str) -> list[CheckResult]:
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError as error:
        advice = "Start the receiver, or correct OTEL_EXPORTER_OTLP_ENDPOINT. The journal keeps all of it meanwhile."
        return [
            CheckResult(
                "OTLP", Severity.PROBLEM, f"{address} cannot be reached: {why(error)}.", advice, Chapter.NO_DATA
            )
        ]
    return [CheckResult("OTLP", Severity.GOOD, f"Something listens at {address}.")]


def _delivery(name: str, reader: Reader, since_ns: int) -> list[CheckResult]:
    found = []
    waiting = max(0, reader.newest_number() - reader.cursors().get(name, 0))
    oldest = reader.oldest_unshipped_ended_ns(name)
    late = 0.0 if oldest is None else time.time() - oldest / 1e9
    if waiting and late > _LATE_SECONDS:
        said = f"Not delivered yet: {counted(waiting, 'record')}, the oldest for {duration(late)}."
        advice = "They go on their way, oldest first, while the recorder runs and the receiver takes them."
        found.append(CheckResult(_NAMES[name], Severity.PROBLEM, said, advice, Chapter.NO_DATA))
    else:
        said = f"{counted(waiting, 'record')} on the way." if waiting else "It has everything."
        found.append(CheckResult(_NAMES[name], Severity.GOOD, said))
    refused = reader.ask(
        "SELECT reason, count(*), max(number) FROM parked WHERE receiver = ? AND parked_ns >= ?"
        " GROUP BY reason ORDER BY 2 DESC LIMIT 5",
        (name, since_ns),
    )
    for reason, count, number in refused:
        ((detail,),) = reader.ask("SELECT detail FROM parked WHERE receiver = ? AND number = ?", (name, number))
        said = f"Refused for good: {counted(count, 'record')}, the last one for: {reason} {detail}"
        advice = "They stay in the journal; `ollama-recorder ship status` lists them."
        entry = _REFUSED_FOR.get(str(reason), Chapter.NO_DATA)
        found.append(CheckResult(_NAMES[name], Severity.ADVICE, said[:500], advice, entry))
    return found
