"""The command's words, in this process. ``tests/integration/test_command_line.py`` starts it as users do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import service
from service.cli import app
from service.settings import TABLE
from tests.cli.answering import Said, answering
from tests.servers.recorder import PROJECT


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    for variable in TABLE.values():
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return CliRunner()


def test_the_version_is_the_packages(run: CliRunner) -> None:
    assert run.invoke(app, ["version"]).stdout == service.full_version() + "\n"


def test_help_names_every_command_and_an_unknown_one_is_a_mistake(run: CliRunner) -> None:
    told = run.invoke(app, ["--help"])
    assert told.exit_code == 0
    assert all(word in told.stdout for word in ("serve", "settings", "health", "journal", "ship", "version"))
    assert run.invoke(app, ["nonsense"]).exit_code == 2


def test_settings_can_be_read_by_programs_and_show_no_secret(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKI_TOKEN", "hunter2")
    monkeypatch.setenv("LISTEN", "0.0.0.0:80")
    for words in (["settings", "--json"], ["settings"]):
        shown = run.invoke(app, words)
        assert shown.exit_code == 0
        assert "hunter2" not in shown.output
    rows = {row["variable"]: row for row in json.loads(run.invoke(app, ["settings", "--json"]).stdout)}
    assert rows.keys() == {variable.name for variable in TABLE.values()}
    assert rows["LOKI_TOKEN"]["value"] == "(set)"
    assert rows["LISTEN"]["value"] == "0.0.0.0:80"
    assert rows["LISTEN"]["default"] == "127.0.0.1:8080"


@pytest.mark.parametrize("words", [["settings"], ["health"], ["journal", "check"], ["ship", "status"], ["serve"]])
def test_every_command_stops_at_a_wrong_setting_with_code_2(
    words: list[str], run: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN", "nowhere")
    monkeypatch.setenv("RETENTION_DAYS", "-1")
    stopped = run.invoke(app, words)
    assert stopped.exit_code == 2
    assert "LISTEN='nowhere': expected" in stopped.stderr
    assert "RETENTION_DAYS='-1': expected" in stopped.stderr


@pytest.mark.parametrize(
    "words", [["journal", "check"], ["journal", "compact"], ["ship", "status"], ["ship", "status", "--json"]]
)
def test_without_a_journal_there_is_nothing_to_tell(words: list[str], run: CliRunner, tmp_path: Path) -> None:
    told = run.invoke(app, words)
    assert told.exit_code == 1
    assert "no journal" in told.stderr
    assert str(tmp_path / "data") in told.stderr
    assert told.stdout == ""
    assert not (tmp_path / "data").exists()


def test_health_says_which_address_did_not_answer(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN", "127.0.0.1:1")
    told = run.invoke(app, ["health"])
    assert told.exit_code == 1
    assert "http://127.0.0.1:1/readyz" in told.stderr
    assert "Connection refused" in told.stderr


@pytest.mark.parametrize("body", [b"ok", b"{}", b"[1]", b'{"status": "ready", "degraded": 3}', b"[" * 100_000, b"\xff"])
def test_health_believes_nobody_who_answers_otherwise_than_a_recorder(run: CliRunner, body: bytes) -> None:
    with answering({"/readyz": Said(body)}) as other:
        told = run.invoke(app, ["health", "--url", other.url])
    assert told.exit_code == 1
    assert "not as a recorder does" in told.stderr


def test_where_it_cannot_run_it_says_so_before_anything_is_loaded(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, service.__main__ as m; sys.platform = 'win32'; m.start()", "version"],
        env={"PYTHONPATH": str(PROJECT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (1, "")
    assert "Linux and macOS" in told.stderr
    assert "WSL or in Docker" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["version", "list", "failures --json", "export csv", "backup -", "docs record"])
def test_without_standard_streams_nothing_is_said_and_nothing_breaks(tmp_path: Path, closed: str, words: str) -> None:
    journal = tmp_path / "data" / "journal.sqlite3"
    told = subprocess.run(
        ["sh", "-c", f'exec "$0" -m service {words} {closed}', sys.executable],
        capture_output=True,
        env=os.environ | {"DATA_DIR": str(journal.parent)},
        timeout=60,
    )
    assert b"Traceback" not in told.stdout + told.stderr
    assert told.returncode in (0, 1)
    assert not journal.exists()
