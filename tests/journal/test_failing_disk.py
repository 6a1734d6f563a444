"""Reads, writes and syncs of the journal fail as on a dying or full disk: nothing is lost, nothing is there twice."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journal.failing_disk import build

FEW, MANY = 12, 250


@pytest.fixture
def library(tmp_path: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler is here: apt-get install gcc")
    return build(compiler, tmp_path)


@pytest.mark.parametrize(("first", "count"), [(0, FEW), pytest.param(1000, MANY, marks=pytest.mark.long)])
def test_sequences_on_a_failing_disk_lose_nothing(tmp_path: Path, library: Path, first: int, count: int) -> None:
    folder = tmp_path / "sequences"
    folder.mkdir()
    child = subprocess.run(
        [sys.executable, "-m", "tests.journal.failing_disk", str(folder), str(first), str(count)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        timeout=60 + count * 2,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-6000:]
    print(child.stdout)
    failed = re.search(r", ([0-9]+) calls of the disk failed", child.stdout)
    assert failed is not None
    assert int(failed[1]) > count
