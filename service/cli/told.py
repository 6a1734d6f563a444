"""All that is told of one exchange, from the journal, its index and its record."""

import sqlite3
from dataclasses import asdict, dataclass, replace
from typing import Any

from service.cli.journal_access import catch_up
from service.journal import JournalError
from service.journal.reader import KeptRecord
from service.record.conversation import Conversation, read_conversation
from service.record.explanation import Explanation, Surroundings, explain
from service.record.record import Record
from service.search.neighbours import Neighbours
from service.search.search import Search
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Told:
    """Ids are of exchanges of the same execution, and of repetitions."""

    number: int
    record: Record
    conversation: Conversation
    explanation: Explanation
    previous: str | None
    next: str | None
    replay_of: str | None
    replays: tuple[str, ...]
    trace_url: str | None


def tell(kept: KeptRecord, settings: Settings) -> Told:
    """What is known of ``kept``. Without an index, what lies around it is not known."""
    record = Record(kept.row.line)
    around, beside, replays = _around(kept.row.number, settings)
    trace = record.trace_id
    return Told(
        kept.row.number,
        record,
        read_conversation(record, kept.request),
        explain(record, around),
        beside.previous,
        beside.next,
        record.replay_of,
        tuple(replays),
        settings.trace_url.replace("{trace_id}", trace) if settings.trace_url and trace else None,
    )


def as_json_object(told: Told) -> dict[str, Any]:
    """All of it for programs."""
    return asdict(replace(told, record=Record(b"{}"))) | {"record": told.record.values}


def _around(number: int, settings: Settings) -> tuple[Surroundings, Neighbours, list[str]]:
    search = Search(settings.data_dir)
    try:
        catch_up(settings)
        return search.surroundings(number), search.neighbours(number), search.replays(number)
    except (JournalError, sqlite3.Error):
        return Surroundings(None, 0, None, 0), Neighbours(None, None), []
    finally:
        search.close()
