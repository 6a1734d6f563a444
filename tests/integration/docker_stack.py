"""The unchanged Docker stack in a real engine, from a copy of this checkout, in front of a scripted Ollama."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.servers.docker import Engine, engine_in, make_images
from tests.servers.recorder import PROJECT

SECONDS = 60.0
"""How long is waited for what becomes so by itself, on a busy machine."""
CHECKOUT = "/shared/checkout"
RECORDER = "ollama-recorder-recorder-1"
LINES, BEGUN, SECONDS_BETWEEN_LINES = 41, 9, 0.25
_OLLAMA_PORT = 11434
_STAND_INS = ("nginx", "loki", "tempo", "prometheus", "grafana", "n8n")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer through NGINX. ``status`` is 0 where there was none."""

    status: int
    body: bytes


@dataclass(slots=True)
class DockerStack:
    """The stack, and the machine that it is on: the engine, and the Ollama beside it."""

    engine: Engine
    _ollama: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def checkout(self) -> Path:
        """The checkout that it is started from, as this machine sees it."""
        return self.engine.folder / "checkout"

    def start_machine(self) -> None:
        """Start the engine, and an Ollama on its machine that sends a word each quarter of a second."""
        self.engine.start()
        command = [sys.executable, "-m", "tests.fakes.ollama", "--host", "0.0.0.0"]
        self._ollama = subprocess.Popen(
            self.engine.in_network(*command, "--interval", str(SECONDS_BETWEEN_LINES)),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        version = f"http://127.0.0.1:{_OLLAMA_PORT}/api/version"
        wait_until(lambda: self.engine.run("curl", "-sf", version, check=False).returncode == 0, "Ollama is there")

    def stop_machine(self, how: Callable[[], None]) -> None:
        """End Ollama, and the engine by ``how``."""
        how()
        if self._ollama is not None:
            self._ollama.kill()
            self._ollama.wait()

    def shell(
        self, line: str, *, check: bool = True, seconds: float = 120.0, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a ``line`` in the checkout, as a user does."""
        return self.engine.run("sh", "-c", f"cd {CHECKOUT} && {line}", check=check, seconds=seconds, stdin=stdin)

    def up(self, profiles: str = "") -> str:
        """``make up``; what it says."""
        return self.shell(f"make up PROFILES={profiles}", seconds=1200).stdout.decode()

    def compose(self, words: str, *, check: bool = True, seconds: float = 120.0) -> str:
        """What ``docker compose`` prints."""
        return self.shell(f"docker compose {words}", check=check, seconds=seconds).stdout.decode()

    def call(self, path: str, body: dict[str, Any] | None = None, *headers: str) -> Reply:
        """GET, or POST ``body``, at the published port of NGINX."""
        done = self.engine.run(*self._curl(path, body, *headers), "--write-out", "\n%{http_code}", check=False)
        answer, _, status = done.stdout.rpartition(b"\n")
        return Reply(int(status), answer)

    def streamed(self, prompt: str) -> subprocess.Popen[bytes]:
        """A chat whose answer takes some seconds; ``BEGUN`` of its lines have come. The rest comes out of ``stdout``.

        A recorder that is killed some milliseconds after a request came has not noted it yet.
        """
        chat = {"model": "tiny", "messages": [{"role": "user", "content": prompt}]}
        command = self.engine.inside(*self._curl("/api/ollama/api/chat", chat), "--no-buffer")
        stream = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert stream.stdout is not None
        for _ in range(BEGUN):
            assert b"message" in stream.stdout.readline()
        return stream

    def _curl(self, path: str, body: dict[str, Any] | None, *headers: str) -> list[str]:
        sent = [] if body is None else ["--data", json.dumps(body)]
        named = [word for header in headers for word in ("--header", header)]
        return ["curl", "--silent", "--max-time", "60", *named, *sent, f"http://localhost:8080{path}"]

    def exchanges(self) -> list[dict[str, Any]]:
        """What the page lists, newest first."""
        token = re.search(r"^INSPECTOR_TOKEN=(\w+)$", (self.checkout / ".env").read_text(), re.MULTILINE)
        assert token is not None
        reply = self.call("/exchanges.json", None, f"Authorization: Bearer {token[1]}")
        assert reply.status == 200, reply
        return list(json.loads(reply.body)["exchanges"])

    def exchange_of(self, prompt: str) -> dict[str, Any]:
        """The one exchange with this ``prompt``, once it has ended."""
        wait_until(lambda: len(self._with(prompt)) == 1, f"an exchange with {prompt}")
        return self._with(prompt)[0]

    def _with(self, prompt: str) -> list[dict[str, Any]]:
        return [each for each in self.exchanges() if each.get("prompt") == prompt]

    def in_loki(self) -> dict[str, str]:
        """The outcome of each exchange that Loki tells, by its id: asked from where Grafana is."""
        query = '--data-urlencode \'query={job="nginx", service="ollama"} | json\' --data limit=5000 --data since=24h'
        told = self.compose(f"exec -T grafana curl -sG http://loki:3100/loki/api/v1/query_range {query}")
        return {each["stream"]["exchange"]: each["stream"]["outcome"] for each in json.loads(told)["data"]["result"]}

    def health(self, service: str) -> str:
        """As ``docker compose ps`` tells it: healthy, unhealthy, starting."""
        states = [json.loads(line) for line in self.compose("ps --all --format json").splitlines()]
        return next((str(each["Health"]) for each in states if each["Service"] == service), "absent")

    def answers(self) -> bool:
        """Whether a call goes through NGINX and the recorder to Ollama."""
        return self.call("/api/ollama/api/tags").status == 200


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[DockerStack]:
    """An engine with stand-ins for what cannot be pulled, and a copy of this checkout. Nothing is started yet."""
    with engine_in(folder) as engine:
        stack = DockerStack(engine)
        try:
            stack.start_machine()
            make_images(engine, _image_names())
            listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
            for name in listed.decode().split("\0"):
                if name and (PROJECT / name).is_file():
                    (stack.checkout / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(PROJECT / name, stack.checkout / name)
            yield stack
        finally:
            stack.stop_machine(engine.cut_power)


def _image_names() -> dict[str, str]:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    python = re.search(r"^ARG PYTHON=(\S+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert python is not None
    return {name: services[name]["image"] for name in _STAND_INS} | {"python": python[1]}
