"""The real Loki with the configuration that is shipped, in a folder of the test."""

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import RunningServer, free_port, require, running

CONFIGURATION = Path(__file__).parents[2] / "loki" / "loki.yaml"


@dataclass(frozen=True, slots=True)
class Loki:
    """A running Loki and its questions."""

    server: RunningServer

    @property
    def url(self) -> str:
        """Base address, as in ``LOKI_URL``."""
        return self.server.url

    def query(self, logql: str, *, at: float, limit: int = 5000) -> list[dict[str, Any]]:
        """The result of a metric query at the Unix time ``at``: a list of ``{"metric", "value"}``."""
        return self._ask("query", {"query": logql, "time": str(int(at * 1e9)), "limit": str(limit)})

    def query_range(self, logql: str, *, start: float, end: float, limit: int = 5000) -> list[dict[str, Any]]:
        """The result of a log query between two Unix times, oldest first: a list of ``{"stream", "values"}``."""
        times = {"start": str(int(start * 1e9)), "end": str(int(end * 1e9))}
        return self._ask("query_range", {"query": logql, "limit": str(limit), "direction": "forward", **times})

    def push(self, streams: list[dict[str, Any]]) -> tuple[int, str]:
        """Push ``streams`` as Loki's JSON; the status and what it said."""
        request = urllib.request.Request(
            f"{self.url}/loki/api/v1/push",
            json.dumps({"streams": streams}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def _ask(self, route: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
        address = f"{self.url}/loki/api/v1/{route}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as reply:
                answer: list[dict[str, Any]] = json.load(reply)["data"]["result"]
                return answer
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"Loki answered {error.code}: {error.read().decode()}") from None


@contextlib.contextmanager
def running_loki(folder: Path, *, port: int | None = None, flags: tuple[str, ...] = ()) -> Iterator[Loki]:
    """Start the shipped configuration with its data in ``folder``; start it again there to find the data again.

    Only paths, ports and addresses are overridden. ``flags`` are further options, for instance a lower limit.
    """
    program = require("loki", "run make servers")

    def command(http_port: int) -> list[str | Path]:
        return [
            program,
            f"-config.file={CONFIGURATION}",
            f"-common.path-prefix={folder}",
            f"-common.storage.filesystem.chunk-directory={folder / 'chunks'}",
            f"-common.storage.filesystem.rules-directory={folder / 'rules'}",
            "-server.http-listen-address=127.0.0.1",
            f"-server.http-listen-port={http_port}",
            f"-server.grpc-listen-port={free_port()}",
            *flags,
        ]

    with running(command, folder=folder, ready="/ready", port=port, seconds=60) as server:
        yield Loki(server)
