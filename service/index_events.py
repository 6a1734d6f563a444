"""What happens to the index, as an event."""

import logging
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class IndexDiscarded:
    """The index was damaged: its file was deleted, and it is made anew from the journal."""

    reason: str
    level: ClassVar[int] = logging.WARNING
