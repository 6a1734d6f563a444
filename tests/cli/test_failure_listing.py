"""``failures``: why, who was hit, and whether they got an answer later."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.record.exchange import EncodedRecord
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep
from tests.search.indexed import said, write

N8N: dict[str, Any] = {"workflow": "Invoices", "node": "Summarise", "caller": "n8n"}


def broken(number: int, prompt: str = "Why?", **names: Any) -> EncodedRecord:
    return said(number, prompt, status=500, failed=True, **(names or N8N))


def test_it_tells_why_how_often_and_whether_there_was_an_answer(run: Run, folder: Path) -> None:
    write(folder, [broken(1), said(42, "Why?", "Because.", **N8N), broken(50, "Another")])
    shown = run("failures").stdout
    assert "2 × status 500" in shown
    assert "Invoices › Summarise: never answered" in shown
    assert "Invoices › Summarise: answered after 2 tries, " in shown
    assert "2 failures: 1 request answered later, 1 never answered" in shown
    assert "answered after" not in run("failures", "--requests", "0").stdout
    told = json.loads(run("failures", "--json").stdout)
    assert (told["failures"], told["answered"], told["unanswered"]) == (2, 1, 1)


def test_where_nothing_failed_it_says_so(run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    nothing = run("failures")
    assert (nothing.exit_code, nothing.stderr, nothing.stdout) == (0, "Nothing failed.\n", "")
    assert json.loads(run("failures", "--json").stdout)["groups"] == []


def test_names_are_text(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, [broken(1, model="\u202em", user=HOSTILE.replace("\udc80", ""), error=HOSTILE.replace("\udc80", ""))])
    monkeypatch.setenv("COLUMNS", "60")
    assert all(line.isprintable() for line in run("failures").stdout.splitlines())
