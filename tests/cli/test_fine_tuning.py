"""docs/fine-tuning.md: its commands are understood, and its Python reads what they write."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.kept import chat, keep
from tests.cli.test_dataset import with_tools
from tests.servers.process import require
from tests.servers.recorder import PROJECT

PAGE = (PROJECT / "docs" / "fine-tuning.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def records(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    caller = {"workflow": "Sort mails"}
    keep(
        folder,
        *(chat(n, f"mail {n}", "answer " * 40, caller=caller) for n in range(1, 41)),
        with_tools(41, "f", {"a": "x"}),
    )
    monkeypatch.chdir(tmp_path)


def test_its_commands_do_what_it_says(run: Run, tmp_path: Path) -> None:
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", PAGE, re.DOTALL)
    commands = [
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if "ollama-recorder " in line
    ]
    assert len(commands) >= 3
    for command in commands:
        done = run(*shlex.split(command)[1:])
        assert done.exit_code == 0, done.stderr
    assert (tmp_path / "mails" / "README.md").is_file()


def test_its_options_are_those_of_the_command(run: Run) -> None:
    told = run("dataset", "--help").stdout
    for option in set(re.findall(r"`(--[a-z-]+)", PAGE.partition("## 3.")[0])) - {"--exchange", "--q"}:
        assert option in told


def test_its_python_reads_the_folder(run: Run, tmp_path: Path) -> None:
    python = require("clients", "run make servers") / "bin" / "python"
    assert run("dataset", "mails").exit_code == 0
    load, objects, _ = PYTHON
    check = """
rows = [row for side in conversations.values() for row in side]
called = next(row for row in rows if row["tools"])
print(with_objects(called["messages"][1])["tool_calls"][0]["function"]["arguments"], len(rows))
"""
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}
    command = [str(python), "-c", load + objects + check]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "{'a': 'x'} 41"
