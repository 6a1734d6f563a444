"""The processes of a measurement: the upstream on the load's core, each gateway on a core of its own."""

import os
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.apis import OLLAMA, Api
from tests.benchmarks.load import Target
from tests.benchmarks.log_receiver import told
from tests.benchmarks.measured_process import free_port, running_process

BARE = "bare aiohttp"
NGINX = "NGINX"
RECORDER = "recorder"
START_SECONDS = 15.0
PEER_START_SECONDS = 120.0
ENTRY_SECONDS = 2.0
SETTLE_SECONDS = 20.0
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Cores:
    """``load`` runs the clients and the upstream, ``gateway`` whatever is measured."""

    load: int
    gateway: int

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """The first and the last core that this process may use; the same one twice where there is only one."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])


@dataclass(frozen=True, slots=True)
class Gateway:
    """One running process tree. ``data_dir`` is set when it is a recorder.

    ``entries`` is the file that tells of each entry of another gateway's log, where it has one.
    """

    name: str
    pid: int
    target: Target
    core: int
    data_dir: Path | None = None
    ships: bool = False
    entries: Path | None = None

    def records(self) -> int:
        """How many exchanges the journal holds."""
        return self._ask("SELECT count(*) FROM exchange")

    def settle(self, requests: int) -> bool:
        """Wait until a recorder has kept, and where it ships delivered, this many exchanges; return whether it has.

        For another gateway's log until no more of it comes: what it loses is told at the end.
        """
        if self.entries is not None:
            self._settle_entries(self.entries, requests)
        if self.data_dir is None:
            return True
        latest = "SELECT coalesce(max(number), 0) FROM " + (
            "cursor WHERE receiver = 'loki'" if self.ships else "exchange"
        )
        until = time.monotonic() + SETTLE_SECONDS
        while self._ask(latest) < requests:
            if time.monotonic() > until:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _settle_entries(self, entries: Path, requests: int) -> None:
        came, since = -1, time.monotonic()
        while (now := told(entries)[0]) < requests and time.monotonic() - since < ENTRY_SECONDS:
            if now > came:
                came, since = now, time.monotonic()
            time.sleep(POLL_SECONDS)

    def _ask(self, question: str) -> int:
        assert self.data_dir is not None
        with closing(sqlite3.connect(f"file:{self.data_dir}/journal.sqlite3?mode=ro", uri=True)) as journal:
            (answer,) = journal.execute(question).fetchone()
        return int(answer)


@contextmanager
def upstream(core: int, api: Api = OLLAMA) -> Iterator[Gateway]:
    """The upstream, which is also what "direct" talks to."""
    command = [sys.executable, "-m", "tests.benchmarks.upstream"]
    with running_process(command, core, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield Gateway("direct", process.pid, Target(int(process.stdout.readline()), api=api), core)


@contextmanager
def nginx(core: int, behind: Gateway, folder: Path) -> Iterator[Gateway]:
    """A bare NGINX that forwards, unbuffered."""
    folder.mkdir()
    port = free_port()
    text = (Path(__file__).parent / "nginx.conf").read_text()
    for word, value in (("UPSTREAM", behind.target.port), ("PORT", port), ("FOLDER", folder)):
        text = text.replace(word, str(value))
    configuration = folder / "nginx.conf"
    # Root's NGINX would give its workers to a user who cannot open the folder.
    configuration.write_text(("user root;\n" if os.geteuid() == 0 else "") + text)
    command = ["nginx", "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(configuration)]
    with running_process(command, core, log=folder / "output.log") as process:
        _wait_until_listening(process, port, folder / "output.log")
        yield Gateway(NGINX, process.pid, Target(port, "/api/ollama", behind.target.api), core)


def has_nginx() -> bool:
    return shutil.which("nginx") is not None


@contextmanager
def bare_passthrough(core: int, behind: Gateway, folder: Path, name: str = BARE) -> Iterator[Gateway]:
    """The thirty lines of ``bare_passthrough``."""
    folder.mkdir()
    port = free_port()
    address = f"http://127.0.0.1:{behind.target.port}"
    command = [sys.executable, "-m", "tests.benchmarks.bare_passthrough", str(port), address]
    with running_process(command, core, log=folder / "output.log") as process:
        _wait_until_listening(process, port, folder / "output.log")
        yield Gateway(name, process.pid, Target(port, "/api/ollama", behind.target.api), core)


@contextmanager
def recorder(
    core: int, behind: Gateway, folder: Path, settings: Mapping[str, str] | None = None, name: str = RECORDER
) -> Iterator[Gateway]:
    """The recorder with its default settings, save addresses and folder, and what ``settings`` says."""
    folder.mkdir()
    port = free_port()
    environment = {
        "LISTEN": f"127.0.0.1:{port}",
        "OLLAMA_URL": f"http://127.0.0.1:{behind.target.port}",
        "DATA_DIR": str(folder / "data"),
        "PATH": os.environ["PATH"],
        **(settings or {}),
    }
    log = folder / "output.log"
    with running_process([sys.executable, "-m", "service", "serve"], core, log=log, environment=environment) as process:
        _wait_until_listening(process, port, log)
        _wait_until_ready(process, f"http://127.0.0.1:{port}/healthz", log)
        yield Gateway(
            name,
            process.pid,
            Target(port, "/api/ollama", behind.target.api),
            core,
            folder / "data",
            "LOKI_URL" in environment,
        )


@contextmanager
def peer(core: int, behind: Gateway, folder: Path, name: str, url: str, command: str) -> Iterator[Gateway]:
    """Any other gateway, started by ``command``, below whose ``url`` Ollama's paths are.

    In both, ``{port}`` is a free port, ``{upstream}`` the upstream's address and ``{folder}`` an empty folder; the last
    two are also in the environment, as UPSTREAM and FOLDER. Raises RuntimeError when it answers otherwise.
    """
    folder.mkdir()
    upstream_address = f"http://127.0.0.1:{behind.target.port}"
    words = {"{port}": str(free_port()), "{upstream}": upstream_address, "{folder}": str(folder)}
    for word, value in words.items():
        url, command = url.replace(word, value), command.replace(word, value)
    target = replace(target_of(url), api=behind.target.api)
    environment = {**os.environ, "UPSTREAM": upstream_address, "FOLDER": str(folder)}
    with started_peer(core, folder / "output.log", name, target, shlex.split(command), environment) as gateway:
        yield gateway


@contextmanager
def started_peer(
    core: int,
    log: Path,
    name: str,
    target: Target,
    command: list[str],
    environment: Mapping[str, str],
    entries: Path | None = None,
) -> Iterator[Gateway]:
    """A gateway that ``command`` starts, once it gives the answer that is expected. Raises RuntimeError otherwise."""
    with running_process(command, core, log=log, environment=environment, is_tree=True) as process:
        _wait_until_same_answer(process, name, target, log)
        yield Gateway(name, process.pid, target, core, entries=entries)


def target_of(url: str) -> Target:
    """Raises ValueError for what is no HTTP address of this machine with a port."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost") or not parts.port:
        raise ValueError(f"{url}: expected is an address like http://127.0.0.1:8080/prefix, or with {{port}} in it")
    return Target(parts.port, parts.path.rstrip("/"))


def _wait_until_same_answer(process: "subprocess.Popen[str]", name: str, target: Target, log: Path) -> None:
    """A gateway may listen before it can forward, and one that answers errors is not measured."""
    address, api = f"http://127.0.0.1:{target.port}{target.prefix}{target.api.path}", target.api
    own = [(field, value) for field, _, value in (line.partition(": ") for line in target.headers.splitlines())]
    headers = {"Content-Type": "application/json", **dict(own)}
    until, seen = time.monotonic() + PEER_START_SECONDS, "nothing"
    while True:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(address, api.small_request, headers), timeout=5
            ) as answer:
                body = answer.read()
            if target.is_same(body, api.small_answer):
                return
            seen = f"another body than the upstream's: {body[:300]!r}"
        except (OSError, HTTPException) as error:
            seen = f"{error}"
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{name} answered at {address} with {seen}\n{log.read_text()[-4000:]}")
        time.sleep(POLL_SECONDS)


def _wait_until_listening(process: "subprocess.Popen[str]", port: int, log: Path) -> None:
    def listens() -> bool:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return True

    _wait_until(listens, process, log)


def _wait_until_ready(process: "subprocess.Popen[str]", address: str, log: Path) -> None:
    def is_ready() -> bool:
        with urllib.request.urlopen(address, timeout=1) as answer:
            return bool(answer.status == 200)

    _wait_until(is_ready, process, log)


def _wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-4000:]}")
        time.sleep(POLL_SECONDS)
