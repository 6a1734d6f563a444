"""``report``: what happened, for a mail."""

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.kept import chat, keep


def test_it_is_markdown_or_html_printed_or_in_a_file_of_its_owner(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder, chat(1), chat(9, status=500))
    since = ("--since", "2020-01-01")
    markdown = run("report", *since).stdout
    assert markdown.startswith("# Ollama Recorder, ")
    assert "2 model calls, 1 failure, 1 request never answered" in markdown
    assert "| Invoices | 2 |" in markdown
    assert run("report", "--from", "2020-01-01").stdout.splitlines()[2:] == markdown.splitlines()[2:]
    html = run("report", *since, "--html").stdout
    assert html.startswith("<!doctype html>")
    assert run("report", *since, "--format", "html").stdout[:20] == html[:20]
    path = tmp_path / "report.md"
    assert run("report", *since, "--output", str(path)).exit_code == 0
    assert path.read_text().splitlines()[2:] == markdown.splitlines()[2:]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_of_since_yesterday_unless_told_otherwise(run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    assert "**0 model calls, nothing failed.**" in run("report").stdout


@pytest.mark.parametrize(
    "words", [("--since", "soon"), ("--since", "2026-01-03", "--to", "2026-01-01"), ("--format", "pdf")]
)
def test_what_cannot_be_understood_is_refused(words: tuple[str, ...], run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    assert run("report", *words).exit_code == 2


def test_a_file_that_cannot_be_written_is_told(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder, chat(1))
    failed = run("report", "--output", str(tmp_path / "nowhere" / "report.md"))
    assert failed.exit_code == 1
    assert "cannot be written" in failed.stderr
