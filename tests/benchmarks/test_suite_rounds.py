"""Rounds of the suite are clean, bounded, counted rightly, and leave nothing running or lying about."""

import re
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.benchmarks.suite_rounds import burning, main, run_round
from tests.journal.given import wait_until


@pytest.fixture(autouse=True)
def folder_of_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a failed round leaves goes with the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / ".servers").mkdir(parents=True)
    (folder / "kept").write_text("yes")
    (folder / "not committed").write_text("no")
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@localhost"]
    for words in (["init", "--quiet"], ["add", "kept"], ["commit", "--quiet", "-m", "kept"]):
        subprocess.run([*git, *words], check=True)
    return folder


def is_running(pid: int) -> bool:
    """Whether it does anything; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("with_servers", [True, False])
def test_a_round_has_what_is_committed_and_the_servers_where_they_are_wanted(source: Path, with_servers: bool) -> None:
    got = run_round(source, "ls -A | tr '\\n' ' '", 20, with_servers=with_servers)

    assert got.passed
    assert got.told[-1].split() == [".git", *([".servers"] if with_servers else []), "kept"]


def test_failures_are_told_and_a_round_that_hangs_is_given_up_with_all_it_started(source: Path, tmp_path: Path) -> None:
    says = "echo 'FAILED tests/a.py::b'; echo other; echo '1 failed'; exit 1"
    failed = run_round(source, says, 20, with_servers=True)
    began = time.monotonic()
    hanging = run_round(source, f"sleep 60 & echo $! > {tmp_path}/pid; wait", 1, with_servers=True)

    failure, kept, last = failed.told
    log = Path(kept.removeprefix("all it said: "))
    assert log.read_text().splitlines() == ["FAILED tests/a.py::b", "other", "1 failed"]
    assert (failed.passed, failure, last) == (False, "FAILED tests/a.py::b", "1 failed")
    assert not hanging.passed
    assert "given up after 1 s" in hanging.told
    assert time.monotonic() - began < 30
    left = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_running(left))


def test_burners_end_with_the_block() -> None:
    with burning(2) as burners:
        assert all(map(is_running, burners))
    assert not any(map(is_running, burners))


def test_all_rounds_are_counted(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--source", str(source), "--burners", "1"]
    assert main([*common, "--rounds", "2", "--command", "echo '3 passed'"]) == 0
    assert main([*common, "--rounds", "2", "--command", "test -e .servers"]) == 1
    printed = [re.sub(r"after \d+ s", "after a while", line) for line in capsys.readouterr().out.splitlines()]

    assert printed[:2] == ["round 1, with servers: passed after a while", "    3 passed"]
    assert printed[4] == "2 of 2 passed"
    assert printed[-1] == "1 of 2 passed"
    assert "round 2, without servers: FAILED after a while" in printed
