"""The report: how many calls there were and how long they took, what failed, who used the machine, what was cut."""

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from service.record.wording import counted, duration, percent
from service.search.failure_groups import FailureGroup, FailureReport
from service.search.filters import Filter
from service.search.search import Search
from service.search.timeline import Timeline
from service.search.totals import Group, MachineUse, in_order

_MOST_ROWS: Final = 8
_MOST_CAUSES: Final = 12
_MOST_NAMES: Final = 3
_USERS_BY: Final = ("workflow", "user", "caller", "model")
_FEW_COLUMNS: Final = 10


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A heading, sentences, and a table (without columns: none). All of it is text as it was recorded, unescaped."""

    heading: str
    sentences: tuple[str, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """``summary`` is its one sentence, fit for the subject of a mail."""

    title: str
    summary: str
    sections: tuple[ReportSection, ...]


def make_report(search: Search, wanted: Filter) -> Report:
    """The report on what ``wanted`` lets through, until now where that has no end. As Search: not in the event loop."""
    if wanted.until_ns is None:
        wanted = replace(wanted, until_ns=time.time_ns())
    timeline = search.timeline(wanted, _FEW_COLUMNS)
    failures = search.failures(wanted)
    sections = [_numbers(timeline), _failed(failures)]
    uses = search.use_by_each(wanted, _USERS_BY)
    sections += [_users(by, use) for by, use in zip(_USERS_BY, uses, strict=True)]
    title = f"Ollama Recorder, {_moment(timeline.since_ns)} to {_moment(timeline.until_ns)}"
    return Report(title, _summary(timeline, failures), tuple(one for one in sections if one.rows or one.sentences))


def _summary(timeline: Timeline, failures: FailureReport) -> str:
    calls = counted(timeline.model_calls, "model call")
    if not failures.failures:
        return f"{calls}, nothing failed."
    unanswered = counted(failures.unanswered, "request")
    return f"{calls}, {counted(failures.failures, 'failure')}, {unanswered} never answered."


def _numbers(timeline: Timeline) -> ReportSection:
    sentences = [f"{counted(timeline.model_calls, 'call')} of models, {timeline.failed_calls:,} of them failed."]
    if timeline.model_calls and timeline.p50 is not None and timeline.p95 is not None:
        half = f"Half of them took no longer than {duration(timeline.p50)}, 95 of 100 no longer than"
        sentences.append(f"{half} {duration(timeline.p95)}.")
        sentences.append(f"{timeline.tokens_in:,} tokens were read and {timeline.tokens_out:,} written.")
    if timeline.truncated:
        sentences.append(f"Ollama silently cut {counted(timeline.truncated, 'prompt')}.")
    apart = ((timeline.embeddings, "embedding"), (timeline.refused, "refusal"))
    beside = [counted(count, what) for count, what in apart if count]
    beside += [f"{counted(timeline.others, 'list')} and the like"] if timeline.others > 1 else []
    beside += ["1 list or the like"] if timeline.others == 1 else []
    if beside:
        sentences.append(f"Beside them: {', '.join(beside)}.")
    return ReportSection("In numbers", tuple(sentences))


def _failed(report: FailureReport) -> ReportSection:
    if not report.failures:
        return ReportSection("What failed", ("Nothing failed.",))
    later = f"{counted(report.answered, 'request')} got an answer later, {report.unanswered:,} never."
    sentences = [f"{counted(report.failures, 'failure')}. {later}"]
    if not report.is_complete:
        sentences.append(f"Only the newest {report.failures:,} failures were looked at.")
    columns = ("why", "how often", "first", "last", "who", "answered later", "never", "what to do")
    return ReportSection(
        "What failed", tuple(sentences), columns, tuple(_row(group) for group in report.groups[:_MOST_CAUSES])
    )


def _row(group: FailureGroup) -> tuple[str, ...]:
    who = ", ".join(f"{hit.name} ({hit.count:,})" for hit in group.who[:_MOST_NAMES])
    first, last = (_moment(ms * 1_000_000) for ms in (group.first_ms, group.last_ms))
    counts = (f"{group.answered:,}", f"{group.unanswered:,}")
    return (group.title, f"{group.count:,}", first, last, who or "–", *counts, group.advice or "–")


def _users(by: str, use: MachineUse) -> ReportSection:
    named = [group for group in in_order(use.groups, "total") if group.name]
    heading = f"Who used the machine: by {by}"
    if not named:
        return ReportSection(heading, ())
    columns = (by, "calls", "total time", "share", "tokens in", "tokens out", "median", "p95", "failed", "waited")
    # Whose model that was is no question of a workflow or a user.
    loaded = f"Calls waited {duration(use.load_made_wait)} while models were loaded and none worked."
    sentences = (loaded,) if by == "model" and use.load_made_wait else ()
    return ReportSection(
        heading, sentences, (*columns, "made others wait"), tuple(_use(group) for group in named[:_MOST_ROWS])
    )


def _use(group: Group) -> tuple[str, ...]:
    return (
        group.name,
        f"{group.calls:,}",
        _seconds(group.total),
        percent(group.total_share),
        f"{group.tokens_in:,}",
        f"{group.tokens_out:,}",
        _seconds(group.p50),
        _seconds(group.p95),
        f"{group.failed:,}",
        _seconds(group.waited),
        _seconds(group.made_wait),
    )


def _seconds(value: float | None) -> str:
    return duration(value) if value else "–"


def _moment(nanoseconds: int) -> str:
    """By the clock where the recorder runs."""
    return f"{datetime.fromtimestamp(nanoseconds / 1e9).astimezone():%d %b %H:%M}"
