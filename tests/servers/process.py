"""Start a real server for a test on a free port, wait until it is ready, and stop it by its process id."""

import contextlib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVERS = Path(__file__).parents[2] / ".servers"
REQUIRED = os.environ.get("REQUIRE_SERVERS", "") not in ("", "0")
ATTEMPTS = 3
SECONDS_TO_STOP = 10.0
UNCHECKED = ssl._create_unverified_context()  # noqa: S323 - a server of this test, with a certificate of its own
started: list["RunningServer"] = []  # in the order of their start; conftest.py shows their logs and forgets them


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A real server of this test: where it answers, its process and what it wrote."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def log_text(self) -> str:
        """Everything it has written to its standard output and error so far."""
        return self.log.read_text(errors="replace")

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Stop it by its process id and return its exit status. Stopping twice does no harm."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # Ollama's model runners are processes of their own; they are in the session that we opened for it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.returncode


def require(name: str, how: str) -> Path:
    """The path of the program ``name``; skips the test when it is absent, or fails it under ``REQUIRE_SERVERS``."""
    path = find(name)
    if path is None:
        reason = f"{name} is not here: {how}"
        if REQUIRED:
            pytest.fail(f"REQUIRE_SERVERS is set, but {reason}", pytrace=False)
        pytest.skip(reason)
    return path


def find(name: str) -> Path | None:
    """A file that ``make servers`` built, else a program of this system."""
    built = SERVERS / name
    if built.exists():
        return built
    # Debian keeps nginx in /usr/sbin, which is not in every user's PATH.
    installed = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return Path(installed) if installed else None


def free_port() -> int:
    """A TCP port of loopback that nobody listens on.

    From below the range that the kernel gives to outgoing connections, so that none takes it between
    this check and the server's start.
    """
    while True:
        port = random.randint(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextlib.contextmanager
def running(
    command: Callable[[int], Sequence[str | Path]],
    *,
    folder: Path,
    ready: str,
    environment: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    port: int | None = None,
    seconds: float = 30.0,
    scheme: str = "http",
) -> Iterator[RunningServer]:
    """Run ``command(port)`` until the block ends.

    ``ready`` is the path that answers 2xx once the server can be used: to a GET with ``headers``, or to a POST of
    ``body``. With the ``scheme`` https it is asked without a look at its certificate, which it has just made. Without
    ``port`` a free one is chosen, and another one should a stranger have taken it meanwhile.
    Raises AssertionError with the server's log when it ends or is not ready within ``seconds``.
    """
    question = urllib.request.Request(f"{scheme}://127.0.0.1{ready}", body, headers=dict(headers or {}))
    server = _started(command, folder, question, environment, port, seconds)
    try:
        yield server
    finally:
        server.stop()


def _started(
    command: Callable[[int], Sequence[str | Path]],
    folder: Path,
    ready: urllib.request.Request,
    environment: Mapping[str, str] | None,
    wanted_port: int | None,
    seconds: float,
) -> RunningServer:
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(ATTEMPTS):
        port = wanted_port or free_port()
        arguments = [str(argument) for argument in command(port)]
        log = folder / "server.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                arguments,
                cwd=folder,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = RunningServer(f"{ready.type}://127.0.0.1:{port}", port, process, log)
        started.append(server)
        problem = _not_ready(server, ready, seconds)
        if problem is None:
            return server
        server.stop()
        port_was_taken = "address already in use" in server.log_text().lower()
        if wanted_port is not None or not port_was_taken or attempt + 1 == ATTEMPTS:
            raise AssertionError(f"{arguments[0]} {problem}\n{server.log_text()[-8000:]}")
    raise AssertionError("unreachable")


def _not_ready(server: RunningServer, ready: urllib.request.Request, seconds: float) -> str | None:
    """None once the server answers; else what is wrong with it."""
    until = time.monotonic() + seconds
    last = "nothing tried"
    while time.monotonic() < until:
        if server.process.poll() is not None:
            return f"ended with status {server.process.returncode} before it was ready:"
        ready.host = f"127.0.0.1:{server.port}"
        try:
            with urllib.request.urlopen(ready, timeout=2, context=UNCHECKED if ready.type == "https" else None):
                return None
        except urllib.error.HTTPError as error:
            last = f"{ready.selector} answered {error.code}: {error.read()[:500]!r}"
            error.close()
        except OSError as error:
            last = str(error)
        time.sleep(0.03)
    return f"was not ready after {seconds:.0f} s ({last}):"
