"""Loki and the OTLP receiver: are they ready, how far behind are they, is anything parked."""

import socket
import time
from urllib.parse import urlsplit

from service.cli.asking import ask, why
from service.cli.doctor.entries import Entry
from service.cli.doctor.finding import Finding, State, clock_finding
from service.cli.doctor.loki_content import look_for_newest
from service.cli.upkeep import wanted_receivers
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
    "too_far_behind": Entry.TOO_LATE,
    "greater_than_max_sample_age": Entry.TOO_LATE,
    "out_of_order": Entry.TOO_LATE,
    "too_far_in_future": Entry.CLOCK,
    "line_too_long": Entry.TOO_LONG,
    "structured_metadata_too_large": Entry.TOO_LONG,
    "structured_metadata_too_many": Entry.TOO_LONG,
    "request_too_large": Entry.TOO_LONG,
}


def look_at_receivers(settings: Settings, seconds: float = 86_400.0) -> list[Finding]:
    """Findings about every receiver that the settings name, and what it refused in the last ``seconds``."""
    wanted = wanted_receivers(settings)
    if not wanted:
        said = "Nothing is shipped: neither LOKI_URL nor OTLP is set."
        return [Finding("receivers", State.NOTE, said, "Grafana shows what is in Loki.", Entry.NO_DATA)]
    found = []
    if "loki" in wanted:
        found += _loki(settings)
    if "otlp" in wanted:
        found += _otlp(wanted["otlp"])
    reader = Reader(settings.data_dir)
    try:
        for name in wanted:
            found += _delivery(name, reader, time.time_ns() - int(seconds * 1e9))
        if "loki" in wanted and not any(one.about == "Loki" and one.entry is Entry.NO_DATA for one in found):
            found += look_for_newest(settings, reader)
    except JournalError:
        # Said by those who look at the journal.
        pass
    finally:
        reader.close()
    return found


def _loki(settings: Settings) -> list[Finding]:
    url = settings.loki_url
    headers = login_headers(settings.loki_tenant, settings.loki_username, settings.loki_password, settings.loki_token)
    try:
        answer = ask(f"{url}/ready", headers=headers)
    except OSError as error:
        advice = "Start it, or correct LOKI_URL. Nothing is lost meanwhile: the journal keeps it all."
        return [Finding("Loki", State.PROBLEM, f"{url} cannot be reached: {why(error)}.", advice, Entry.NO_DATA)]
    clock = clock_finding("Loki", answer)
    return [_readiness(url, answer.status), *([clock] if clock else [])]


def _readiness(url: str, status: int) -> Finding:
    if status == 200:
        return Finding("Loki", State.GOOD, f"Ready at {url}.")
    if status in (401, 403):
        said, advice = f"{url} refuses us ({status}).", "Check LOKI_TOKEN, or LOKI_USERNAME and LOKI_PASSWORD."
        return Finding("Loki", State.PROBLEM, said, advice, Entry.NO_DATA)
    if status == 404:
        # Some gateways in front of Loki pass its API and nothing else.
        return Finding("Loki", State.NOTE, f"{url} does not say whether it is ready (404 for /ready).")
    said, advice = f"{url} is not ready ({status}).", "It needs about 15 s after its start; then its log says more."
    return Finding("Loki", State.PROBLEM, said, advice, Entry.NO_DATA)


def _otlp(address: str) -> list[Finding]:
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError as error:
        advice = "Start the receiver, or correct OTEL_EXPORTER_OTLP_ENDPOINT. The journal keeps all of it meanwhile."
        return [Finding("OTLP", State.PROBLEM, f"{address} cannot be reached: {why(error)}.", advice, Entry.NO_DATA)]
    return [Finding("OTLP", State.GOOD, f"Something listens at {address}.")]


def _delivery(name: str, reader: Reader, since_ns: int) -> list[Finding]:
    found = []
    waiting = max(0, reader.newest_number() - reader.cursors().get(name, 0))
    oldest = reader.oldest_unshipped_ended_ns(name)
    late = 0.0 if oldest is None else time.time() - oldest / 1e9
    if waiting and late > _LATE_SECONDS:
        said = f"Not delivered yet: {counted(waiting, 'record')}, the oldest for {duration(late)}."
        advice = "They go on their way, oldest first, while the recorder runs and the receiver takes them."
        found.append(Finding(_NAMES[name], State.PROBLEM, said, advice, Entry.NO_DATA))
    else:
        said = f"{counted(waiting, 'record')} on the way." if waiting else "It has everything."
        found.append(Finding(_NAMES[name], State.GOOD, said))
    refused = reader.ask(
        "SELECT reason, count(*), max(number) FROM parked WHERE receiver = ? AND parked_ns >= ?"
        " GROUP BY reason ORDER BY 2 DESC LIMIT 5",
        (name, since_ns),
    )
    for reason, count, number in refused:
        ((detail,),) = reader.ask("SELECT detail FROM parked WHERE receiver = ? AND number = ?", (name, number))
        said = f"Refused for good: {counted(count, 'record')}, the last one for: {reason} {detail}"
        advice = "They stay in the journal; `ollama-recorder ship status` lists them."
        entry = _REFUSED_FOR.get(str(reason), Entry.NO_DATA)
        found.append(Finding(_NAMES[name], State.ADVICE, said[:500], advice, entry))
    return found
