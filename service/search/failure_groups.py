"""Failures of one cause together: how many, from when to when, who was hit, and who got an answer all the same."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.record.explanation import Surroundings, explain
from service.record.operations import MODEL_CALLS
from service.record.outcomes import OUTCOMES
from service.record.record import Record
from service.record.wording import duration
from service.search.failed_requests import FailedRequest, FailedTry

MOST_GROUPS: Final = 100
"""The causes with the most failures."""

_MOST_REQUESTS: Final = 20
_MOST_NAMES: Final = 10
_LONGEST_SENTENCE: Final = 500
_NOTHING_AROUND: Final = Surroundings(None, 0, None, 0)
_LABELS: Final = {str(one.outcome): one.label for one in OUTCOMES}


@dataclass(frozen=True, slots=True)
class Hit:
    """Who asked: the ``name`` in ``field`` (a filter), and how many of the failures were theirs."""

    field: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """One request that failed: ``exchange`` is its newest failure, ``answer`` what went well afterwards (ids).

    ``ended_ms`` is when it failed first (Unix milliseconds), ``tries`` counts all, with the one that went well;
    ``answered_after`` is in seconds. ``numbers`` are those of the two in the journal.
    """

    who: tuple[str, ...]
    ended_ms: int
    tries: int
    answered_after: float | None
    numbers: tuple[int, ...]
    exchange: str = ""
    answer: str = ""

    @property
    def sentence(self) -> str:
        """``answered after 2 tries, 41 s later`` or ``never answered``."""
        if self.answered_after is not None:
            # One that failed and one that did not: always more than one.
            return f"answered after {self.tries:,} tries, {duration(self.answered_after)} later"
        return "never answered" if self.tries == 1 else f"never answered in {self.tries:,} tries"


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """All failures of one ``cause``. ``reason`` is how they ended, in words; ``advice`` may be empty.

    ``answered`` and ``unanswered`` count requests, of which each has failed once or more; ``requests`` are the newest
    of them. ``sentence`` tells what went wrong with the newest, whose number is ``example``.
    """

    outcome: str
    status: int | None
    cause: str
    is_model_call: bool
    count: int
    first_ms: int
    last_ms: int
    who: tuple[Hit, ...]
    models: tuple[tuple[str, int], ...]
    operations: tuple[tuple[str, int], ...]
    answered: int
    unanswered: int
    requests: tuple[ShownRequest, ...]
    example: int
    sentence: str = ""
    advice: str = ""

    @property
    def reason(self) -> str:
        if self.outcome == "completed":
            return "an error in the answer" if self.status is None or self.status < 400 else f"status {self.status}"
        return _LABELS.get(self.outcome, self.outcome)

    @property
    def title(self) -> str:
        """The cause, and the reason where it tells more."""
        if not self.cause or self.reason in self.cause:
            return self.cause or self.reason
        return f"{self.cause} ({self.reason})"


@dataclass(frozen=True, slots=True)
class FailureReport:
    """Groups, calls of models first, the largest of each first. The counts are of everything, shown or not.

    ``failures`` counts tries, ``answered`` and ``unanswered`` requests. Without ``is_complete`` only the newest
    failures were looked at.
    """

    groups: tuple[FailureGroup, ...]
    failures: int
    answered: int
    unanswered: int
    is_complete: bool

    @property
    def examples(self) -> list[int]:
        """The numbers of the records that tell what went wrong."""
        return [group.example for group in self.groups]


def grouped(requests: Sequence[FailedRequest], is_complete: bool) -> FailureReport:
    """The report, still without what only the journal tells."""
    by_cause: defaultdict[tuple[str, int | None, str, bool], list[tuple[FailedRequest, list[FailedTry]]]]
    by_cause = defaultdict(list)
    for request in requests:
        causes: defaultdict[tuple[str, int | None, str, bool], list[FailedTry]] = defaultdict(list)
        for failure in request.failures:
            causes[failure.outcome, failure.status, failure.cause, failure.operation in MODEL_CALLS].append(failure)
        for cause, failures in causes.items():
            by_cause[cause].append((request, failures))
    groups = [_group(*cause, found) for cause, found in by_cause.items()]
    groups.sort(key=lambda group: (not group.is_model_call, -group.count, -group.last_ms))
    return FailureReport(
        tuple(groups[:MOST_GROUPS]),
        sum(len(request.failures) for request in requests),
        sum(request.answer is not None for request in requests),
        sum(request.answer is None for request in requests),
        is_complete,
    )


def with_records(report: FailureReport, ids: Mapping[int, str], lines: Mapping[int, bytes]) -> FailureReport:
    """The same with ids and sentences from the journal; what it no longer has stays empty."""
    return replace(report, groups=tuple(_with_records(group, ids, lines) for group in report.groups))


def who_asked(names: Mapping[str, str]) -> tuple[str, ...]:
    """Whom to tell: a person, else a workflow and its node, else a key, a program or an address."""
    if "user" in names:
        return (names["user"],)
    if "workflow" in names:
        return (names["workflow"], names["node"]) if "node" in names else (names["workflow"],)
    return next(((names[field],) for field in ("key", "caller", "address") if field in names), ())


def _group(
    outcome: str,
    status: int | None,
    cause: str,
    is_model_call: bool,
    found: Sequence[tuple[FailedRequest, Sequence[FailedTry]]],
) -> FailureGroup:
    failures = [failure for _, of_it in found for failure in of_it]
    newest = max(failures, key=lambda failure: failure.tried.number)
    hits = Counter(hit for failure in failures if (hit := _hit(failure.names)))
    shown = sorted(found, key=lambda one: one[1][-1].tried.number, reverse=True)[:_MOST_REQUESTS]
    return FailureGroup(
        outcome,
        status,
        cause,
        is_model_call,
        len(failures),
        min(failure.tried.ended_ms for failure in failures),
        max(failure.tried.ended_ms for failure in failures),
        tuple(Hit(field, name, count) for (field, name), count in hits.most_common(_MOST_NAMES)),
        tuple(Counter(failure.model for failure in failures if failure.model).most_common(_MOST_NAMES)),
        tuple(Counter(failure.operation for failure in failures if failure.operation).most_common(_MOST_NAMES)),
        sum(request.answer is not None for request, _ in found),
        sum(request.answer is None for request, _ in found),
        tuple(_shown(request, of_it[-1]) for request, of_it in shown),
        newest.tried.number,
    )


def _hit(names: Mapping[str, str]) -> tuple[str, str] | None:
    fields = ("user", "workflow", "key", "caller", "address")
    return next(((field, names[field]) for field in fields if field in names), None)


def _shown(request: FailedRequest, newest: FailedTry) -> ShownRequest:
    numbers = [newest.tried.number]
    if request.answer is not None:
        numbers.append(request.answer.number)
    first_ms = request.failures[0].tried.ended_ms
    return ShownRequest(who_asked(newest.names), first_ms, request.tries, request.answered_after, tuple(numbers))


def _with_records(group: FailureGroup, ids: Mapping[int, str], lines: Mapping[int, bytes]) -> FailureGroup:
    requests = tuple(
        replace(request, exchange=found[0], answer=found[1] if len(found) > 1 else "")
        for request in group.requests
        if (found := [ids.get(number, "") for number in request.numbers])
    )
    line = lines.get(group.example)
    findings = explain(Record(line), _NOTHING_AROUND).findings if line is not None else ()
    finding = next((one for one in findings if one.kind in ("failed", "client_left")), None)
    if finding is None:
        return replace(group, requests=requests)
    return replace(group, requests=requests, sentence=finding.text[:_LONGEST_SENTENCE], advice=finding.advice)
