"""Fixtures that many tests share: the real servers, and a watch over the event loop of each asynchronous test."""

import contextlib
import functools
import gc
import inspect
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser

from tests.event_loop_watch import watched_event_loop
from tests.servers import process
from tests.servers.chromium import running_chromium
from tests.servers.loki import Loki, running_loki
from tests.servers.nginx import running_nginx
from tests.servers.ollama import NEWEST, PROGRAMS, Ollama, running_ollama
from tests.servers.process import RunningServer
from tests.servers.recorder import running_recorder
from tests.work_units import WorkUnits

LOG_CHARACTERS_SHOWN = 2000
LONGEST_FILE = "tests/release/test_compiled.py"  # it runs most quick tests again
REAL_SERVERS = {
    "nginx": "apt-get install nginx",
    "chromium": "apt-get install chromium",
    "caddy": "apt-get install caddy",
    "sqlite3": "apt-get install sqlite3",
    "compiled": "tests/servers/build.sh compiled",
    "loki": "make servers",
    "prometheus": "make servers",
    "otelcol": "make servers",
    "helm": "make servers",
    "ollama": "make servers",
    "ollama-0.34": "make servers",
    "models": "make servers",
    "javascript": "make servers",
    "typescript": "make lint",
    "grafana-data": "make servers",
    "clients": "make servers",
    "frameworks": "make servers",
    "mcp": "make servers",
    "ai-sdk": "make servers",
    "astro": "make servers",
    "n8n": "make servers",
    "n8n-2.41": "make servers",
    "phoenix": "make servers",
    "mlflow": "make servers",
    "open-webui": "make servers",
    "portkey": "make servers",
}


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(one, marks=[pytest.mark.long] if NEWEST in PROGRAMS and one != NEWEST else []) for one in PROGRAMS
    ],
)
def ollama(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    """A real Ollama with its models, one for all tests. What uses it runs on every version; the older is long."""
    with running_ollama(tmp_path_factory.mktemp(request.param), request.param) as server:
        yield server


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium without a window. One a test: Playwright belongs to the event loop that started it."""
    async with running_chromium() as started:
        yield started


@pytest.fixture
def loki(tmp_path: Path) -> Iterator[Loki]:
    """A real Loki with the shipped configuration and nothing in it."""
    with running_loki(tmp_path / "loki") as server:
        yield server


@pytest.fixture
def start_loki(tmp_path: Path) -> Iterator[Callable[..., Loki]]:
    """``start_loki(*, port=None, flags=())``: as ``loki``, when the test says so; again, with the data it had."""
    with contextlib.ExitStack() as started:
        yield lambda **options: started.enter_context(running_loki(tmp_path / "loki", **options))


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """``start_nginx(recorder, **environment)``: the shipped NGINX in front of ``recorder`` (``host:port``)."""
    with contextlib.ExitStack() as started:

        def start(recorder: str, **environment: str) -> RunningServer:
            folder = tmp_path / f"nginx-{len(list(tmp_path.iterdir()))}"
            return started.enter_context(running_nginx(folder, recorder, **environment))

        yield start


@pytest.fixture
def start_recorder(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """``start_recorder(*, folder=None, port=None, ready="/readyz", **environment)``: the recorder as a process.

    The same ``folder`` (``tmp_path / "recorder"`` without one) means the same journal.
    """
    with contextlib.ExitStack() as started:

        def start(*, folder: Path | None = None, **options: Any) -> RunningServer:
            return started.enter_context(running_recorder(folder or tmp_path / "recorder", **options))

        yield start


@pytest.fixture(scope="module")
def recorder(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A running recorder in front of the real Ollama, one for all tests of a module. Its journal is beside its log."""
    with running_recorder(tmp_path_factory.mktemp("recorder"), OLLAMA_URL=ollama.url) as server:
        yield server


@pytest.fixture
def nginx(recorder: RunningServer, start_nginx: Callable[..., RunningServer]) -> RunningServer:
    """The shipped NGINX in front of ``recorder``."""
    return start_nginx(f"127.0.0.1:{recorder.port}")


def pytest_configure() -> None:
    """Where the tests run from must not matter to the programs that they start."""
    # A shell's background job ignores Ctrl-C, and so would every program that a test starts to press it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Under nohup they would all outlive their terminal, as they should there.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Hundreds of recorders are started: where none may keep its compiled modules, each compiles them all again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # How long an example takes says more about the machine than about the code.
    settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
    settings.load_profile("here")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WorkUnits | None:
    """Tests that share something run in one process, under ``--dist loadfile``."""
    return WorkUnits(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long in one piece begins first, or the other processes wait for it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST_FILE))


def pytest_collection_finish() -> None:
    """Thousands of tests are much to look through: a collection in the middle of one would block its event loop."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Each asynchronous test fails when something blocks its event loop, save with ``@pytest.mark.blocks(reason)``."""
    if not isinstance(item, pytest.Function) or item.get_closest_marker("blocks") is not None:
        return
    if inspect.iscoroutinefunction(item.obj):
        item.obj = fails_when_the_loop_is_blocked(item.obj)


def fails_when_the_loop_is_blocked(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """``test``, watched. A test that fails for a reason of its own fails for that one."""

    @functools.wraps(test)
    async def watched(*arguments: Any, **named: Any) -> None:
        with watched_event_loop() as watch:
            await test(*arguments, **named)
        if watch.blocked:
            pytest.fail("the event loop was " + "\nand ".join(watch.blocked), pytrace=False)

    return watched


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show what the real servers of a failed test wrote."""
    report = yield
    if report.failed:
        for server in process.started:
            title = f"log of {server.log.parent.name} on port {server.port}"
            report.sections.append((title, server.log_text()[-LOG_CHARACTERS_SHOWN:]))
    if report.when == "teardown":
        process.started[:] = [server for server in process.started if server.process.poll() is None]
    return report


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Name a failed test among the dots, at once: who ends a run that takes too long sees no summary."""
    if not report.failed or not isinstance(report, pytest.TestReport):
        return None
    category, letter = ("failed", "F") if report.when == "call" else ("error", "E")
    return category, f"\n{letter} {report.nodeid}\n", category.upper()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly which real servers the tests had to do without."""
    absent = {name: how for name, how in REAL_SERVERS.items() if process.find(name) is None}
    if not absent:
        terminalreporter.write_line(f"real servers: all here ({', '.join(REAL_SERVERS)})")
        return
    terminalreporter.section("absent real servers: what needs them was skipped", yellow=True)
    for name, how in absent.items():
        terminalreporter.write_line(f"{name}: {how}")
