"""An exchange as an entry of a list: its record without its bodies, and the first words of both."""

from typing import Any

import orjson

from service.record.conversation import opening
from service.record.line import BODY_KEYS


def summarise(number: int, line: bytes) -> dict[str, Any]:
    """The entry of ``/exchanges.json`` for the record with this number in the journal and this line.

    ``prompt`` and ``answer`` are the first words. Absent is what is unknown. Never raises: of a line that is no
    JSON object, the number is left.
    """
    try:
        said = orjson.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return {"number": number}
    summary = {"number": number} | {key: value for key, value in said.items() if key not in BODY_KEYS}
    for key, words in zip(("prompt", "answer"), opening(said), strict=True):
        if words:
            summary[key] = words
    return summary
