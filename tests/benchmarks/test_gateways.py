"""Any other gateway, started by a command line, beside the ones that are known here."""

import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks import gateways
from tests.benchmarks.gateways import Gateway, peer, target_of, upstream
from tests.benchmarks.load import Target, exchanges

CORE = 0
PYTHON = shlex.quote(sys.executable)
PASS_THROUGH = f"{PYTHON} -m tests.benchmarks.bare_passthrough {{port}} {{upstream}}"


@pytest.fixture(scope="module")
def behind() -> Iterator[Gateway]:
    with upstream(CORE) as process:
        yield process


def is_alive(pid: int) -> bool:
    """Whether it runs; where nobody waits for orphans, an ended one stays as a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_peer_is_started_measured_and_ended_with_all_that_it_started(behind: Gateway, tmp_path: Path) -> None:
    command = f"sh -c '{PASS_THROUGH} & echo $! > {{folder}}/child; wait'"
    with peer(CORE, behind, tmp_path / "peer", "other", "http://127.0.0.1:{port}/api/ollama", command) as other:
        result = exchanges(other.target, connections=2, seconds=0.1)
        assert result.requests > 2
        assert result.errors == 0
        child = int((tmp_path / "peer" / "child").read_text())
        assert is_alive(child)
    until = time.monotonic() + 20
    while is_alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_alive(child)


@pytest.mark.parametrize(
    ("url", "command", "told"),
    [
        ("http://127.0.0.1:{port}", f"{PYTHON} -m http.server --bind 127.0.0.1 {{port}}", "other answered at .*501"),
        ("http://127.0.0.1:{port}", "sh -c 'echo no such model; exit 3'", "no such model"),
    ],
)
def test_a_peer_that_answers_anything_else_is_not_measured_and_its_words_are_shown(
    behind: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, command: str, told: str
) -> None:
    monkeypatch.setattr(gateways, "PEER_START_SECONDS", 3.0)
    with (
        pytest.raises(RuntimeError, match=f"(?s){told}"),
        peer(CORE, behind, tmp_path / "peer", "other", url, command),
    ):
        pass


def test_a_peer_on_another_machine_is_refused() -> None:
    assert target_of("http://localhost:8080/v1/") == Target(8080, "/v1")
    for url in ("http://example.com:80/", "https://127.0.0.1:8080", "http://127.0.0.1", "8080"):
        with pytest.raises(ValueError, match="expected"):
            target_of(url)
