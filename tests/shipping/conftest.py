import os

import pytest

from service import event_log


@pytest.fixture(params=[500, pytest.param(2000, marks=pytest.mark.long)])
def records_to_ship(request: pytest.FixtureRequest) -> int:
    """How long Loki's outage lasts, in records; ``RECORDS_TO_SHIP=20000`` makes it a long one."""
    return int(os.environ.get("RECORDS_TO_SHIP", request.param))


@pytest.fixture(autouse=True)
def events_are_logged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test made known keeps no other test's events quiet."""
    monkeypatch.setattr(event_log, "_last_logged", {})
