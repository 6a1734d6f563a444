"""A real Ollama with two models of random weights that answer in milliseconds: one talks, one makes vectors."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers.process import RunningServer, require, running

MODEL: Final = "tiny"
EMBEDDING_MODEL: Final = "tiny-embedding"
MODEL_NAMES: Final = frozenset({f"{MODEL}:latest", f"{EMBEDDING_MODEL}:latest"})
"""What ``/api/tags`` of an Ollama of these tests names."""
TEMPLATE: Final = "{{ range .Messages }}{{ .Role }}: {{ .Content }}\n{{ end }}assistant:"
# Several threads wait for each other at every step: on a busy machine a token takes half a second.
ONE_THREAD: Final = {"num_thread": 1}
NEWEST: Final = "ollama-0.34.0"
_BUILT: Final = {"ollama-0.17.4": "ollama", NEWEST: "ollama-0.34/bin/ollama"}
_OTHER: Final = os.environ.get("OLLAMA_PROGRAM")
PROGRAMS: Final = {"ollama-upstream": _OTHER} if _OTHER else _BUILT
"""Each Ollama that tests run on, by a name for it: those of ``make servers``, or the one that ``OLLAMA_PROGRAM`` names.
"""
_BUILT_BY_SOMEBODY: Final = (0, 0)


@dataclass(frozen=True, slots=True)
class Ollama:
    """A running Ollama that has the models named ``MODEL`` and ``EMBEDDING_MODEL``. ``name`` is one of ``PROGRAMS``."""

    server: RunningServer
    name: str

    @property
    def url(self) -> str:
        """Base address, as in ``OLLAMA_URL``."""
        return self.server.url

    @property
    def version(self) -> tuple[int, int]:
        """The first two numbers of its version."""
        found = re.search(r"(\d+)\.(\d+)", self.name) or re.search(r"(\d+)\.(\d+)", self.ask("/api/version")["version"])
        assert found is not None
        return int(found[1]), int(found[2])

    @property
    def halves(self) -> bool:
        """Whether it gives up half of a text that is too long. What has no version is taken for a new one."""
        return self.version >= (0, 32) or self.version == _BUILT_BY_SOMEBODY

    def ask(self, path: str, body: bytes | dict[str, Any] | None = None) -> Any:
        """GET, or POST ``body``, straight to it; its answer read as JSON (None when empty)."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        with urllib.request.urlopen(urllib.request.Request(self.url + path, content), timeout=60) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def create(self, model: str, weights: Path, **more: Any) -> None:
        """Make ``model`` of a GGUF file. ``more`` is what else ``/api/create`` is told."""
        content = weights.read_bytes()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if not self._has_blob(digest):
            self.ask(f"/api/blobs/{digest}", content)
        asked = {"model": model, "files": {weights.name: digest}, "stream": False, **more}
        created = self.ask("/api/create", asked)
        assert created == {"status": "success"}, created

    def _has_blob(self, digest: str) -> bool:
        # What it has it answers before it was sent, and closes the connection.
        try:
            urllib.request.urlopen(
                urllib.request.Request(f"{self.url}/api/blobs/{digest}", method="HEAD"), timeout=60
            ).close()
        except urllib.error.HTTPError:
            return False
        return True

    def remove(self, model: str) -> None:
        """Delete a model that a test has made: all others share this server."""
        # What is loaded stays so for minutes, and goes by its name for others that have the same weights.
        self.ask("/api/generate", {"model": model, "keep_alive": 0})
        request = urllib.request.Request(
            self.url + "/api/delete", json.dumps({"model": model}).encode(), method="DELETE"
        )
        urllib.request.urlopen(request, timeout=60).close()


def program_of(name: str) -> Path:
    """The Ollama called ``name`` in ``PROGRAMS``; skips the test when it was not built."""
    if _OTHER is None:
        return require(_BUILT[name], "run make servers")
    found = shutil.which(_OTHER)
    if found is None:
        pytest.fail(f"OLLAMA_PROGRAM names no program: {_OTHER}", pytrace=False)
    return Path(found).absolute()


@contextlib.contextmanager
def running_ollama(folder: Path, name: str = NEWEST, *, port: int | None = None) -> Iterator[Ollama]:
    """Start the Ollama called ``name`` with its home and its models in ``folder``, and create the models there.

    Where the tests run on another program (``OLLAMA_PROGRAM``), it is that one.
    """
    name = name if name in PROGRAMS else next(iter(PROGRAMS))
    program, models = program_of(name), require("models", "run make servers")

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
        ollama = Ollama(server, name)
        ollama.create(MODEL, models / "tiny.gguf", template=TEMPLATE, parameters={"num_predict": 40} | ONE_THREAD)
        ollama.create(EMBEDDING_MODEL, models / "tiny-embedding.gguf", parameters=ONE_THREAD)
        yield ollama
