"""The command's words, in this process. ``tests/integration/test_command_line.py`` starts it as users do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import service
from service.cli import app
from service.settings import TABLE


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    for variable in TABLE.values():
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return CliRunner()


def test_the_version_is_the_packages(run: CliRunner) -> None:
    assert run.invoke(app, ["version"]).stdout == service.__version__ + "\n"


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
    assert "http://127.0.0.1:1/healthz" in told.stderr
    assert "Connection refused" in told.stderr
