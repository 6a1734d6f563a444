"""A recorder that stands for a whole module of tests, between a scripted Ollama and two doors: itself and NGINX."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama
from tests.integration.recorder_process import RecorderProcess
from tests.servers.n8n import VERSIONS, N8n, installed_n8n
from tests.servers.n8n_nodes import built_nodes
from tests.servers.nginx import running_nginx
from tests.servers.process import free_port
from tests.servers.recorder import running_recorder

STANDING_TIMEOUT = 1.5
"""Seconds without a byte from Ollama after which the standing recorder gives up."""
DIRECTLY, THROUGH_NGINX = "directly", "through NGINX"


@pytest.fixture(scope="module")
def scripted_port() -> int:
    return free_port()


@pytest.fixture
async def scripted(scripted_port: int) -> AsyncIterator[FakeOllama]:
    """What stands behind ``standing`` during this test: an Ollama that does what the test's script says."""
    async with FakeOllama(scripted_port) as ollama:
        yield ollama


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, scripted_port: int) -> Iterator[RecorderProcess]:
    """One recorder for all tests of a module, in front of ``scripted``."""
    folder = tmp_path_factory.mktemp("standing")
    url = f"http://127.0.0.1:{scripted_port}"
    with running_recorder(folder, ready="/healthz", OLLAMA_URL=url, OLLAMA_TIMEOUT=str(STANDING_TIMEOUT)) as server:
        yield RecorderProcess(server, folder / "data")


@pytest.fixture(scope="module")
def nginx_port(tmp_path_factory: pytest.TempPathFactory, standing: RecorderProcess) -> Iterator[int]:
    """The shipped NGINX in front of ``standing``."""
    folder: Path = tmp_path_factory.mktemp("nginx") / "nginx"
    with running_nginx(folder, f"127.0.0.1:{standing.port}", OLLAMA_TIMEOUT=str(STANDING_TIMEOUT)) as server:
        yield server.port


@pytest.fixture(params=[DIRECTLY, THROUGH_NGINX])
def door(request: pytest.FixtureRequest, standing: RecorderProcess) -> int:
    """The port that clients of ``standing`` connect to."""
    if request.param == DIRECTLY:
        return standing.port
    port: int = request.getfixturevalue("nginx_port")
    return port


@pytest.fixture
def both(standing: RecorderProcess, nginx_port: int) -> tuple[int, int]:
    """The ports of ``standing``, and of the shipped NGINX in front of it."""
    return standing.port, nginx_port


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our nodes for n8n, built."""
    return built_nodes(tmp_path_factory.mktemp("nodes"))


@pytest.fixture(params=VERSIONS)
def n8n_with_nodes(request: pytest.FixtureRequest, tmp_path: Path, extensions: Path) -> N8n:
    """An n8n of each version that has our nodes and nothing else."""
    return replace(installed_n8n(tmp_path / "n8n", request.param), variables={"N8N_CUSTOM_EXTENSIONS": str(extensions)})


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """``measured("…")``: a number worth knowing; all are listed at the end of the run."""
    return lambda said: request.node.user_properties.append(("measured", said))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {said}"
        for report in reports
        if report.when == "call"
        for name, said in report.user_properties
        if name == "measured"
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
