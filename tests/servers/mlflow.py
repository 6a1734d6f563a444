"""The real MLflow, a reader of spans, with a database in a folder of the test."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import RunningServer, require, running


@contextlib.contextmanager
def running_mlflow(folder: Path) -> Iterator[RunningServer]:
    """Start it. Spans go to ``/v1/traces`` of its address with the header ``x-mlflow-experiment-id``."""
    program = require("mlflow", "run make servers") / "bin" / "mlflow"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }

    def command(port: int) -> list[str | Path]:
        options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        return [program, "server", *options, "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]

    with running(command, folder=folder, ready="/health", environment=environment, seconds=600) as server:
        yield server
