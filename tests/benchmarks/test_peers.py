"""The real LiteLLM and the real Portkey answer as they should, and their logs come as their descriptions say."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.benchmarks import peers
from tests.benchmarks.apis import OPENAI
from tests.benchmarks.gateways import Gateway, upstream
from tests.benchmarks.load import exchanges, streams
from tests.benchmarks.log_receiver import told
from tests.benchmarks.measured_process import ROOT
from tests.benchmarks.peers import litellm, portkey
from tests.servers.process import require

CORE = 0
Start = Callable[..., AbstractContextManager[Gateway]]


@pytest.fixture
def behind() -> Iterator[Gateway]:
    with upstream(CORE, OPENAI) as process:
        yield process


@pytest.mark.long
@pytest.mark.parametrize(("start", "part"), [(litellm, "clients"), (portkey, "portkey")])
@pytest.mark.parametrize("logs", [False, True])
def test_a_peer_answers_rightly_and_logs_prompts_and_answers(
    start: Start, part: str, logs: bool, behind: Gateway, tmp_path: Path
) -> None:
    require(part, "run make servers")
    with start(CORE, behind, tmp_path / "peer", logs=logs) as peer:
        small = exchanges(peer.target, connections=2, seconds=1.0)
        streamed = streams(peer.target, number=2, chunks=4, interval=0.02)
        assert (small.errors, streamed.errors) == (0, 0)
        assert (small.requests > 2, streamed.chunks) == (True, 8)
        if not logs:
            assert peer.entries is None
            return
        peer.settle(small.requests + streamed.requests)
        assert peer.entries is not None
        entries, whole = told(peer.entries)
        # LiteLLM loses what comes while it sends a batch. Portkey tells of streams without their text.
        assert 0 < whole <= entries <= small.requests + streamed.requests + 1
        if start is portkey:
            assert entries - whole == streamed.requests


def test_a_peer_that_is_not_installed_is_named_with_the_command_that_installs_it(
    behind: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, start, part in (("LITELLM", litellm, "clients"), ("PORTKEY", portkey, "portkey")):
        monkeypatch.setattr(peers, name, ROOT / ".servers" / "nowhere")
        with (
            pytest.raises(RuntimeError, match=rf"not here. Install it: tests/servers/build.sh {part}"),
            start(CORE, behind, tmp_path / "peer", logs=True),
        ):
            pass
