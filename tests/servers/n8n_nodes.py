"""Our nodes for n8n, built as the package is, in a folder that n8n loads as it loads those of its users."""

import shutil
import subprocess
from pathlib import Path

from tests.servers.process import require

PACKAGE = Path(__file__).parents[2] / "n8n" / "nodes"
SOURCES = ("credentials", "icons", "nodes", "recorder")
SECONDS_TO_BUILD = 120.0


def copy_of_package(folder: Path, program: str) -> Path:
    """The package's sources below ``folder``, with ``program`` of what it is built with; else the test is skipped."""
    found = require(f"n8n-nodes/node_modules/.bin/{program}", "run make servers")
    work = folder / "package"
    work.mkdir(parents=True)
    for name in SOURCES:
        shutil.copytree(PACKAGE / name, work / name)
    for path in (*PACKAGE.glob("*.json"), *PACKAGE.glob("*.mjs")):
        shutil.copy(path, work)
    (work / "node_modules").symlink_to(found.parents[1].absolute())
    return work


def built_nodes(folder: Path) -> Path:
    """Compile the package below ``folder``; the folder for N8N_CUSTOM_EXTENSIONS. Skips the test where tsc is absent.

    The sources have n8n-workflow beside them while they are compiled, and not when they run: they run with n8n's own.
    """
    work = copy_of_package(folder, "tsc")
    done = subprocess.run(
        ["npm", "run", "build"], cwd=work, capture_output=True, text=True, timeout=SECONDS_TO_BUILD, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    extensions = folder / "extensions"
    shutil.copytree(work / "dist", extensions)
    return extensions
