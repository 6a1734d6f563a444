"""The real Ollama with one model of random weights that answers in milliseconds."""

import contextlib
import hashlib
import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import RunningServer, require, running

MODEL = "tiny"
TEMPLATE = "{{ range .Messages }}{{ .Role }}: {{ .Content }}\n{{ end }}assistant:"


@dataclass(frozen=True, slots=True)
class Ollama:
    """A running Ollama that has the model named ``model``."""

    server: RunningServer
    model: str = MODEL

    @property
    def url(self) -> str:
        """Base address, as in ``OLLAMA_URL``."""
        return self.server.url

    def ask(self, path: str, body: bytes | dict[str, Any] | None = None) -> Any:
        """GET, or POST ``body``, straight to it; its answer read as JSON (None when empty)."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        with urllib.request.urlopen(urllib.request.Request(self.url + path, content), timeout=60) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def remove(self, model: str) -> None:
        """Delete a model that a test has made: all others share this server."""
        request = urllib.request.Request(
            self.url + "/api/delete", json.dumps({"model": model}).encode(), method="DELETE"
        )
        urllib.request.urlopen(request, timeout=60).close()


@contextlib.contextmanager
def running_ollama(folder: Path, *, port: int | None = None) -> Iterator[Ollama]:
    """Start Ollama with its home and its models in ``folder``, and create the model there."""
    program = require("ollama", "run make servers")
    weights = require("tiny.gguf", "run make servers").read_bytes()

    def command(listen_port: int) -> list[str | Path]:
        return ["env", f"OLLAMA_HOST=127.0.0.1:{listen_port}", program, "serve"]

    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "OLLAMA_MODELS": str(folder / "models"),
        "OLLAMA_NO_CLOUD": "1",
        "OLLAMA_NUM_PARALLEL": "4",
    }
    with running(command, folder=folder, ready="/api/version", environment=environment, port=port) as server:
        ollama = Ollama(server)
        _create_model(ollama, weights)
        yield ollama


def _create_model(ollama: Ollama, weights: bytes) -> None:
    digest = "sha256:" + hashlib.sha256(weights).hexdigest()
    ollama.ask(f"/api/blobs/{digest}", weights)
    created = ollama.ask(
        "/api/create",
        {
            "model": MODEL,
            "files": {"tiny.gguf": digest},
            "template": TEMPLATE,
            "parameters": {"num_predict": 40},
            "stream": False,
        },
    )
    assert created == {"status": "success"}, created
