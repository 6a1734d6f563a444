"""The versions, for whoever reports something."""

import platform
import sqlite3
from pathlib import Path

import pytest

from service.cli.doctor import machine
from service.cli.doctor.check_result import Severity
from service.cli.doctor.machine import look_at_machine


@pytest.fixture(autouse=True)
def _no_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine has that the tests run on."""
    monkeypatch.setattr(machine, "unreadable_zones", list)


def test_versions_are_told() -> None:
    (found,) = look_at_machine()
    assert found.state is Severity.GOOD
    assert platform.python_version() in found.text
    assert f"SQLite {sqlite3.sqlite_version}" in found.text
    assert "aiohttp 3." in found.text


def test_a_sqlite_that_is_too_old_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 30, 1))
    (found,) = look_at_machine()
    assert (found.state, "3.35" in found.advice) == (Severity.PROBLEM, True)


def test_a_meter_that_may_not_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "unreadable_zones", lambda: [Path("/sys/class/powercap/intel-rapl:0/energy_uj")])
    _, found = look_at_machine()
    assert found.state is Severity.NOTE
    assert "intel-rapl:0/energy_uj" in found.text
