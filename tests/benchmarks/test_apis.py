"""OpenAI's form of the measured exchanges: as large as Ollama's, and judged by what an answer says."""

import json
import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.apis import OPENAI, openai_content, same_content
from tests.benchmarks.gateways import Gateway, bare_passthrough, upstream
from tests.benchmarks.load import Target, exchanges, latencies, streams

CORE = 0


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("bench") / "bare"
    with upstream(CORE, OPENAI) as behind, bare_passthrough(CORE, behind, folder) as process:
        yield process


def test_openais_messages_have_the_sizes_of_ollamas() -> None:
    assert len(OPENAI.small_request) == len(OPENAI.stream(50, 0.02)[1]) == 490
    assert len(OPENAI.small_answer) == 840


def test_what_is_asked_in_openais_form_is_answered_in_it_and_counted(bare: Gateway) -> None:
    small = exchanges(bare.target, connections=4, seconds=0.1)
    assert small.requests > 4
    assert small.errors == 0
    streamed = streams(bare.target, number=5, chunks=4, interval=0.005)
    assert (streamed.requests, streamed.chunks, streamed.errors) == (5, 20, 0)
    assert len(latencies([bare.target], rounds=5)[0]) == 5


@pytest.mark.parametrize("is_same", [operator.eq, same_content])
def test_an_error_is_an_error_for_gateways_that_write_answers_anew_too(
    bare: Gateway, is_same: Callable[[bytes, bytes], bool]
) -> None:
    elsewhere = Target(bare.target.port, "/api/ollama", replace(OPENAI, path="/v1/elsewhere"), "", is_same)
    small = exchanges(elsewhere, connections=2, seconds=0.1)
    assert small.errors == small.requests > 2
    assert streams(elsewhere, number=3, chunks=2, interval=0.001).errors == 3


def written_anew(answer: bytes, **fields: object) -> bytes:
    return json.dumps({**json.loads(answer), "id": "another", "provider": "x", **fields}).encode()


def test_an_answer_that_was_written_anew_is_the_same_while_it_says_the_same() -> None:
    assert same_content(written_anew(OPENAI.small_answer), OPENAI.small_answer)
    stream = OPENAI.stream_answer(3)
    with_usage = stream.replace(b"data: [DONE]", b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\ndata: [DONE]')
    assert same_content(with_usage.replace(b"chatcmpl-231", b"another"), stream)
    assert openai_content(stream) == (" return return", "stop", None, True)


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"HTTP/1.1 500 Internal Server Error\n{}",
        b'{"error": {"message": "no such model"}}',
        b'{"choices": []}',
        b'["choices"]',
        b"data: nothing\n\n",
        b"data: [DONE]\n\n",
        OPENAI.small_answer[:-1],
        OPENAI.small_answer.replace(b"twice", b"once"),
        OPENAI.small_answer.replace(b'"stop"', b'"length"'),
        OPENAI.small_answer.replace(b":97,", b":96,"),
    ],
)
def test_what_says_anything_else_is_another_answer(other: bytes) -> None:
    assert not same_content(other, OPENAI.small_answer)


@pytest.mark.parametrize(
    "other",
    [
        OPENAI.stream_answer(2),
        OPENAI.stream_answer(3).removesuffix(b"data: [DONE]\n\n"),
        OPENAI.stream_answer(3)[:-20],
        OPENAI.stream_answer(3).replace(b'"stop"', b"null"),
        b"data: {}\n\n" + OPENAI.stream_answer(3),
    ],
)
def test_a_stream_that_breaks_off_or_lacks_a_chunk_is_another_answer(other: bytes) -> None:
    assert not same_content(other, OPENAI.stream_answer(3))


def test_the_bytes_pass_a_gateway_that_knows_nothing_of_them(bare: Gateway, tmp_path: Path) -> None:
    assert bare.target.api is OPENAI
    with upstream(CORE) as behind, bare_passthrough(CORE, behind, tmp_path / "other") as other:
        assert other.target.api is behind.target.api is not OPENAI
