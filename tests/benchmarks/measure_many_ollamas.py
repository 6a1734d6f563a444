"""What many Ollamas behind one recorder cost: ``make bench BENCH=--many-ollamas`` (two minutes; ``--short``: to 100).

One recorder on a core of its own in front of 1, 10, 100 and 1,000 stand-ins of Ollama, which share the other core with
the caller. Each figure is of a recorder that has looked at all of them. Looking after them is measured while nobody
calls, and taken off from what an exchange costs.

The exit code is 1 when an answer was wrong or an Ollama was not found.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.benchmarks.counters import resident_bytes, usage
from tests.benchmarks.gateways import Cores, Gateway, recorder
from tests.benchmarks.load import Target
from tests.benchmarks.many_ollamas import address_of
from tests.benchmarks.measured_process import running_process
from tests.benchmarks.messages import CHAT_ANSWER, SMALL_REQUEST

COUNTS, SHORT_COUNTS = (1, 10, 100, 1000), (1, 10, 100)
IDLE_SECONDS: Final = 15.0
EXCHANGES: Final = 1500
_FOUND_SECONDS: Final = 60.0


class Figures(NamedTuple):
    """What was measured in front of ``count`` Ollamas. Seconds of a core where it says CPU."""

    ollamas: int
    started: float
    found: float
    resident: int
    files: int
    idle_cpu: float
    exchange_cpu: float
    exchange: float
    answers: dict[str, tuple[int, float]]


def main(is_short: bool) -> int:
    # Ended from outside, it must leave nothing behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, {cores.load})
    problems: list[str] = []
    for number, count in enumerate(SHORT_COUNTS if is_short else COUNTS):
        try:
            figures = measured(cores, count)
        except AssertionError as found:
            problems.append(f"{count:,} Ollamas: {found}")
            continue
        for line in _table(figures, with_head=number == 0):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    for problem in problems:
        sys.stdout.write(f"PROBLEM {problem}\n")
    return 1 if problems else 0


def measured(cores: Cores, count: int, idle_seconds: float = IDLE_SECONDS, exchanges: int = EXCHANGES) -> Figures:
    """Raises AssertionError when an answer is not what it has to be."""
    with tempfile.TemporaryDirectory(prefix="bench-many-") as place, ExitStack() as running:
        port = running.enter_context(_ollamas(cores.load, count))
        addresses = ",".join(f"http://{address_of(number)}:{port}" for number in range(1, count + 1))
        behind = Gateway("none", 0, Target(0), cores.load)
        began = time.monotonic()
        gateway = running.enter_context(
            recorder(cores.gateway, behind, Path(place) / "recorder", {"OLLAMA_URL": addresses})
        )
        started = time.monotonic() - began
        _wait_until(lambda: _are_found(gateway, count))
        found = time.monotonic() - began
        before = usage(gateway.pid)
        time.sleep(idle_seconds)
        idle = (usage(gateway.pid) - before).tree / idle_seconds
        resident, files = resident_bytes(gateway.pid), sum(1 for _ in Path(f"/proc/{gateway.pid}/fd").iterdir())
        answers = {
            path: _asked(gateway, path) for path in ("/metrics", "/status.json", "/readyz", "/api/ollama/api/tags")
        }
        before, began = usage(gateway.pid), time.monotonic()
        _chats(gateway, exchanges, count)
        took = time.monotonic() - began
        cpu = (usage(gateway.pid) - before).tree - idle * took
        return Figures(count, started, found, resident, files, idle, cpu / exchanges, took / exchanges, answers)


@contextmanager
def _ollamas(core: int, count: int) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.benchmarks.many_ollamas", str(count)]
    with running_process(command, core, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def _are_found(gateway: Gateway, count: int) -> bool:
    """Whether the recorder knows of a model of each of them."""
    if count == 1:
        return True
    told = json.loads(_read(gateway, "/status.json"))["upstreams"]
    assert len(told) == count, f"{len(told)} are told"
    return all(one["loaded"] for one in told)


def _read(gateway: Gateway, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.target.port}{path}", timeout=30) as answer:
        return bytes(answer.read())


def _asked(gateway: Gateway, path: str) -> tuple[int, float]:
    """The bytes of an answer, and the seconds that it took at best of five."""
    seconds = []
    for _ in range(5):
        began = time.monotonic()
        body = _read(gateway, path)
        seconds.append(time.monotonic() - began)
    return len(body), min(seconds)


def _chats(gateway: Gateway, exchanges: int, count: int) -> None:
    """Chats with the models of all of them in turn, one after the other."""
    connection = HTTPConnection("127.0.0.1", gateway.target.port, timeout=30)
    for number in range(exchanges):
        asked: dict[str, Any] = json.loads(SMALL_REQUEST)
        asked["model"] = f"model-{number % count + 1}" if number % 2 else "shared"
        connection.request("POST", f"{gateway.target.prefix}/api/chat", json.dumps(asked).encode())
        answer = connection.getresponse()
        body = answer.read()
        assert (answer.status, body) == (200, CHAT_ANSWER), f"a chat was answered with {answer.status}: {body[:300]!r}"
    connection.close()


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _FOUND_SECONDS
    while not is_so():
        assert time.monotonic() < until, f"not all were found within {_FOUND_SECONDS:g} s"
        time.sleep(0.05)


def _table(figures: Figures, *, with_head: bool) -> Iterator[str]:
    if with_head:
        yield "One recorder, so many Ollamas; CPU in percent of a core while nobody calls"
        yield (
            "Ollamas  started  all found  resident  files  idle CPU  an exchange: CPU, clock"
            "  /metrics          /status.json      /readyz           /api/tags"
        )
    one = figures
    asked = "  ".join(f"{size / 1000:6.1f} kB {1000 * seconds:5.1f} ms" for size, seconds in one.answers.values())
    yield (
        f"{one.ollamas:7,}  {one.started:5.2f} s  {one.found:7.2f} s  {one.resident / 1e6:5.0f} MB  {one.files:5}"
        f"  {100 * one.idle_cpu:6.1f} %  {1e6 * one.exchange_cpu:9.0f} µs {1e6 * one.exchange:6.0f} µs  {asked}"
    )
