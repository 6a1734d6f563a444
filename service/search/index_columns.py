"""What the index keeps of a record: numbers, names, and the words to search for."""

import math
from typing import NamedTuple

from service.journal.reader import Row
from service.record.conversation import searchable
from service.record.exchange import Outcome
from service.record.failure_causes import cause_of
from service.record.fields import FIELD_NAMES, FIELDS
from service.record.model_facts import short_name
from service.record.model_time import model_time_of
from service.record.n8n_marks import N8N, is_n8n, may_be_ai_node
from service.record.operations import ANSWERED_IN_VECTORS, MODEL_CALLS
from service.record.phases import sent_after
from service.record.record import Record
from service.search.index import NAMED
from service.search.prompt_fingerprint import fingerprint
from service.search.query_language import spaced

COMPLETED, FAILED, CLIENT_LEFT = 0, 1, 2
CALL, EMBEDDING, REFUSED, OTHER = 0, 1, 2, 3
# As texts: a member of an enumeration takes longer to look up and to compare.
_WHOLE, _LEFT, _REFUSED = str(Outcome.COMPLETED), str(Outcome.CLIENT_LEFT), str(Outcome.REFUSED)
# A column has a field's own name, or that of the field's filter.
_FIELD_OF_FILTER = {field.filter: field.name for field in FIELDS}
_COMPUTED = frozenset({"cause"})
_NAME_FIELDS = tuple(name if name in FIELD_NAMES or name in _COMPUTED else _FIELD_OF_FILTER[name] for name in NAMED)
_MODEL, _CAUSE, _CALLER = NAMED.index("model"), NAMED.index("cause"), NAMED.index("caller")


class IndexColumns(NamedTuple):
    """``names`` in the order of index.NAMED; ``numbers`` are columns of index.FACT_COLUMNS, status to energy_mj;
    ``replay_of`` is the id of an exchange."""

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
    request_ms, kind = _thousandths(record.request_time), _kind(record, row.outcome)
    names = record.texts(_NAME_FIELDS)
    names[-2:] = names[-2] or row.operation or None, row.outcome
    names[_CAUSE] = cause_of(record, row.outcome) if kind else None
    names[_MODEL] = short_name(names[_MODEL] or "") or None
    names[_CALLER] = _caller(record, names[_CALLER])
    prompt, answer = map(spaced, searchable(record))
    truncated = record.prompt_truncated
    started_ms, model = row.started_ns // 1_000_000, model_time_of(record)
    return IndexColumns(
        number=row.number,
        ended_ms=row.ended_ns // 1_000_000,
        started_ms=started_ms,
        names=tuple(names),
        numbers=(
            record.status,
            kind,
            None if truncated is None else int(truncated),
            request_ms,
            4 * height(request_ms) + kind,
            record.prompt_tokens,
            record.completion_tokens,
            _thousandths(record.tokens_per_second),
            _apart(record.operation or row.operation, row.outcome),
            _thousandths(model.waited),
            None if model.works is None and model.waited is None else started_ms + round(model.begins * 1000),
            _thousandths(model.works),
            None if model.loads is None else started_ms + round(model.asked * 1000),
            _thousandths(model.loads),
            _thousandths(sent_after(record, row.outcome)),
            record.item,
            fingerprint(record, prompt),
            _thousandths(record.energy),
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
    failed = record.failed
    if outcome == _LEFT and failed is not False:
        return CLIENT_LEFT
    is_failed = outcome != _WHOLE if failed is None else failed
    return FAILED if is_failed else COMPLETED


def _apart(operation: str | None, outcome: str) -> int:
    if outcome == _REFUSED:
        return REFUSED
    if operation in ANSWERED_IN_VECTORS:
        return EMBEDDING
    return CALL if operation in MODEL_CALLS else OTHER


def _caller(record: Record, caller: str | None) -> str | None:
    """n8n, where one of its nodes goes by the name of the library that it asks with."""
    agent = record.user_agent or ""
    is_library = caller is not None and caller in agent and may_be_ai_node(agent)
    return N8N if is_library and is_n8n(record) else caller


def _thousandths(value: float | None) -> int | None:
    return None if value is None else round(value * 1000)
