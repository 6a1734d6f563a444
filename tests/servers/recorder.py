"""The recorder itself, as a process of its own, the way users start it."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import RunningServer, running

PROJECT = Path(__file__).parents[2]


@contextlib.contextmanager
def running_recorder(
    folder: Path,
    *,
    port: int | None = None,
    ready: str = "/readyz",
    seconds: float = 20.0,
    python: Path | str = sys.executable,
    **environment: str,
) -> Iterator[RunningServer]:
    """Start ``python -m service serve`` with ``environment`` and nothing else of this process's settings.

    Its journal is in ``folder / "data"``, so a second one in the same folder finds what the first one kept. An
    answer waits for its record however long that takes, as tests look for the record once they have the answer: on a
    busy machine 250 ms are not always enough. A test of that hold sets ``RECORD_BEFORE_REPLY`` itself.
    """
    settings = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        "DATA_DIR": str(folder / "data"),
        "RECORD_BEFORE_REPLY": "strict",
        # Python's HTTP client reads all certificates of the machine when it is loaded: a tenth of a start.
        "SSL_CERT_FILE": os.devnull,
        "SSL_CERT_DIR": os.devnull,
        **environment,
    }

    def command(listen_port: int) -> list[str | Path]:
        return ["env", f"LISTEN=127.0.0.1:{listen_port}", python, "-m", "service", "serve"]

    with running(command, folder=folder, ready=ready, environment=settings, port=port, seconds=seconds) as server:
        yield server
