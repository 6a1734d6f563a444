"""The real Phoenix, a reader of spans, with a database in a folder of the test."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import RunningServer, free_port, require, running


@contextlib.contextmanager
def running_phoenix(folder: Path) -> Iterator[RunningServer]:
    """Start it. Spans go to ``/v1/traces`` of its address, people to the address itself."""
    program = require("phoenix", "run make servers") / "bin" / "phoenix"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PHOENIX_WORKING_DIR": str(folder / "data"),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }

    def command(port: int) -> list[str | Path]:
        return ["env", f"PHOENIX_PORT={port}", program, "serve"]

    with running(command, folder=folder, ready="/healthz", environment=environment, seconds=600) as server:
        yield server
