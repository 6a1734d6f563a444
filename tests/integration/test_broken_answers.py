"""Ollama breaking off, falling silent or talking nonsense: no client takes half an answer for a whole one."""

import asyncio
import json

import pytest

from tests.fakes.ollama import (
    BAD_CHUNK,
    CHUNKED,
    FIN,
    HOLD,
    LAST_CHUNK,
    RESET,
    FakeOllama,
    Script,
    answer,
    chunk,
    done_line,
    head,
    token_line,
)
from tests.integration.conftest import STANDING_TIMEOUT
from tests.integration.load import Transcript, chat, converse, request_bytes
from tests.integration.recorder_process import RecorderProcess, reached

pytestmark = pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")

NDJSON = "application/x-ndjson"
PIECES = token_line(" half") + token_line(" an answer")
PAUSE = 0.05  # so that what was said before a RST is read before the RST

BROKEN: dict[str, Script] = {
    "chunked, closed": answer(head(200, CHUNKED, NDJSON), chunk(PIECES), FIN),
    "chunked, closed inside a chunk": answer(head(200, CHUNKED, NDJSON), b"1000\r\n" + PIECES, FIN),
    "chunked, reset": answer(head(200, CHUNKED, NDJSON), chunk(PIECES), PAUSE, RESET),
    "chunked, a size that is no number": answer(head(200, CHUNKED, NDJSON), chunk(PIECES), PAUSE, BAD_CHUNK, HOLD),
    "chunked, a chunk longer than its size": answer(
        head(200, CHUNKED, NDJSON), chunk(PIECES), PAUSE, b"3\r\nlonger than three\r\n", HOLD
    ),
    "known length, closed": answer(head(200, {"Content-Length": "5000"}, NDJSON), PIECES, FIN),
    "known length, reset": answer(head(200, {"Content-Length": "5000"}, NDJSON), PIECES, PAUSE, RESET),
    "until the end of the connection, reset": answer(head(200, None, NDJSON), PIECES, PAUSE, RESET),
}
NO_ANSWER: dict[str, Script] = {
    "closed": answer(FIN),
    "reset": answer(RESET),
    "closed inside the head": answer(b"HTTP/1.1 200 OK\r\nContent-Ty", FIN),
    "no HTTP": answer(b"SSH-2.0-OpenSSH_9.2\r\n", FIN),
    "a head without end": answer(b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 20_000, FIN),
}


async def test_an_answer_that_breaks_off_looks_incomplete_and_the_record_says_what_came(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    for how, script in BROKEN.items():
        scripted.answers("/api/chat", script)
        got = await converse(door, chat(how, Connection="close"))

        assert (how, got.status, got.looks_complete) == (how, 200, False)
        assert PIECES in got.rest, how
        # Nothing is appended either: no error text that a parser would take for an answer's line.
        assert b"error" not in got.rest, how
        kept = await standing.record(got.exchange)
        assert (how, kept.outcome, kept.line["status"]) == (how, "upstream_broke_off", 200)
        assert kept.line["failed"] is True
        assert kept.line["response_text"] == " half an answer"
        assert "Ollama" in kept.line["error"]
        assert "done_reason" not in kept.line
        assert "completion_tokens" not in kept.line
    # The way is free again.
    scripted.answers("/api/chat")
    assert (await converse(door, chat("and now?", Connection="close"))).looks_complete


async def test_a_client_of_http_1_0_that_reads_until_the_end_sees_a_reset(
    scripted: FakeOllama, standing: RecorderProcess
) -> None:
    scripted.answers("/api/chat", BROKEN["chunked, closed"])
    got = await converse(standing.port, chat("old client").replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert got.was_reset
    assert not got.looks_complete


async def test_an_answer_that_may_end_with_the_connection_is_whole_when_it_ends_in_order(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    scripted.answers("/api/chat", answer(head(200, None, NDJSON), PIECES + done_line(2), FIN))
    got = await converse(door, chat("hello", Connection="close"))
    assert got.looks_complete
    kept = await standing.record(got.exchange)
    assert (kept.outcome, kept.line["done_reason"]) == ("completed", "stop")


async def test_no_answer_at_all_is_a_502_that_says_so_and_the_request_is_not_sent_again(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    for how, script in NO_ANSWER.items():
        scripted.answers("/api/chat", script)
        before = count_of_chats(scripted)
        got = await converse(door, chat(how, Connection="close"))

        assert (how, got.status, got.looks_complete) == (how, 502, True)
        assert scripted.url in error_of(got)
        kept = await standing.record(got.exchange)
        assert (how, kept.outcome, kept.line["status"]) == (how, "upstream_broke_off", 502)
        assert count_of_chats(scripted) == before + 1, how


async def test_a_kept_connection_that_ollama_closes_just_as_a_request_comes_costs_no_request(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    """Ollama may end an idle connection at any time; whoever asks next must not pay for that."""
    for number in range(10):
        scripted.answers("/api/chat", answer(head(200, {"Content-Length": "2"}), b"{}", FIN))
        got = await converse(door, chat(f"number {number}", Connection="close"))
        assert (got.status, got.looks_complete) == (200, True), got


async def test_an_ollama_that_ends_is_unreachable_and_the_502_says_what_to_do(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    await scripted.stop()
    got = await converse(door, chat("anybody there?", Connection="close"))
    assert got.status == 502
    assert scripted.url in error_of(got)
    assert "ollama serve" in error_of(got)
    kept = await standing.record(got.exchange)
    assert (kept.outcome, kept.line["status"]) == ("upstream_unreachable", 502)
    assert "anybody there?" in kept.line["request_body"]


async def test_silence_longer_than_the_limit_ends_an_exchange_and_slowness_does_not(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    drops: list[bytes | float] = [step for _ in range(6) for step in (chunk(token_line()), STANDING_TIMEOUT / 4)]
    stream = head(200, CHUNKED, NDJSON)
    scripted.answers("/api/chat", answer(HOLD))
    scripted.answers("/api/generate", answer(stream, chunk(PIECES), HOLD))
    scripted.answers("/v1/chat/completions", answer(stream, *drops, chunk(done_line(6)), LAST_CHUNK))
    before, middle, drips = await asyncio.gather(
        *(
            converse(door, request_bytes("POST", "/api/ollama" + path, b'{"model":"tiny"}', Connection="close"))
            for path in ("/api/chat", "/api/generate", "/v1/chat/completions")
        )
    )

    # The recorder's own answer, also behind NGINX: it says which setting to change.
    assert (before.status, before.looks_complete) == (504, True)
    assert "OLLAMA_TIMEOUT" in error_of(before)
    kept = await standing.record(before.exchange)
    assert (kept.outcome, kept.line["status"]) == ("upstream_timed_out", 504)
    assert STANDING_TIMEOUT <= kept.line["request_time"] < 4 * STANDING_TIMEOUT
    async with asyncio.timeout(20):
        await (await reached(scripted)).hung_up.wait()

    assert (middle.status, middle.looks_complete) == (200, False)
    assert PIECES in middle.rest
    assert (await standing.record(middle.exchange)).outcome == "upstream_timed_out"

    assert drips.looks_complete
    kept = await standing.record(drips.exchange)
    assert kept.outcome == "completed"
    assert kept.line["request_time"] > STANDING_TIMEOUT


async def test_errors_of_v1_routes_have_the_shape_that_openai_clients_understand(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    scripted.answers("/v1/chat/completions", answer(FIN))
    body = json.dumps({"model": "tiny", "messages": []}).encode()
    sent = request_bytes("POST", "/api/ollama/v1/chat/completions", body, Connection="close")
    got = await converse(door, sent)
    assert got.status == 502
    assert scripted.url in json.loads(got.rest)["error"]["message"]


def error_of(got: Transcript) -> str:
    said: str = json.loads(got.rest)["error"]
    return said


def count_of_chats(ollama: FakeOllama) -> int:
    return sum(request.path == "/api/chat" for request in ollama.requests)
