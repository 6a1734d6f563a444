"""The receivers: are they ready, how far behind are they, is anything parked."""

import os
import time
from collections.abc import Mapping

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity, clock_finding
from service.cli.doctor.loki_content import look_for_newest
from service.cli.http_client import why
from service.journal import JournalError
from service.journal.reader import Reader
from service.record.wording import counted, duration
from service.settings import Settings, SettingsError
from service.shipping.loki.settings import read_loki_settings
from service.shipping.otlp.health import ask_readiness
from service.shipping.otlp.metric_export import want_metric_export
from service.shipping.receiver import WantedReceiver
from service.shipping.registry import wanted_receivers

_LATE_SECONDS = 60.0
_METRICS = "OTLP metrics"
_OF_READINESS = {True: Severity.GOOD, None: Severity.NOTE, False: Severity.PROBLEM}
# Why a receiver refused a record for good (service/shipping/loki/judge.py), and where that is explained.
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


def look_at_receivers(
    settings: Settings, environment: Mapping[str, str] = os.environ, seconds: float = 86_400.0
) -> list[CheckResult]:
    """Findings about every receiver that the settings ask for, and what it refused in the last ``seconds``."""
    wanted = wanted_receivers(settings, environment)
    metrics = _metrics(settings, environment)
    if not wanted:
        return [_nothing_is_shipped(settings), *metrics]
    results = [result for receiver in wanted for result in (*_readiness(receiver), *_carried(receiver))]
    results += metrics
    has_trouble = {result.about for result in results if result.entry is Chapter.NO_DATA}
    reader = Reader(settings.data_dir)
    try:
        for receiver in wanted:
            delivery = _delivery(receiver, reader, time.time_ns() - int(seconds * 1e9))
            has_trouble |= {result.about for result in delivery if result.entry is Chapter.NO_DATA}
            results += delivery
        loki = read_loki_settings(settings)
        if loki is not None and "Loki" not in has_trouble:
            results += look_for_newest(loki, reader)
    except JournalError:
        # Doctor's look at the journal tells of it.
        pass
    finally:
        reader.close()
    return results


def _nothing_is_shipped(settings: Settings) -> CheckResult:
    text = "Nothing is shipped: neither LOKI_URL nor OTLP is set."
    if settings.otlp_endpoint:
        text = "Nothing is shipped: LOKI_URL is not set, and OpenTelemetry's variables switch OTLP off."
    return CheckResult("receivers", Severity.NOTE, text, "Grafana shows what is in Loki.", Chapter.NO_DATA)


def _metrics(settings: Settings, environment: Mapping[str, str]) -> list[CheckResult]:
    """Whether somebody listens where metrics go, if they are wanted."""
    try:
        export = want_metric_export(settings, environment)
    except SettingsError as mistakes:
        return [_cannot_start(_METRICS, mistakes)]
    if export is None:
        return []
    endpoint = export.endpoint
    try:
        return [CheckResult(_METRICS, Severity.GOOD, ask_readiness(endpoint.address).text)]
    except OSError as error:
        advice = f"Start it, or correct {endpoint.variable}. The next export holds all since the start."
        return [CheckResult(_METRICS, Severity.PROBLEM, f"{endpoint.address} cannot be reached: {why(error)}.", advice)]


def _cannot_start(about: str, mistakes: SettingsError) -> CheckResult:
    text = f"The recorder does not start with these settings: {mistakes}"
    return CheckResult(about, Severity.PROBLEM, text, "Correct them.", Chapter.NOT_RUNNING)


def _readiness(receiver: WantedReceiver) -> list[CheckResult]:
    title, address = receiver.title, receiver.address
    try:
        receiver.prepare()
        readiness = receiver.ask_readiness()
    except SettingsError as mistakes:
        return [_cannot_start(title, mistakes)]
    except OSError as error:
        advice = f"Start it, or correct {receiver.variable}. Nothing is lost meanwhile: the journal keeps it all."
        text = f"{address} cannot be reached: {why(error)}."
        return [CheckResult(title, Severity.PROBLEM, text, advice, Chapter.NO_DATA)]
    entry = Chapter.NO_DATA if readiness.is_ready is False else None
    severity = Severity.NOTE if readiness.is_ready and readiness.advice else _OF_READINESS[readiness.is_ready]
    clock = clock_finding(title, readiness.headers)
    return [CheckResult(title, severity, readiness.text, readiness.advice, entry), *([clock] if clock else [])]


def _carried(receiver: WantedReceiver) -> list[CheckResult]:
    """What of the prompts it gets."""
    return [CheckResult(receiver.title, Severity.NOTE, receiver.carries, receiver.advice)] if receiver.carries else []


def _delivery(receiver: WantedReceiver, reader: Reader, since_ns: int) -> list[CheckResult]:
    name, title = receiver.name, receiver.title
    results = []
    waiting = max(0, reader.newest_number() - reader.cursors().get(name, 0))
    oldest = reader.oldest_unshipped_ended_ns(name)
    late = 0.0 if oldest is None else time.time() - oldest / 1e9
    if waiting and late > _LATE_SECONDS:
        text = f"Not delivered yet: {counted(waiting, 'record')}, the oldest for {duration(late)}."
        advice = "They go on their way, oldest first, while the recorder runs and the receiver takes them."
        results.append(CheckResult(title, Severity.PROBLEM, text, advice, Chapter.NO_DATA))
    else:
        text = f"{counted(waiting, 'record')} on the way." if waiting else "It has everything."
        results.append(CheckResult(title, Severity.GOOD, text))
    refused = reader.ask(
        "SELECT reason, count(*), max(number) FROM parked WHERE receiver = ? AND parked_ns >= ?"
        " GROUP BY reason ORDER BY 2 DESC LIMIT 5",
        (name, since_ns),
    )
    for reason, count, number in refused:
        ((detail,),) = reader.ask("SELECT detail FROM parked WHERE receiver = ? AND number = ?", (name, number))
        text = f"Refused for good: {counted(count, 'record')}, the last one for: {reason} {detail}"
        advice = "They stay in the journal; `ollama-recorder ship status` lists them."
        entry = _REFUSED_FOR.get(str(reason), Chapter.NO_DATA)
        results.append(CheckResult(title, Severity.ADVICE, text[:500], advice, entry))
    return results
