"""The Astro example as a running site: its development server, or what it builds."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import RunningServer, require, running

EXAMPLE = Path(__file__).parents[2] / "examples" / "astro"
_SECONDS_TO_BUILD = 120.0


def prepare_site(folder: Path) -> Path:
    """The example's files in ``folder``, with the packages that ``make servers`` installed."""
    packages = require("astro", "run make servers") / "node_modules"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "dist", ".astro"))
    (folder / "node_modules").symlink_to(packages)
    return folder


def build_site(site: Path, **environment: str) -> None:
    """``npm run build``. Raises AssertionError with what it said when it fails."""
    done = subprocess.run(
        [_node(), _ASTRO, "build"],
        cwd=site,
        env=_environment(site, environment),
        capture_output=True,
        text=True,
        timeout=_SECONDS_TO_BUILD,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def running_development_server(site: Path, **environment: str) -> Iterator[RunningServer]:
    """``npm run dev``."""

    def command(port: int) -> list[str | Path]:
        return [_node(), _ASTRO, "dev", "--host", "127.0.0.1", "--port", str(port)]

    with running(command, folder=site, ready="/", environment=_environment(site, environment), seconds=60) as server:
        yield server


@contextlib.contextmanager
def running_site(site: Path, **environment: str) -> Iterator[RunningServer]:
    """``npm start``, after ``build_site``."""

    def command(port: int) -> list[str | Path]:
        return ["env", f"PORT={port}", _node(), "dist/server/entry.mjs"]

    everything = _environment(site, {"HOST": "127.0.0.1", **environment})
    with running(command, folder=site, ready="/", environment=everything) as server:
        yield server


_ASTRO = "node_modules/astro/bin/astro.mjs"


def _environment(site: Path, more: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(site), "ASTRO_TELEMETRY_DISABLED": "1", **more}


def _node() -> Path:
    """A Node.js that is new enough: this system's, or the one that n8n's package brings."""
    wanted = int(json.loads((EXAMPLE / "package.json").read_text())["engines"]["node"].strip(">=").split(".")[0])
    system = shutil.which("node")
    if system:
        version = subprocess.run([system, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.strip("v\n").split(".")[0]) >= wanted:
            return Path(system)
    return require("n8n", "run make servers") / "node_modules" / "node" / "bin" / "node"
