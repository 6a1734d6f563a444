"""An exchange as an entry of a list: its record without its bodies, their first words, and its phases."""

from typing import Any

from service.record.conversation import opening
from service.record.fields import BODIES
from service.record.phases import durations_of, phases_of
from service.record.record import Record


def summarise(number: int, record: Record) -> dict[str, Any]:
    """The entry of ``/exchanges.json`` for the record with this number in the journal.

    ``prompt`` and ``answer`` are the first words, ``phases`` pairs of a phase and its seconds, in their order. Absent
    is what is unknown. Never raises: of a line that is no JSON object, the number is left.
    """
    if not record.values:
        return {"number": number}
    summary = {"number": number} | {key: value for key, value in record.values.items() if key not in BODIES}
    for key, words in zip(("prompt", "answer"), opening(record), strict=True):
        if words:
            summary[key] = words
    if phases := phases_of(record, durations_of(record)):
        summary["phases"] = [(phase.name, phase.seconds) for phase in phases]
    return summary
