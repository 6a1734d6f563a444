"""What the index keeps of a record: numbers, names, and the words to search for."""

import math
from dataclasses import dataclass

from service.journal.reader import Row
from service.record.conversation import searchable
from service.record.exchange import Outcome
from service.record.fields import FIELD_NAMES, FIELDS
from service.record.record import Record
from service.search.index import NAMED
from service.search.query_language import spaced

COMPLETED, FAILED, CLIENT_LEFT = 0, 1, 2
# As texts: a member of an enumeration takes longer to look up and to compare.
_WHOLE, _LEFT = str(Outcome.COMPLETED), str(Outcome.CLIENT_LEFT)
# A column has a field's own name, or that of the field's filter.
_FIELD_OF_FILTER = {field.filter: field.name for field in FIELDS}
_NAME_FIELDS = tuple(name if name in FIELD_NAMES else _FIELD_OF_FILTER[name] for name in NAMED)


@dataclass(frozen=True, slots=True)
class IndexColumns:
    """``names`` in the order of index.NAMED; ``numbers`` are status, kind, is_truncated, request_ms, spot, tokens_in,
    tokens_out and rate, as columns of the index; ``replay_of`` is the id of an exchange."""

    number: int
    ended_ms: int
    started_ms: int
    names: tuple[str | None, ...]
    numbers: tuple[int | None, ...]
    replay_of: str | None
    prompt: str
    answer: str


def columns_of(row: Row) -> IndexColumns:
    """The columns of a record. Never raises: of a line that cannot be read only the row's own columns are known."""
    record = Record(row.line)
    names = record.texts(_NAME_FIELDS)
    names[-2:] = names[-2] or row.operation or None, row.outcome
    request_ms = _thousandths(record.request_time)
    kind = _kind(record, row.outcome)
    prompt, answer = map(spaced, searchable(record))
    return IndexColumns(
        number=row.number,
        ended_ms=row.ended_ns // 1_000_000,
        started_ms=row.started_ns // 1_000_000,
        names=tuple(names),
        numbers=(
            record.status,
            kind,
            None if record.prompt_truncated is None else int(record.prompt_truncated),
            request_ms,
            4 * height(request_ms) + kind,
            record.prompt_tokens,
            record.completion_tokens,
            _thousandths(record.tokens_per_second),
        ),
        replay_of=record.replay_of or None,
        prompt=prompt,
        answer=answer,
    )


def height(milliseconds: int | None) -> int:
    """How high a duration is drawn: twentieths of a decade, from 1 (a millisecond or less) on; 0 if it is unknown."""
    if milliseconds is None:
        return 0
    return 1 + math.floor(20 * math.log10(milliseconds)) if milliseconds > 1 else 1


def _kind(record: Record, outcome: str) -> int:
    if outcome == _LEFT and record.failed is not False:
        return CLIENT_LEFT
    is_failed = outcome != _WHOLE if record.failed is None else record.failed
    return FAILED if is_failed else COMPLETED


def _thousandths(value: float | None) -> int | None:
    return None if value is None else round(value * 1000)
