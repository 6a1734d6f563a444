"""Settings for looking at things, with nothing of this process's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.settings import Settings, read_settings


@pytest.fixture
def settings(folder: Path) -> Callable[..., Settings]:
    """``settings(LOKI_URL=…)``: DATA_DIR is ``folder``."""
    return lambda **environment: read_settings({"DATA_DIR": str(folder), "LISTEN": "127.0.0.1:1"} | environment)
