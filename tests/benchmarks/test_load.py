from collections.abc import Iterator

import pytest

from tests.benchmarks import messages
from tests.benchmarks.gateways import Gateway, bare_passthrough, upstream
from tests.benchmarks.load import Target, exchanges, latencies, streams

CORE = 0


@pytest.fixture(scope="module")
def behind() -> Iterator[Gateway]:
    with upstream(CORE) as process:
        yield process


@pytest.fixture(scope="module")
def bare(behind: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with bare_passthrough(CORE, behind, tmp_path_factory.mktemp("bench") / "bare") as process:
        yield process


def test_the_messages_have_the_sizes_that_the_tables_name() -> None:
    assert len(messages.SMALL_REQUEST) == len(messages.STREAM_REQUEST) == 490
    assert len(messages.CHAT_ANSWER) == 840
    assert len(messages.TOKEN_LINE) == 131


def test_a_load_counts_its_requests_to_the_last_and_finds_no_errors(bare: Gateway) -> None:
    result = exchanges(bare.target, connections=4, seconds=0.1)
    assert result.requests > 4
    assert result.errors == 0
    result = streams(bare.target, number=5, chunks=4, interval=0.005)
    assert (result.requests, result.chunks, result.errors) == (5, 20, 0)
    assert result.gaps


def test_answers_that_are_not_the_upstreams_are_errors(behind: Gateway) -> None:
    wrong_address = Target(behind.target.port, "/elsewhere?")
    result = streams(wrong_address, number=3, chunks=1, interval=0.001)
    assert result.errors == 3


def test_latencies_are_taken_in_turn_for_each_target(bare: Gateway, behind: Gateway) -> None:
    direct, through = latencies([behind.target, bare.target], rounds=20)
    assert len(direct) == len(through) == 20
