"""Failures as JSON: the form of ``/failures.json`` and of ``ollama-recorder failures --json``."""

from typing import Any

from service.record.timestamps import write_time
from service.search.failure_groups import FailureGroup, FailureReport, ShownRequest

_NS_IN_MS = 1_000_000


def values_of(report: FailureReport) -> dict[str, Any]:
    """Times are RFC 3339. What is not known is absent."""
    return {
        "failures": report.failures,
        "answered": report.answered,
        "unanswered": report.unanswered,
        "complete": report.is_complete,
        "groups": [_of_group(group) for group in report.groups],
    }


def _of_group(group: FailureGroup) -> dict[str, Any]:
    values = {
        "reason": group.reason,
        "cause": group.cause,
        "outcome": group.outcome,
        "status": group.status,
        "is_model_call": group.is_model_call,
        "count": group.count,
        "first": write_time(group.first_ms * _NS_IN_MS, 3),
        "last": write_time(group.last_ms * _NS_IN_MS, 3),
        "who": [{"by": hit.field, "name": hit.name, "count": hit.count} for hit in group.who],
        "models": group.models,
        "operations": group.operations,
        "answered": group.answered,
        "unanswered": group.unanswered,
        "sentence": group.sentence,
        "advice": group.advice,
        "requests": [_of_request(request) for request in group.requests],
    }
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _of_request(request: ShownRequest) -> dict[str, Any]:
    values = {
        "who": request.who,
        "failed_at": write_time(request.ended_ms * _NS_IN_MS, 3),
        "exchange": request.exchange,
        "tries": request.tries,
        "answered_after": request.answered_after,
        "answer": request.answer,
        "told": request.sentence,
    }
    return {name: value for name, value in values.items() if value is not None and value != ""}
