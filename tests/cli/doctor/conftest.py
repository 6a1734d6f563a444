"""Settings for looking at things with nothing of this process's, and where situations are made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings, read_settings
from tests.cli.doctor.place import Place


@pytest.fixture
def settings(folder: Path) -> Callable[..., Settings]:
    """``settings(LOKI_URL=…)``: DATA_DIR is ``folder``."""
    return lambda **environment: read_settings({"DATA_DIR": str(folder), "LISTEN": "127.0.0.1:2"} | environment)


@pytest.fixture
def place(
    settings: Callable[..., Settings], answers: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """What situations are made of."""
    return Place(settings, answers, folder, monkeypatch)
