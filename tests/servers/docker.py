"""A real Docker Engine in namespaces of its own: no network and no process of this machine is its business."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.process import SERVERS

ENGINE = SERVERS / "docker"
"""Not among what `make servers` builds: it needs root. `tests/servers/build.sh docker` does."""
_WHEELS = SERVERS / "docker-wheels"
_PARTS = Path(__file__).with_name("docker")
_SECONDS_TO_START = 60.0
_SECONDS_TO_STOP = 60.0
_NAMESPACES = ("--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child")
_STAGED = ("loki", "prometheus", "otelcol", "n8n/node_modules/node/bin/node")


def why_not() -> str | None:
    """Why no engine can be had here, or None."""
    if not ENGINE.exists():
        return "the Docker Engine is not here: tests/servers/build.sh docker"
    if os.geteuid() != 0:
        return "a Docker Engine of the test's own needs root"
    if missing := [name for name in _STAGED if not (SERVERS / name).exists()]:
        return f"{', '.join(missing)} is not here: make servers"
    tried = subprocess.run(["unshare", *_NAMESPACES, "true"], capture_output=True, check=False)
    return tried.stderr.decode().strip() or "no namespaces here" if tried.returncode else None


@dataclass(slots=True)
class Engine:
    """An engine, and what it keeps in ``folder``, which it has as /shared. It can be started again."""

    folder: Path
    _started: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _process_id: int = 0

    def start(self) -> None:
        """Start it, as the machine does. Containers that are to run always start with it."""
        script = [str(_PARTS / "start.sh"), str(ENGINE / "engine"), str(self.folder), self._cgroup]
        with (self.folder / "dockerd.log").open("ab") as log:
            # It ends with this process, however that ends.
            self._started = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", *_NAMESPACES, *script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        children = Path(f"/proc/{self._started.pid}/task/{self._started.pid}/children")
        until = time.monotonic() + _SECONDS_TO_START
        while True:
            # The shell that becomes dockerd; before it has its root, docker cannot be found.
            if self._process_id == 0 and (found := children.read_text().split()):
                self._process_id = int(found[0])
            if self._process_id and self.run("docker", "info", check=False).returncode == 0:
                return
            assert self._started.poll() is None, self.log_text()[-4000:]
            assert time.monotonic() < until, self.log_text()[-4000:]
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it as a machine does that is shut down. Containers are stopped first."""
        self._end(signal.SIGTERM)

    def cut_power(self) -> None:
        """End it and all that runs in it at once."""
        self._end(signal.SIGKILL)

    def _end(self, signal_number: int) -> None:
        if self._started is None:
            return
        if self._process_id:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process_id, signal_number)
        try:
            self._started.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._started.kill()
            self._started.wait()
        self._started, self._process_id = None, 0
        _remove_cgroups(self._cgroup.lstrip("/"))

    @property
    def _cgroup(self) -> str:
        return f"/ollama-recorder-test-{os.getpid()}"

    def inside(self, *command: str | Path) -> list[str]:
        """``command`` as one of this machine that runs where the engine does, with its files and its network."""
        return ["nsenter", "--all", "--target", str(self._process_id), "--", *map(str, command)]

    def in_network(self, *command: str | Path) -> list[str]:
        """``command`` of this machine, in the engine's network."""
        return ["nsenter", f"--net=/proc/{self._process_id}/ns/net", "--", *map(str, command)]

    def run(
        self, *command: str | Path, seconds: float = 120.0, check: bool = True, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``command`` inside. With ``check``, AssertionError with what it wrote, unless it succeeds."""
        inside = self.inside(*command)
        done = subprocess.run(inside, input=stdin or b"", capture_output=True, check=False, timeout=seconds)
        if check and done.returncode:
            told = (done.stdout + done.stderr)[-4000:].decode(errors="replace")
            raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{told}")
        return done

    def log_text(self) -> str:
        """What dockerd has written so far."""
        return (self.folder / "dockerd.log").read_text(errors="replace")


def _remove_cgroups(name: str) -> None:
    """What the engine made of it in each tree. Nothing runs in them any more."""
    trees = Path("/sys/fs/cgroup")
    for made in (*trees.glob(name), *trees.glob(f"*/{name}")):
        for folder, _, _ in os.walk(made, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


@contextlib.contextmanager
def engine_in(folder: Path) -> Iterator[Engine]:
    """One with its data in ``folder``, to be started. ``folder`` is deleted afterwards: images take gigabytes."""
    folder.mkdir(parents=True)
    engine = Engine(folder)
    try:
        yield engine
    finally:
        engine.cut_power()
        shutil.rmtree(folder)


def make_images(engine: Engine, names: dict[str, str]) -> None:
    """Put an image under each of ``names``: the name, by the target of stand-ins.Dockerfile."""
    context = engine.folder / "stand-ins"
    shutil.copytree(_PARTS, context)
    shutil.copytree(_WHEELS, context / "wheels")
    for name in _STAGED:
        shutil.copy(SERVERS / name, context)
    tree = subprocess.Popen(["tar", "-C", ENGINE / "debian", "-c", "."], stdout=subprocess.PIPE)
    with tree:
        subprocess.run(engine.inside("docker", "import", "-", "debian"), stdin=tree.stdout, check=True, timeout=300)
    assert tree.returncode == 0
    for target, name in names.items():
        engine.run(
            *("docker", "build", "--file", "/shared/stand-ins/stand-ins.Dockerfile"),
            *("--target", target, "--tag", name, "/shared/stand-ins"),
            seconds=300,
        )
    shutil.rmtree(context)


def inspected(engine: Engine, name: str) -> dict[str, Any]:
    """What the engine knows of the container or image ``name``."""
    (found,) = json.loads(engine.run("docker", "inspect", name).stdout)
    return dict(found)
