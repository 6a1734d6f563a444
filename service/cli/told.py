"""All that is told of one exchange, from the journal, its index and its record."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from service.cli.journal_access import catch_up
from service.journal import JournalError
from service.journal.reader import KeptRecord
from service.record.bodies import document
from service.record.conversation import Conversation, read_conversation
from service.record.explanation import Explanation, Surroundings, explain
from service.search.neighbours import Neighbours
from service.search.search import Search
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Told:
    """``record`` is the parsed line; ids are of exchanges of the same execution, and of repetitions."""

    number: int
    record: dict[str, Any]
    conversation: Conversation
    explanation: Explanation
    previous: str | None
    next: str | None
    replay_of: str | None
    replays: tuple[str, ...]
    trace_url: str | None


def tell(kept: KeptRecord, settings: Settings) -> Told:
    """What is known of ``kept``. Without an index, what lies around it is not known."""
    said = document(kept.row.line)
    said = said if isinstance(said, dict) else {}
    around, beside, replays = _around(kept.row.number, settings)
    trace = str(said.get("trace_id", ""))
    return Told(
        kept.row.number,
        said,
        read_conversation(said, kept.request),
        explain(said, around),
        beside.previous,
        beside.next,
        said.get("replay_of"),
        tuple(replays),
        settings.trace_url.replace("{trace_id}", trace) if settings.trace_url and trace else None,
    )


def _around(number: int, settings: Settings) -> tuple[Surroundings, Neighbours, list[str]]:
    search = Search(settings.data_dir)
    try:
        catch_up(settings)
        return search.surroundings(number), search.neighbours(number), search.replays(number)
    except (JournalError, sqlite3.Error):
        return Surroundings(None, 0, None, 0), Neighbours(None, None), []
    finally:
        search.close()
