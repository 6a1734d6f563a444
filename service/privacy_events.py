"""What happens to people's words: they were read, or masked unseen. Told by ``events``, as all events are."""

import logging
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class MaskingOverdue:
    """Masks of one's own took too long for an exchange: what they had not looked at was masked as a whole."""

    mask: str
    level: ClassVar[int] = logging.WARNING


@dataclass(frozen=True, slots=True)
class WordsRead:
    """A reader whom READERS_FILE names asked for prompts or answers."""

    reader: str
    address: str
    path: str
    level: ClassVar[int] = logging.INFO
    is_audit: ClassVar[bool] = True
