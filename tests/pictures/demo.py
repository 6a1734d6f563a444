"""The demo (``python -m examples.demo``) on a free port, and a few calls more that fail."""

import contextlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.servers.process import running
from tests.servers.recorder import PROJECT

_NEWSLETTER = {"model": "llama3.3", "messages": [{"role": "user", "content": "Write the newsletter of December."}]}
_SUMMARY = {"model": "mistral:7b", "messages": [{"role": "user", "content": "Summarise this page."}]}
_FAILURES: tuple[tuple[str, dict[str, Any], dict[str, str]], ...] = (
    ("~workflow=Newsletter;node=Write;execution=88/api/chat", _NEWSLETTER, {"User-Agent": "n8n"}),
    ("api/pull", {"model": "llama3.3"}, {"User-Agent": "curl/8.5.0"}),
    ("api/chat", _SUMMARY, {"User-Agent": "Mozilla/5.0", "Origin": "https://app.example.org"}),
)
_SECONDS_TO_INDEX = 30.0
_A_DAY = 400  # exchanges that the demo begins with


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: its address, and the folder of its journal."""

    url: str
    port: int
    folder: Path

    def ask(self, path: str) -> Any:
        """What the recorder answers with JSON."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def newest(self, **filters: str) -> str:
        """The id of the newest exchange that ``filters`` let through."""
        return str(self.found(1, **filters)[0]["exchange"])

    def found(self, least: int, **filters: str) -> list[dict[str, Any]]:
        """The exchanges that ``filters`` let through, as soon as there are so many: the index follows the journal."""
        until = time.monotonic() + _SECONDS_TO_INDEX
        while True:
            found: list[dict[str, Any]] = self.ask(f"/exchanges.json?{urlencode(filters)}")["exchanges"]
            if len(found) >= least:
                return found
            assert time.monotonic() < until, f"{len(found)} exchanges instead of {least} for {filters}"
            time.sleep(0.2)

    def let_calls_fail(self) -> None:
        """A model that is not there, a download that is not allowed, a web page of a stranger."""
        for path, body, headers in _FAILURES:
            _fail(f"{self.url}/api/ollama/{path}", body, headers)
        self.found(len(_FAILURES), failed="true", **{"from": "-2m"})


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Start it in ``folder``. It makes one call by itself, and then none for a day."""

    def command(port: int) -> list[str | Path]:
        return ["env", f"LISTEN=127.0.0.1:{port}", "DEMO_PAUSE=100000", sys.executable, "-m", "examples.demo"]

    folder.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT), "TMPDIR": str(folder)}
    with running(command, folder=folder, ready="/readyz", environment=environment) as server:
        (journal,) = folder.glob("ollama-recorder-demo-*")
        demo = Demo(server.url, server.port, journal)
        until = time.monotonic() + _SECONDS_TO_INDEX
        while demo.ask("/timeline.json")["count"] < _A_DAY:
            assert time.monotonic() < until, "the day of the demo is not in the index"
            time.sleep(0.2)
        yield demo


def _fail(url: str, body: dict[str, Any], headers: dict[str, str]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        urllib.request.urlopen(request, timeout=20).close()
    except urllib.error.HTTPError as refused:
        refused.close()
    else:
        raise AssertionError(f"{url} did not fail")
