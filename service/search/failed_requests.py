"""What failed, and whether whoever asked got an answer all the same.

A request may be tried several times. Its tries are those of one caller and user that ask the same, or those of one
node in one execution, unless that node asks several things there, as it does for a list of items. Where the item is
known, tries are those of one item. The first that goes well after a failure is its answer; a try begins when the one
before is over.
"""

import sqlite3
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from service.search.filters import Filter
from service.search.index_columns import OTHER
from service.search.index_query import number_ranges
from service.search.totals import name_column, names_of

MOST_FAILURES: Final = 100_000
"""The newest are looked at: a night without Ollama has more than anybody reads."""

# Clocks are read at both ends of an exchange, and rounded.
_SLACK_MS: Final = 50
_STEPS_BETWEEN_PAUSES: Final = 500
_PROMPT, _EXECUTION = range(2)
# A chat there goes on with other questions: its turns are no tries of one request.
_CHATS_ARE_EXECUTIONS: Final = "Open WebUI"

_Key = tuple[Hashable, ...]
_TRY = (
    f"number, started_ms, ended_ms, apart, asked, caller, user, execution, node, task, item, {name_column('workflow')}"
)
_WHAT = "kind, outcome, status, cause, model, operation, key, address"


class Try(NamedTuple):
    """One row of the index; names by their ids."""

    number: int
    started_ms: int
    ended_ms: int
    apart: int
    asked: int | None
    caller: int | None
    user: int | None
    execution: int | None
    node: int | None
    task: int | None
    item: int | None
    workflow: int | None


@dataclass(slots=True)
class FailedRequest:
    """What one caller wanted: its failures, oldest first, and the try that went well afterwards, if any."""

    failures: list["FailedTry"] = field(default_factory=list)
    answer: Try | None = None

    @property
    def tries(self) -> int:
        """The failed ones, and the one that was answered."""
        return len(self.failures) + (self.answer is not None)

    @property
    def answered_after(self) -> float | None:
        """Seconds from the end of the first failure to the end of the answer; None: there was none."""
        if self.answer is None:
            return None
        return max(0.0, (self.answer.ended_ms - self.failures[0].tried.ended_ms) / 1000)


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try that failed: how it ended, with which status, and what that is called."""

    tried: Try
    outcome: str
    status: int | None
    cause: str
    model: str
    operation: str
    names: dict[str, str]


def failed_requests(
    connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None
) -> tuple[list[FailedRequest], bool]:
    """What failed of all that ``wanted`` lets through, oldest first, and whether that is all of it.

    The answers may lie after the time that the filter asks for, and need not meet its other conditions.
    """
    failures, is_complete = _failures(connection, wanted, numbers)
    if not failures:
        return [], is_complete
    (open_webui,) = connection.execute("SELECT max(id) FROM name WHERE text = ?", (_CHATS_ARE_EXECUTIONS,)).fetchone()
    answers = _answers(connection, [failure.tried for failure in failures], open_webui)
    requests: dict[Hashable, FailedRequest] = {}
    for failure in failures:
        keys = list(_keys(failure.tried, open_webui))
        found = [answer for key in keys if (answer := _first_after(answers[key], failure.tried)) is not None]
        answer = min(found, key=lambda one: one.started_ms, default=None)
        same: Hashable = (keys[0] if keys else failure.tried.number) if answer is None else answer.number
        request = requests.setdefault((answer is None, same), FailedRequest())
        request.failures.append(failure)
        request.answer = answer
    return list(requests.values()), is_complete


def _failures(
    connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None
) -> tuple[list[FailedTry], bool]:
    rows: list[Any] = []
    for part in number_ranges(connection, wanted, numbers):
        # Newest first: where there are too many, the oldest are left out.
        question = f"SELECT {_TRY}, {_WHAT} {part.source} AND kind <> 0 ORDER BY number DESC LIMIT ?"
        rows += connection.execute(question, (*part.values, MOST_FAILURES + 1 - len(rows))).fetchall()
        if len(rows) > MOST_FAILURES:
            break
    is_complete = len(rows) <= MOST_FAILURES
    rows = rows[:MOST_FAILURES][::-1]
    name_ids = {value for row in rows for value in (*row[5:7], *row[8:9], row[11], row[13], *row[15:]) if value}
    names = names_of(connection, sorted(name_ids))
    return [_failure(row, names) for row in _with_pauses(rows)], is_complete


def _failure(row: Any, names: dict[int, str]) -> FailedTry:
    tried, (_, outcome, status, cause, model, operation, key, address) = Try(*row[:12]), row[12:]
    who = {
        "user": tried.user,
        "workflow": tried.workflow,
        "node": tried.node,
        "key": key,
        "caller": tried.caller,
        "address": address,
    }
    return FailedTry(
        tried,
        names.get(outcome, ""),
        # Raises TypeError where damage made a text of it: whoever asks knows what to do then.
        None if status is None else status + 0,
        names.get(cause, ""),
        names.get(model, ""),
        names.get(operation, ""),
        {field: names[identifier] for field, identifier in who.items() if identifier in names},
    )


def _answers(connection: sqlite3.Connection, failed: Sequence[Try], open_webui: int | None) -> dict[_Key, list[Try]]:
    """All that went well and may be an answer, by what makes it one, in the order of their begin."""
    for table, values in (("asked", {one.asked for one in failed}), ("went_on", {one.execution for one in failed})):
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
        connection.execute(f"CREATE TEMP TABLE {table}(value INTEGER PRIMARY KEY)")
        known = [(value,) for value in values if value is not None]
        connection.executemany(f"INSERT INTO temp.{table} VALUES (?)", known)
    found: defaultdict[_Key, list[Try]] = defaultdict(list)
    rows = connection.execute(
        f"SELECT {_TRY} FROM fact NOT INDEXED WHERE kind = 0"
        " AND (asked IN (SELECT value FROM temp.asked) OR execution IN (SELECT value FROM temp.went_on))"
        " ORDER BY started_ms, number"
    )
    for row in _with_pauses(rows):
        tried = Try(*row)
        for key in _keys(tried, open_webui):
            found[key].append(tried)
    for key, answers in found.items():
        if key[0] == _EXECUTION and len({answer.asked for answer in answers}) > 1:
            answers.clear()
    for table in ("asked", "went_on"):
        connection.execute(f"DROP TABLE temp.{table}")
    return found


def _keys(tried: Try, open_webui: int | None) -> Iterator[_Key]:
    """What two tries of one request have in common, any of these."""
    if tried.asked is not None:
        yield _PROMPT, tried.asked, tried.caller, tried.user, tried.item
    if tried.execution is not None and (open_webui is None or tried.caller != open_webui):
        yield _EXECUTION, tried.execution, tried.node, tried.task, tried.item, tried.apart == OTHER


def _first_after(answers: Sequence[Try], failed: Try) -> Try | None:
    at = bisect_left(answers, failed.ended_ms - _SLACK_MS, key=lambda one: one.started_ms)
    return next((one for one in answers[at : at + 2] if one.number > failed.number), None)


def _with_pauses(rows: Any) -> Iterator[Any]:
    """Python's global lock is let go now and then: an exchange never waits for the counting."""
    for step, row in enumerate(rows):
        if step % _STEPS_BETWEEN_PAUSES == 0:
            time.sleep(0)
        yield row
