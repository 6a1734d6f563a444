"""The real Prometheus with the configuration that is shipped, in a folder of the test."""

import contextlib
import json
import struct
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
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

    def query(self, expr: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """What ``expr`` is now, or at a Unix time: a list of ``{"metric", "value"}``."""
        times = {} if at is None else {"time": str(at)}
        address = f"{self.server.url}/api/v1/query?{urllib.parse.urlencode({'query': expr} | times)}"
        with urllib.request.urlopen(address, timeout=30) as reply:
            answer: list[dict[str, Any]] = json.load(reply)["data"]["result"]
            return answer

    def write(self, samples: Iterable[tuple[Mapping[str, str], float]], at: float) -> None:
        """Give it ``samples``, labels (the name is ``__name__``) and value, as of the Unix time ``at``.

        Times must not go back. It is Prometheus' remote write: protobuf in a frame of Snappy, here not compressed.
        """
        message = b"".join(_bytes_field(1, _series(labels, value, int(at * 1000))) for labels, value in samples)
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        headers["X-Prometheus-Remote-Write-Version"] = "0.1.0"
        request = urllib.request.Request(f"{self.server.url}/api/v1/write", _snappy(message), headers)
        with urllib.request.urlopen(request, timeout=30):
            pass


def _series(labels: Mapping[str, str], value: float, milliseconds: int) -> bytes:
    named = b"".join(
        _bytes_field(1, _bytes_field(1, name.encode()) + _bytes_field(2, text.encode()))
        for name, text in sorted(labels.items())
        if text
    )
    return named + _bytes_field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(milliseconds))


def _bytes_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    pieces = bytearray()
    while value > 0x7F:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*pieces, value])


def _snappy(content: bytes) -> bytes:
    """A block of literals."""
    pieces = [content[start : start + 65536] for start in range(0, len(content), 65536)]
    literals = (b"\xf4" + struct.pack("<H", len(piece) - 1) + piece for piece in pieces)
    return _varint(len(content)) + b"".join(literals)


@contextlib.contextmanager
def running_prometheus(folder: Path, recorder: str, token: str) -> Iterator[Prometheus]:
    """Start the shipped configuration in front of ``recorder`` (``host:port``), which it shows ``token``.

    Changed are the address, the token's file and how often it asks: a test has no 15 seconds.
    """
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
    with _running(folder, text) as prometheus:
        yield prometheus


@contextlib.contextmanager
def prometheus_to_write_to(folder: Path) -> Iterator[Prometheus]:
    """Start one that asks nobody: so that what it is given may be of any time."""
    folder.mkdir(parents=True)
    with _running(folder, "{}") as prometheus:
        yield prometheus


@contextlib.contextmanager
def _running(folder: Path, text: str) -> Iterator[Prometheus]:
    program = require("prometheus", "run make servers")
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
