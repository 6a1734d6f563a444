"""The parts of our nodes for n8n that need no n8n, in Node's own test runner."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.servers.n8n_nodes import PACKAGE, built_nodes


def test_what_the_nodes_read_from_the_recorder_is_read_rightly(tmp_path: Path) -> None:
    built_nodes(tmp_path)
    shutil.copytree(PACKAGE / "test", tmp_path / "package" / "test")
    done = subprocess.run(
        ["npm", "test"], cwd=tmp_path / "package", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = sum(len(re.findall(r"^test\(", path.read_text(), re.M)) for path in (PACKAGE / "test").iterdir())
    assert re.search(rf"^# pass {written}$|pass {written}$", done.stdout, re.M), done.stdout
