"""The real Prometheus with the configuration that is shipped, in a folder of the test."""

import contextlib
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import RunningServer, require, running

CONFIGURATION = Path(__file__).parents[2] / "prometheus" / "prometheus.yml"
SCRAPE_INTERVAL = "500ms"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus and its one question."""

    server: RunningServer

    def query(self, expr: str) -> list[dict[str, Any]]:
        """What ``expr`` is now: a list of ``{"metric", "value"}``."""
        address = f"{self.server.url}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
        with urllib.request.urlopen(address, timeout=30) as reply:
            answer: list[dict[str, Any]] = json.load(reply)["data"]["result"]
            return answer


@contextlib.contextmanager
def running_prometheus(folder: Path, recorder: str, token: str) -> Iterator[Prometheus]:
    """Start the shipped configuration in front of ``recorder`` (``host:port``), which it shows ``token``.

    Changed are the address, the token's file and how often it asks: a test has no 15 seconds.
    """
    program = require("prometheus", "run make servers")
    folder.mkdir(parents=True)
    (folder / "token").write_text(token)
    text = CONFIGURATION.read_text()
    for shipped, here in (
        ("recorder:8080", recorder),
        ("/tmp/inspector-token", str(folder / "token")),
        ("scrape_interval: 15s", f"scrape_interval: {SCRAPE_INTERVAL}"),
        ("scrape_timeout: 10s", f"scrape_timeout: {SCRAPE_INTERVAL}"),
    ):
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    configuration = folder / "prometheus.yml"
    configuration.write_text(text)

    def command(port: int) -> list[str | Path]:
        return [
            program,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
        ]

    with running(command, folder=folder, ready="/-/ready", seconds=60) as server:
        yield Prometheus(server)
