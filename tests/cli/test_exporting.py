"""``export``: a whole file or none, and only the owner's."""

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli import exporting
from service.cli.exporting import Form
from service.exports.formats import FORMATS
from service.journal import JournalError
from service.search.matching import Matches
from tests.cli.conftest import Run
from tests.cli.kept import chat, keep
from tests.cli.test_screen import on_a_terminal
from tests.servers.recorder import PROJECT


@pytest.fixture(autouse=True)
def records(folder: Path) -> None:
    keep(
        folder, *(chat(number, f"question {number}", model="phi4" if number % 2 else "tiny") for number in range(1, 11))
    )


def test_every_format_can_be_asked_for() -> None:
    assert {form.value for form in Form} == FORMATS.keys()


def test_what_a_filter_lets_through_is_printed(run: Run) -> None:
    lines = run("export", "jsonl", "--model", "phi4").stdout.splitlines()
    assert [json.loads(line)["model"] for line in lines] == ["phi4"] * 5
    table = list(csv.DictReader(io.StringIO(run("export", "csv").stdout, newline="")))
    assert len(table) == 10
    archive = json.loads(run("export", "har", "--status", "200").stdout)
    assert len(archive["log"]["entries"]) == 10


@pytest.mark.parametrize("flag", ["--drop-system", "--all", "--keep-thinking", "--tool-arguments-as-objects"])
def test_what_only_chats_can_do_is_not_silently_left_undone(flag: str, run: Run) -> None:
    done = run("export", "jsonl", flag)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{flag} is for chat.jsonl" in done.stderr


def test_one_conversation_is_not_several(run: Run, folder: Path) -> None:
    only = json.loads(run("list", "--limit", "1", "--json").stdout)["exchange"]
    assert "1 conversation written." in run("export", "chat.jsonl", "--exchange", only).stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk here")
@pytest.mark.parametrize("words", [["export", "jsonl"], ["list"], ["list", "--json"], ["stats"]])
def test_a_full_disk_behind_the_output_is_a_sentence(words: list[str], folder: Path) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), "DATA_DIR": str(folder)}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "service", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=PROJECT,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"The result cannot be written: No space left on device.\n")


def test_conversations_are_counted_and_so_is_what_was_left_out(run: Run) -> None:
    done = run("export", "chat.jsonl")
    assert len(done.stdout.splitlines()) == 10
    assert "10 conversations written" in done.stderr
    assert json.loads(done.stdout.splitlines()[0])["messages"][0] == {"role": "user", "content": "question 10"}


def test_a_file_is_put_in_place_whole_and_for_its_owner_only(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("older")
    file.chmod(0o644)
    link = tmp_path / "link.jsonl"
    link.symlink_to(file)
    done = run("export", "jsonl", "--output", str(link))
    assert (done.exit_code, done.stdout) == (0, "")
    assert len(file.read_text().splitlines()) == 10
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out.jsonl", "link.jsonl"}


def test_a_failure_leaves_the_older_file_and_nothing_beside_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(matches: Matches, wanted: object) -> int:
        raise JournalError("the journal cannot be read: disk I/O error")

    monkeypatch.setattr(Matches, "count", fail)
    file = tmp_path / "out.csv"
    file.write_text("older")
    done = run("export", "csv", "--output", str(file))
    assert done.exit_code == 1
    assert "disk I/O error" in done.stderr
    assert file.read_text() == "older"
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out.csv"}


@pytest.mark.parametrize("name", ["", "absent/out.csv", "data", "n" * 300])
def test_a_place_that_cannot_be_written_is_said_in_one_sentence(name: str, run: Run, tmp_path: Path) -> None:
    done = run("export", "csv", "--output", str(tmp_path / name))
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.output


def test_a_pipe_with_a_name_is_written_to_and_stays(run: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert run("export", "jsonl", "--output", str(pipe)).exit_code == 0
    reader.join(10)
    assert len(read[0].splitlines()) == 10
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_reader_that_has_enough_ends_it_quietly(folder: Path) -> None:
    keep(folder, *(chat(number, "long " * 2000) for number in range(11, 200)))
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m service export jsonl | head -c 1"],
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT), "DATA_DIR": str(folder)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == b"{"
    assert b"Traceback" not in done.stderr


def test_an_archive_is_not_thrown_at_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        class stdout:  # noqa: N801
            @staticmethod
            def isatty() -> bool:
                return True

    monkeypatch.setattr(exporting, "sys", Terminal)
    assert run("export", "har").exit_code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_ended_leaves_no_prompts_behind(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def ended(*_: object) -> Iterator[list[int]]:
        assert set(tmp_path.iterdir()) > before, "it writes already"
        os.kill(os.getpid(), number)
        yield []

    monkeypatch.setattr(Matches, "numbers", ended)
    before = set(tmp_path.iterdir())
    assert run("export", "csv", "--output", str(tmp_path / "out.csv")).exit_code == 128 + number
    assert set(tmp_path.iterdir()) == before


def test_an_archive_names_the_address_at_which_the_recorder_listens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN", "0.0.0.0:9123")
    entries = json.loads(run("export", "har").stdout)["log"]["entries"]
    assert {entry["request"]["url"][:34] for entry in entries} == {"http://127.0.0.1:9123/api/ollama/a"}


def test_on_a_terminal_no_bar_is_drawn_into_what_is_printed(folder: Path) -> None:
    code = "import sys\nsys.argv = ['ollama-recorder', 'export', 'jsonl']\nfrom service.cli import main\nmain()\n"
    written = on_a_terminal(code, DATA_DIR=str(folder))
    assert b'"exchange"' in written
    assert b"exporting" not in written
    assert b"\x1b" not in written
