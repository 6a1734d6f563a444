"""The versions, for whoever reports something."""

import platform
import sqlite3

import pytest

from service.cli.doctor.check_result import Severity
from service.cli.doctor.machine import look_at_machine


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
