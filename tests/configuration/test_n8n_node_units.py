"""The parts of our nodes for n8n that need no n8n, in Node's own test runner, and n8n's lint for such packages."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.n8n_nodes import PACKAGE, built_nodes, copy_of_package


def test_what_the_nodes_read_from_the_recorder_is_read_rightly(tmp_path: Path) -> None:
    built_nodes(tmp_path)
    shutil.copytree(PACKAGE / "test", tmp_path / "package" / "test")
    done = subprocess.run(
        ["npm", "test"], cwd=tmp_path / "package", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = sum(len(re.findall(r"^test\(", path.read_text(), re.M)) for path in (PACKAGE / "test").iterdir())
    assert re.search(rf"^# pass {written}$|pass {written}$", done.stdout, re.M), done.stdout


@pytest.mark.long
def test_n8ns_own_lint_for_community_packages_finds_nothing(tmp_path: Path) -> None:
    package = copy_of_package(tmp_path, "eslint")
    command = ["npm", "run", "lint"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_n8ns_own_lint_looks_at_nodes_credentials_and_the_package_itself(tmp_path: Path) -> None:
    package = copy_of_package(tmp_path, "eslint")
    spoiled = {
        "package.json": ('"name": "n8n-nodes-ollama-recorder"', '"name": "ollama-recorder"'),
        "credentials/OllamaRecorderApi.credentials.ts": ("typeOptions: { password: true },", ""),
        "nodes/OllamaRecorder/OllamaRecorder.node.ts": (
            "throw new NodeOperationError(this.getNode(), error as",
            "throw (error as",
        ),
    }
    for name, (old, new) in spoiled.items():
        text = (package / name).read_text()
        assert old in text
        (package / name).write_text(text.replace(old, new).replace("(error as Error, { itemIndex: item })", "error"))
    command = ["npm", "run", "lint", "--", "--format", "json"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=120, check=False)
    found = json.loads(done.stdout[done.stdout.index("[") :])
    faulty = {Path(one["filePath"]).relative_to(package.resolve()).as_posix() for one in found if one["errorCount"]}
    assert faulty == spoiled.keys()
