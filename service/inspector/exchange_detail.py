"""One exchange in full, for the page and for ``show``: its conversation, where its time went and why, its neighbours.

It is put together from the record, the kept bytes and the index.
"""

import contextlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from service.inspector.two_exchanges import judged
from service.journal import JournalError
from service.journal.reader import KeptRecord
from service.record.content_findings import CallsOf, ContentFinding, JudgedCall, content_findings
from service.record.context_shares import ContextShares, context_shares
from service.record.conversation import Conversation, read_conversation
from service.record.explanation import Explanation, Surroundings, explain
from service.record.n8n_marks import execution_url
from service.record.prompt_changes import first_change
from service.record.record import Record
from service.search.neighbours import Neighbours
from service.search.search import Search

_NO_CONVERSATION = Conversation((), None, (), {}, is_whole=True)


@dataclass(frozen=True, slots=True)
class Links:
    """Where other programs show what a record tells of. Empty or None: nowhere.

    ``trace_url`` has ``{trace_id}`` in it, ``n8n_url`` is the address of n8n.
    """

    trace_url: str | None = None
    n8n_url: str | None = None


@dataclass(frozen=True, slots=True)
class ExchangeDetail:
    """``number`` is that of the journal. ``previous`` and ``next`` are ids of exchanges of the same execution, or of
    the same conversation where there is no execution. ``turns_known`` counts those of its conversation, itself among
    them.

    ``replay_of`` is the id of the exchange that it repeats, ``replays`` are those of its repetitions.
    ``content`` tells what may have made the answer nonsense, partly by comparison with ``call_before``: the id of the
    previous call of the same ``calls_of``.
    ``context`` tells who filled the context, where that can be told.
    ``trace_url`` is where its trace is shown, ``n8n_url`` where n8n shows its execution.
    """

    number: int
    record: Record
    conversation: Conversation
    explanation: Explanation
    content: tuple[ContentFinding, ...]
    call_before: str | None
    calls_of: CallsOf | None
    context: ContextShares | None
    previous: str | None
    next: str | None
    turns_known: int | None
    replay_of: str | None
    replays: tuple[str, ...]
    trace_url: str | None
    n8n_url: str | None

    def as_json_object(self) -> dict[str, Any]:
        """All of it by these names, as JSON holds it; None is what is unknown."""
        values = asdict(replace(self, record=Record(b""), conversation=_NO_CONVERSATION))
        return values | {"record": self.record.values, "conversation": self.conversation.as_json_object()}


@dataclass(frozen=True, slots=True)
class _Beside:
    """What the index knows of the others around an exchange."""

    around: Surroundings
    neighbours: Neighbours
    replays: tuple[str, ...] = ()
    call_before: tuple[CallsOf, KeptRecord] | None = None
    turns_known: int | None = None


_UNKNOWN = _Beside(Surroundings(None, 0, None, 0), Neighbours(None, None))


def describe(kept: KeptRecord, search: Search, links: Links) -> ExchangeDetail:
    """What is known of ``kept``.

    Without an index, and while it is being made, nothing is known of what is around. Never raises.
    """
    beside = _UNKNOWN
    with contextlib.suppress(JournalError):
        beside = _look_around(search, kept.row.number)
    return _described(kept, beside, links)


def describe_alone(kept: KeptRecord, links: Links) -> ExchangeDetail:
    """What is known of an exchange of another recorder: nothing of what is around it. Never raises."""
    return _described(kept, _UNKNOWN, links)


def _look_around(search: Search, number: int) -> _Beside:
    around = replace(search.surroundings(number), earlier=search.models_used_before(number))
    beside = _Beside(around, search.neighbours(number), tuple(search.replays(number)), search.call_before(number))
    return replace(beside, turns_known=search.conversation_length(number) or None)


def _described(kept: KeptRecord, beside: _Beside, links: Links) -> ExchangeDetail:
    record = Record(kept.row.line)
    conversation = read_conversation(record, kept.request)
    calls_of, earlier = beside.call_before or (None, None)
    call, before = JudgedCall(record, conversation), judged(earlier) if earlier else None
    around = replace(beside.around, changed_first=first_change(before, call) if before else None)
    trace = record.trace_id
    return ExchangeDetail(
        kept.row.number,
        record,
        conversation,
        explain(record, around),
        content_findings(call, before, calls_of),
        earlier.row.id if earlier else None,
        calls_of,
        context_shares(record, conversation),
        beside.neighbours.previous,
        beside.neighbours.next,
        beside.turns_known,
        record.replay_of,
        beside.replays,
        links.trace_url.replace("{trace_id}", trace) if links.trace_url and trace else None,
        execution_url(links.n8n_url, record) if links.n8n_url else None,
    )
