"""``backup`` and ``restore`` as a person types them, and as Docker pipes them."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from tests.cli.kept import chat, keep
from tests.journal.given import kept_ids, open_journal

Run = Callable[..., Result]
PROGRAM = [sys.executable, "-m", "service"]


def test_a_backup_goes_back_by_the_command_that_it_names(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder, chat(1), chat(2))
    copy = tmp_path / "Ann's copies" / "journal.backup"
    copy.parent.mkdir()
    made = run("backup", str(copy))
    assert made.exit_code == 0
    named = made.stderr.partition("Put it back with: ollama-recorder ")[2]
    keep(folder, chat(3))
    back = run(*shlex.split(named))
    assert back.exit_code == 0
    assert "2 records are in the journal now. Start the recorder." in back.stdout
    assert ".replaced-" in back.stdout
    assert kept_ids(folder) == [1, 2]


def test_a_pipe_carries_it_both_ways_and_nothing_is_left_beside_the_journal(folder: Path, tmp_path: Path) -> None:
    keep(folder, *(chat(number) for number in range(1, 30)))
    environment = {**os.environ, "DATA_DIR": str(folder)}
    piped = subprocess.run([*PROGRAM, "backup", "-"], env=environment, capture_output=True, timeout=60, check=True)
    assert piped.stderr == b""
    assert not list(folder.glob("journal.backup-*"))
    other = {**os.environ, "DATA_DIR": str(tmp_path / "other")}
    back = subprocess.run(
        [*PROGRAM, "restore", "-"], env=other, input=piped.stdout, capture_output=True, timeout=60, check=True
    )
    assert back.stdout == b"29 records are in the journal now. Start the recorder.\n"
    assert kept_ids(tmp_path / "other") == list(range(1, 30))


def test_what_is_wrong_is_said_in_a_sentence(run: Run, folder: Path, tmp_path: Path) -> None:
    missing = run("backup", str(tmp_path / "copy"))
    assert missing.exit_code == 1
    assert "There is no journal in" in missing.stderr
    keep(folder, chat(1))
    absent = run("restore", str(tmp_path / "absent"))
    assert absent.exit_code == 1
    assert "absent cannot be read: No such file or directory." in absent.stderr
    with open_journal(folder):
        running = run("restore", str(folder / "journal.sqlite3"))
    assert running.exit_code == 1
    assert "A recorder is using the journal: stop it" in running.stderr
    assert kept_ids(folder) == [1]
