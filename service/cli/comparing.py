"""``compare``: any two exchanges side by side: what was asked differently, and what came out."""

from dataclasses import asdict
from typing import Annotated

from service.cli.command_line import argument, option
from service.cli.completing import complete_id
from service.cli.environment import current_settings, stop
from service.cli.screen import say_json
from service.cli.side_by_side import Side, show_both
from service.record.answer_words import answer_of

First = Annotated[
    str,
    argument(metavar="ID", help="Of an exchange; its beginning is enough.", complete=complete_id),
]
Second = Annotated[str, argument(metavar="ID", help="Of the one that it is compared with.", complete=complete_id)]
AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]


def compare(first: First, second: Second, as_json: AsJson = False) -> None:
    """Compare two exchanges: what the second asked otherwise, the words of their answers that differ, their numbers."""
    from service.cli.journal_access import reading, whole_id
    from service.cli.showing import show_content
    from service.cli.word_diff import difference, likeness
    from service.inspector.two_exchanges import changes_of
    from service.record.phases import durations_of, phases_of
    from service.record.record import Record

    with reading(current_settings()) as reader:
        found = [reader.record(whole_id(reader, text)) for text in (first, second)]
    before, now = found
    if before is None or now is None:
        stop("One of both is not in the journal any more.")
    changes = changes_of(before, now)
    records = Record(before.row.line), Record(now.row.line)
    if as_json:
        pieces = difference(*map(answer_of, records))
        say_json(
            {
                "before": before.row.id,
                "now": now.row.id,
                "changes": [asdict(change) for change in changes],
                "likeness": round(likeness(pieces), 3),
                "difference": pieces,
            },
            indent=2,
        )
        return
    show_content(changes)
    sides = [
        Side(record, {phase.name: phase.seconds for phase in phases_of(record, durations_of(record))})
        for record in records
    ]
    show_both(sides[0], sides[1], ("first", "second"))
