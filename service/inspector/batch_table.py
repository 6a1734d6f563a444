"""What came of a batch of replays: a row for each prompt with its old and its new answer, and a sentence of it all."""

from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any, Final

from service.journal.reader import Reader
from service.journal.replay_batches import ReplayBatch
from service.record.answer_words import answer_of
from service.record.content_findings import JudgedCall, keeps_format
from service.record.conversation import opening, read_conversation
from service.record.record import Record
from service.record.wording import counted, duration

VERDICTS: Final = {"old": "the old was better", "new": "the new was better", "same": "both alike", "bad": "both bad"}
_SIDES: Final = ("old", "new")
_NUMBERS_OF_A_SIDE: Final = (
    *("exchange", "model", "words", "tokens", "seconds", "speed", "wait", "ended", "json", "tools", "failed"),
)
COLUMNS: Final = (
    *("place", "prompt", "who", "verdict", "likeness", "error"),
    *(f"{side}_{name}" for side in _SIDES for name in _NUMBERS_OF_A_SIDE),
    "gone",
)
_PROMPT_CHARACTERS: Final = 160


def rows_of(reader: Reader, batch: ReplayBatch) -> list[dict[str, Any]]:
    """A row for each prompt, in their order. What is unknown is absent.

    So is a side that the journal does not have (any more): then ``gone`` says which, ``old``, ``new`` or ``both``.
    """
    ids = (*ids_of(batch), *(str(row["new"]) for row in batch.rows.values() if "new" in row))
    lines: dict[str, bytes] = dict(
        reader.ask(f"SELECT id, line FROM exchange WHERE id IN ({','.join('?' * len(ids))})", ids)
    )
    return [_row(place, identifier, batch.rows.get(place, {}), lines) for place, identifier in enumerate(ids_of(batch))]


def ids_of(batch: ReplayBatch) -> list[str]:
    """Those that are sent again."""
    return [str(identifier) for identifier in batch.facts["exchanges"]]


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for a table of one line each, by COLUMNS."""
    values = {name: row.get(name) for name in COLUMNS}
    for side in _SIDES:
        for name, value in row.get(side, {}).items():
            values[f"{side}_{name}"] = ", ".join(value) if isinstance(value, list) else value
    return values


def sentence_of(rows: list[dict[str, Any]]) -> str:
    """What it comes to: how many were answered, how alike, how fast, and which was judged better."""
    # What was erased after it was answered was answered, and did not fail.
    answered = [row for row in rows if _is_answered(row)]
    errors = sum(row["new"].get("failed", False) if "new" in row else "error" in row for row in rows)
    text = f"{len(answered):,} of {counted(len(rows), 'prompt')} got a new answer"
    text += f", {errors:,} failed." if errors else "."
    if gone := sum("gone" in row for row in rows):
        text += f" Of {gone:,} not all is here any more: erased, or older than what is kept."
    alike = [row["likeness"] for row in answered if "likeness" in row]
    if alike:
        text += f" Half of them share {median(alike) * 100:.0f} % of their words or more with the old ones."
    took = [_median(row.get(side, {}).get("seconds") for row in answered) for side in _SIDES]
    if took[0] is not None and took[1] is not None:
        text += f" They took {duration(took[1])} in the median, the old ones {duration(took[0])}."
    return text + _judged(rows)


def _is_answered(row: Mapping[str, Any]) -> bool:
    return not row["new"].get("failed") if "new" in row else "gone" in row and "likeness" in row


def _judged(rows: list[dict[str, Any]]) -> str:
    verdicts = Counter(row["verdict"] for row in rows if row.get("verdict") in VERDICTS)
    if not verdicts:
        return ""
    told = ", ".join(f"{VERDICTS[name]} {verdicts[name]:,} ×" for name in VERDICTS if verdicts[name])
    return f" Judged {verdicts.total():,}: {told}."


def _median(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _row(place: int, identifier: str, outcome: Mapping[str, Any], lines: Mapping[str, bytes]) -> dict[str, Any]:
    row: dict[str, Any] = {"place": place, "exchange": identifier}
    row |= {name: outcome[name] for name in ("verdict", "likeness", "error") if name in outcome}
    old, new = lines.get(identifier), lines.get(outcome.get("new", ""))
    is_new_gone = "new" in outcome and new is None
    if old is None or is_new_gone:
        row["gone"] = "new" if old is not None else "both" if is_new_gone else "old"
    if old is not None:
        record = Record(old)
        row["prompt"] = opening(record, _PROMPT_CHARACTERS)[0]
        who = [name for name in (record.workflow or record.caller or record.user, record.node) if name]
        row |= {"who": " › ".join(who)} if who else {}
        row["old"] = _side(record)
    if new is not None:
        row["new"] = _side(Record(new))
    return row


def _side(record: Record) -> dict[str, Any]:
    conversation = read_conversation(record, b"")
    answer = conversation.answer
    side = {
        "exchange": record.exchange,
        "model": record.model,
        "words": len(answer_of(record).split()) if answer is not None else None,
        "tokens": record.completion_tokens,
        "seconds": record.request_time,
        "speed": record.tokens_per_second,
        "wait": record.wait_time,
        "ended": record.done_reason,
        "json": keeps_format(JudgedCall(record, conversation)),
        "tools": [call.name for call in answer.tool_calls] if answer is not None and answer.tool_calls else None,
        "failed": record.failed or None,
    }
    return {name: value for name, value in side.items() if value is not None}
