"""What happens to people's words: they were masked unseen. Told by ``events``, as all events are."""

import logging
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class MaskingOverdue:
    """Masks of one's own took too long for an exchange: what they had not looked at was masked as a whole."""

    mask: str
    level: ClassVar[int] = logging.WARNING
