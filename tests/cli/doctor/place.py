"""Where situations are made, and what one is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """What a situation is made of: the tests' fixtures."""

    settings: Callable[..., Settings]
    answers: Callable[..., Any]
    folder: Path
    monkeypatch: pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Situation:
    """``make`` brings it about and looks; ``entry`` and ``state`` are what must be among what is found."""

    name: str
    entry: Chapter
    state: Severity
    make: Callable[[Place], list[CheckResult]]
