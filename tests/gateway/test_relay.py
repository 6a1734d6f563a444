"""The bytes of an exchange, seen from both ends."""

import asyncio

import pytest

from service.record.exchange import Exchange, Outcome
from tests.fakes.ollama import (
    CHUNKED,
    FIN,
    HOLD,
    RESET,
    FakeOllama,
    answer,
    chunk,
    head,
    json_answer,
    ndjson_stream,
    recorded,
    recording,
    whole,
)
from tests.gateway.harness import request_bytes, running_gateway, talk

CHAT = b'{"model":"tiny","messages":[{"role":"user","content":"say good"}]}'


@pytest.mark.parametrize(
    "name", ["chat_stream", "chat_once", "v1_chat_stream", "v1_messages_stream", "embed", "pull_error"]
)
async def test_what_a_real_ollama_sent_arrives_byte_for_byte(name: str) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/chat", recording(name))
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        direct = await talk(ollama.port, request_bytes("POST", "/api/chat", CHAT))
        assert got.status == direct.status == 200
        assert got.body == direct.body
        assert got.is_complete
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.COMPLETED
        assert exchange.response.head == direct.body
        assert exchange.opened.request.head == CHAT


async def test_only_the_exchange_id_is_added_and_only_hop_headers_are_taken() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/tags", recording("tags"))
        got = await talk(gateway.port, request_bytes("GET", "/api/ollama/api/tags"))
        original = recorded("tags").partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        expected = {line for line in original if not line.lower().startswith(b"connection")}
        lines = set(got.head.split(b"\r\n")[1:])
        assert {line.split(b":")[0] for line in lines - expected} == {b"X-Exchange-Id", b"Connection"}
        assert expected <= lines
        assert got.header("X-Exchange-Id") == (await gateway.exchange()).opened.id


async def test_the_request_reaches_ollama_unchanged_save_hop_headers_host_and_trace() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        sent = request_bytes(
            "POST",
            "/api/ollama/api/chat?a=%20b",
            CHAT,
            Content_Type="application/json",
            Accept_Encoding="gzip",
            X_Mine="yes",
            Connection="close, X-Hop",
            X_Hop="1",
        )
        await talk(gateway.port, sent)
        request = await ollama.request()
        assert request.target == "/api/chat?a=%20b"
        names = [name.lower() for name, _ in request.headers]
        assert request.header("X-Mine") == "yes"
        assert request.header("Accept-Encoding") == "gzip"
        assert request.header("Host") == f"127.0.0.1:{ollama.port}"
        assert "x-hop" not in names
        assert "user-agent" not in names
        assert "accept" not in names
        assert (request.header("traceparent") or "").startswith(f"00-{gateway.ended[0].opened.trace_id}-")


async def test_the_first_piece_is_not_held_back_and_the_head_goes_before_any_piece() -> None:
    go_on = asyncio.Event()
    begin = asyncio.Event()
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers(
            "/api/chat",
            answer(head(200, CHUNKED), begin, chunk(b'{"a":1}\n'), go_on, chunk(b'{"done":true}\n'), b"0\r\n\r\n"),
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes("POST", "/api/ollama/api/chat", CHAT))
        async with asyncio.timeout(20):
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            begin.set()
            assert await reader.readuntil(b'{"a":1}\n')
            assert not gateway.ended
            go_on.set()
            assert (await reader.readuntil(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")
        writer.close()


async def test_the_last_bytes_wait_for_the_record_and_for_no_longer_than_the_hold() -> None:
    commits: list[asyncio.Future[None]] = []

    def commit(exchange: Exchange) -> asyncio.Future[None]:
        commits.append(asyncio.get_running_loop().create_future())
        return commits[-1]

    async with FakeOllama() as ollama, running_gateway(ollama.url, hold=5.0) as gateway:
        gateway.commit = commit
        ollama.answers("/api/chat", ndjson_stream(2))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes("POST", "/api/ollama/api/chat", CHAT))
        async with asyncio.timeout(20):
            await reader.readuntil(b'"done":true')
            await gateway.exchange()
            rest = asyncio.create_task(reader.readuntil(b"0\r\n\r\n"))
            await asyncio.sleep(0)
            assert not rest.done()
            commits[0].set_result(None)
            await rest
        writer.close()
        assert gateway.released == 0
    async with FakeOllama() as ollama, running_gateway(ollama.url, hold=0.05) as gateway:
        gateway.commit = commit
        ollama.answers("/api/chat", json_answer({"done": True}))
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert got.is_complete
        assert gateway.released == 1


BROKEN = {
    "closed in a chunked answer": (answer(head(200, CHUNKED), chunk(b"half"), FIN), "chunked"),
    "reset in a chunked answer": (answer(head(200, CHUNKED), chunk(b"half"), 0.05, RESET), "chunked"),
    "a bad chunk": (answer(head(200, CHUNKED), chunk(b"half"), 0.05, b"zz\r\nno\r\n", FIN), "chunked"),
    "a body shorter than declared": (answer(head(200, {"Content-Length": "100"}), b"half", FIN), "length"),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_an_answer_that_breaks_off_looks_incomplete_to_the_client(how: str) -> None:
    script, _ = BROKEN[how]
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/chat", script)
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert b"half" in got.rest
        assert not got.is_complete
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.UPSTREAM_BROKE_OFF
        assert exchange.status == 200
        assert exchange.response.head == b"half"


async def test_ollama_closing_before_an_answer_is_a_502_and_the_post_is_not_sent_again() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/chat", answer(FIN))
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert got.status == 502
        assert b"broke off before it answered" in got.body
        assert (await gateway.exchange()).outcome is Outcome.UPSTREAM_BROKE_OFF
        assert len(ollama.requests) == 1


async def test_no_ollama_is_a_502_that_says_what_to_do() -> None:
    async with running_gateway("http://127.0.0.1:1") as gateway:
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/v1/chat/completions", CHAT))
        assert got.status == 502
        assert b"http://127.0.0.1:1" in got.body
        assert b"ollama serve" in got.body
        assert got.body.startswith(b'{"error":{"message"')
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.UPSTREAM_UNREACHABLE
        assert exchange.opened.request.head == CHAT


async def test_silence_before_the_answer_is_a_504_and_ollama_is_hung_up_on() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, idle_seconds=0.2) as gateway:
        ollama.answers("/api/chat", answer(HOLD))
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert got.status == 504
        assert b"OLLAMA_TIMEOUT" in got.body
        assert (await gateway.exchange()).outcome is Outcome.UPSTREAM_TIMED_OUT
        async with asyncio.timeout(20):
            await ollama.requests[0].hung_up.wait()


async def test_silence_within_the_answer_ends_it_visibly_and_a_slow_stream_does_not() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, idle_seconds=1.0) as gateway:
        ollama.answers("/api/chat", ndjson_stream(11, 0.1), answer(head(200, CHUNKED), chunk(b"half"), HOLD))
        steady = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert steady.is_complete
        stalled = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert not stalled.is_complete
        exchange = await gateway.exchange(2)
        assert exchange.outcome is Outcome.UPSTREAM_TIMED_OUT
        assert exchange.response.head == b"half"


async def test_the_time_until_a_request_had_come_is_noted_where_it_did_not_come_at_once() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert (await gateway.exchange()).upload is None
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        sent = request_bytes("POST", "/api/ollama/api/chat", CHAT, Connection="close")
        writer.write(sent[:-5])
        await asyncio.sleep(0.2)
        writer.write(sent[-5:])
        await asyncio.wait_for(reader.read(), 20)
        writer.close()
        exchange = await gateway.exchange(2)
        assert exchange.upload is not None
        assert exchange.first_byte is not None
        assert 0.15 < exchange.upload < exchange.first_byte


async def test_an_upload_that_stalls_is_the_clients_silence() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, idle_seconds=0.2) as gateway:
        sent = b"POST /api/ollama/api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
        got = await talk(gateway.port, sent)
        assert got.status == 408
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.REFUSED
        assert (exchange.opened.request.head, exchange.opened.request.is_incomplete) == (b"half", True)
        assert not ollama.requests


@pytest.mark.parametrize("when", ["before the answer", "in the answer", "in the upload"])
async def test_a_client_that_leaves_is_recorded_and_ollama_is_told_at_once(when: str) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers(
            "/api/chat", answer(head(200, CHUNKED), chunk(b"half"), HOLD) if when == "in the answer" else answer(HOLD)
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        if when == "in the upload":
            writer.write(b"POST /api/ollama/api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\nhalf")
        else:
            writer.write(request_bytes("POST", "/api/ollama/api/chat", CHAT))
        request = await ollama.request()
        if when == "in the answer":
            async with asyncio.timeout(20):
                await reader.readuntil(b"half")
        left = asyncio.get_running_loop().time()
        writer.transport.abort()
        async with asyncio.timeout(20):
            await request.hung_up.wait()
        assert asyncio.get_running_loop().time() - left < 0.2
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.CLIENT_LEFT
        assert exchange.status == (200 if when == "in the answer" else None)
        assert exchange.response.head == (b"half" if when == "in the answer" else b"")
        assert gateway.relay is not None
        assert gateway.relay.in_flight == 0


async def test_a_head_request_carries_the_length_of_a_body_that_does_not_come() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/", answer(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nContent-Type: text/plain\r\n\r\n"))
        got = await talk(gateway.port, request_bytes("HEAD", "/api/ollama/"))
        assert got.status == 200
        assert got.header("Content-Length") == "17"
        assert got.header("Transfer-Encoding") is None
        assert got.rest == b""


async def test_a_head_request_that_fails_has_no_body_in_its_record_either() -> None:
    async with running_gateway("http://127.0.0.1:1") as gateway:
        got = await talk(gateway.port, request_bytes("HEAD", "/api/ollama/api/tags"))
        assert (got.status, got.rest) == (502, b"")
        assert (await gateway.exchange()).response.length == 0


async def test_expect_is_answered_after_admission_only() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        refused = b"POST /api/ollama/api/pull HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        refused += b"Expect: 100-continue\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(refused)
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 403")
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(refused.replace(b"pull", b"chat"))
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
            writer.write(b"123456789")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()
        assert ollama.requests[0].header("Expect") is None


async def test_an_http_1_0_client_gets_its_answer_without_chunks() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/chat", ndjson_stream(3))
        sent = b"POST /api/ollama/api/chat HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(CHAT)
        got = await talk(gateway.port, sent + CHAT)
        assert got.header("Transfer-Encoding") is None
        assert got.rest.count(b"\n") == 4
        assert got.rest == (await gateway.exchange()).response.head


async def test_a_compressed_answer_passes_compressed() -> None:
    import gzip

    packed = gzip.compress(b'{"done":true}', mtime=0)
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers(
            "/api/chat",
            answer(head(200, {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}) + packed),
        )
        got = await talk(
            gateway.port, request_bytes("POST", "/api/ollama/api/chat", gzip.compress(CHAT), Content_Encoding="gzip")
        )
        assert got.body == packed
        exchange = await gateway.exchange()
        assert exchange.response.content_encoding == "gzip"
        assert ollama.requests[0].header("Content-Encoding") == "gzip"
        assert gzip.decompress(exchange.opened.request.head) == CHAT


async def test_a_kept_connection_serves_many_exchanges_on_few_connections_to_ollama() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/chat", answer(whole(b'{"done":true}')))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        for _ in range(20):
            writer.write(request_bytes("POST", "/api/ollama/api/chat", CHAT))
            async with asyncio.timeout(20):
                await reader.readuntil(b'{"done":true}')
        writer.close()
        assert ollama.connections_opened == 1
        assert len(gateway.ended) == 20
        assert len({exchange.opened.id for exchange in gateway.ended}) == 20


async def test_a_large_upload_flows_and_its_copy_keeps_both_ends() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, keep=1000) as gateway:
        body = b"A" * 500_000 + b"B" * 500_000
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/chat", body))
        assert got.status == 200
        assert ollama.requests[0].body_length == len(body)
        copy = (await gateway.exchange()).opened.request
        assert copy.length == len(body)
        assert copy.is_shortened
        assert set(copy.head) == {ord("A")}
        assert set(copy.tail) == {ord("B")}
        assert len(copy.head) + len(copy.tail) == 1000


async def test_calls_of_models_are_counted_apart_from_all_that_goes_on() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        assert gateway.relay is not None
        paths = ("/api/chat", "/api/generate", "/api/tags", "/api/show")
        for path in paths:
            ollama.answers(path, answer(HOLD))
        asking = [
            asyncio.create_task(
                talk(gateway.port, request_bytes("GET" if path == "/api/tags" else "POST", f"/api/ollama{path}", CHAT))
            )
            for path in paths
        ]
        async with asyncio.timeout(20):
            while gateway.relay.in_flight < len(paths) or gateway.relay.at_models < 2:
                await asyncio.sleep(0.01)
        assert gateway.relay.at_models == 2
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
