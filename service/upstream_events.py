"""The events of several Ollamas; ``events`` counts and logs them with all others."""

import logging
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class UpstreamLeft:
    """One of several Ollamas gets no calls until it is well again."""

    upstream: str
    trouble: str
    level: ClassVar[int] = logging.WARNING


@dataclass(frozen=True, slots=True)
class UpstreamReturned:
    """It is well again, and gets calls."""

    upstream: str
    level: ClassVar[int] = logging.INFO
