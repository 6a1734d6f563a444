"""One exchange on its way: how its bodies flow, what is noted of them, and that it ends exactly once."""

import asyncio

import pytest

from service.record.exchange import OpenExchange, Outcome
from tests.fakes.ollama import CHUNKED, LAST_CHUNK, RESET, FakeOllama, answer, chunk, early, head, whole
from tests.gateway.harness import request_bytes, running_gateway, talk

PATH = "/api/ollama/api/chat"
CHAT = b'{"model":"tiny"}'


async def test_a_request_of_unknown_length_flows_and_opens_when_it_was_read() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        try:
            writer.write(request_bytes("POST", PATH, Transfer_Encoding="chunked", Connection="close") + chunk(CHAT[:5]))
            async with asyncio.timeout(20):
                request = await ollama.request()
                while request.body_length < 5:
                    await asyncio.sleep(0.005)
                assert not gateway.opened
                writer.write(chunk(CHAT[5:]) + LAST_CHUNK)
                await reader.read()
        finally:
            writer.close()
        assert request.header("Transfer-Encoding") == "chunked"
        assert request.body == CHAT
        exchange = await gateway.exchange()
        assert gateway.opened == [exchange.opened]
        assert (exchange.opened.request.head, exchange.opened.request.length) == (CHAT, len(CHAT))


async def test_the_first_pieces_are_noted_by_offset_and_time_and_no_more_than_that() -> None:
    pieces = [b"%03d " % number for number in range(60)]
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        paced = [step for one in pieces for step in (chunk(one), 0.002)]
        ollama.answers("/api/chat", answer(head(200, CHUNKED), *paced, LAST_CHUNK))
        got = await talk(gateway.port, request_bytes("POST", PATH, CHAT))
        assert got.body == b"".join(pieces)
        exchange = await gateway.exchange()
        offsets = [offset for offset, _ in exchange.arrivals]
        times = [seconds for _, seconds in exchange.arrivals]
        assert offsets[0] == 0
        assert offsets == sorted(set(offsets))
        assert times == sorted(times)
        assert len(offsets) < 30
        assert exchange.first_byte == times[0]
        assert exchange.duration is not None
        assert times[-1] <= exchange.duration


async def test_a_body_that_comes_steadily_is_no_silence_and_ollamas_time_begins_at_its_end() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, idle_seconds=0.5) as gateway:
        ollama.answers("/api/chat", answer(0.3, whole(b"{}")))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        try:
            writer.write(request_bytes("POST", PATH, Content_Length="20", Connection="close"))
            for _ in range(4):
                await asyncio.sleep(0.2)
                writer.write(b"12345")
            async with asyncio.timeout(20):
                assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        finally:
            writer.close()
        copy = (await gateway.exchange()).opened.request
        assert (copy.head, copy.is_incomplete) == (b"12345" * 4, False)


@pytest.mark.parametrize("declared", ["85", "980031"])
async def test_half_a_request_is_kept_and_called_half(declared: str) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes("POST", PATH, Content_Length=declared) + CHAT)
        async with asyncio.timeout(20):
            assert gateway.relay is not None
            while not gateway.relay.in_flight:
                await asyncio.sleep(0.005)
        writer.close()
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.CLIENT_LEFT
        assert (exchange.opened.request.head, exchange.opened.request.is_incomplete) == (CHAT, True)


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_ends_with_its_head(status: int) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/chat", answer(head(status)))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        try:
            # On one connection: a body where none may be would be taken for the next answer.
            writer.write(request_bytes("POST", PATH, CHAT) + request_bytes("POST", PATH, CHAT, Connection="close"))
            async with asyncio.timeout(20):
                got = await reader.read()
        finally:
            writer.close()
        assert got.count(b"HTTP/1.1 %d " % status) == 2
        assert got.endswith(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in got
        assert [exchange.outcome for exchange in gateway.ended] == [Outcome.COMPLETED] * 2


async def test_an_answer_that_comes_before_the_upload_is_over_reaches_the_client() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/chat", early(whole(b'{"error":"too large"}', 413)))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        try:
            writer.write(request_bytes("POST", PATH, Content_Length="900000000", Connection="close"))
            writer.write(b"x" * 100_000)
            async with asyncio.timeout(20):
                got = await reader.readuntil(b'"too large"}')
        finally:
            writer.close()
        assert got.startswith(b"HTTP/1.1 413 ")
        exchange = await gateway.exchange()
        assert (exchange.status, exchange.upstream_status) == (413, 413)
        assert exchange.outcome is Outcome.COMPLETED
        assert exchange.opened.request.length < 900_000_000


@pytest.mark.parametrize("failure", ["away", "reset", "early"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_of_a_request_that_ollama_did_not_read_all_is_kept(failure: str, is_chunked: bool) -> None:
    script = early(whole(b'{"error":"too large"}', 413)) if failure == "early" else early(RESET)
    framing = {"Transfer_Encoding": "chunked"} if is_chunked else {"Content_Length": "400000"}
    halves = [b"x" * 200_000] * 2
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", script)
        url = "http://127.0.0.1:1" if failure == "away" else ollama.url
        async with running_gateway(url, hold=5.0) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            try:
                writer.write(request_bytes("POST", PATH, b"", Connection="close", **framing))
                for half in halves:
                    writer.write(chunk(half) if is_chunked else half)
                    await asyncio.sleep(0.05)
                writer.write(LAST_CHUNK if is_chunked else b"")
                async with asyncio.timeout(20):
                    assert (await reader.read()).startswith(b"HTTP/1.1 413" if failure == "early" else b"HTTP/1.1 502")
            finally:
                writer.close()
            request = (await gateway.exchange()).opened.request
            assert (request.head, request.is_incomplete) == (b"".join(halves), False)


async def test_who_sends_slowly_has_the_answer_and_who_never_ends_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.gateway.round_trip.READ_ON_SECONDS", 0.3)
    async with running_gateway("http://127.0.0.1:1", hold=0.05) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        try:
            writer.write(request_bytes("POST", PATH, Content_Length="400000", Connection="close") + CHAT)
            async with asyncio.timeout(20):
                await reader.readuntil(b'"}')
                assert not gateway.ended
                writer.write(b"and more")
                request = (await gateway.exchange()).opened.request
        finally:
            writer.close()
        assert (request.head, request.is_incomplete) == (CHAT + b"and more", True)
        assert gateway.ended[0].outcome is Outcome.UPSTREAM_UNREACHABLE


async def test_a_refused_request_is_never_opened_and_ends_once() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/api/pull", CHAT))
        assert got.status == 403
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.REFUSED
        assert exchange.upstream_status is None
        assert exchange.response.head == got.body
        assert (len(gateway.opened), len(gateway.ended), len(ollama.requests)) == (0, 1, 0)


async def test_a_fault_of_ours_is_told_to_the_client_and_to_the_record() -> None:
    def fails(opened: OpenExchange) -> None:
        raise ZeroDivisionError(opened.id)

    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        assert gateway.relay is not None
        gateway.relay._hooks.open = fails
        got = await talk(gateway.port, request_bytes("POST", PATH, CHAT))
        assert got.status == 500
        assert b"ZeroDivisionError" in got.body
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.GATEWAY_STOPPED
        assert exchange.error is not None
        assert "ZeroDivisionError" in exchange.error
        assert (len(gateway.ended), gateway.relay.in_flight) == (1, 0)


async def test_a_client_that_reads_slowly_slows_ollama_down_and_still_gets_everything() -> None:
    piece = b"x" * 65536
    count = 400
    async with FakeOllama() as ollama, running_gateway(ollama.url, idle_seconds=1.0, keep=1000) as gateway:
        ollama.answers("/api/chat", answer(head(200, CHUNKED), *[chunk(piece)] * count, LAST_CHUNK))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=4096)
        try:
            writer.write(request_bytes("POST", PATH, CHAT, Connection="close"))
            request = await ollama.request()
            # Longer than the silence after which Ollama would be given up: this one is the client's.
            await asyncio.sleep(1.5)
            assert not request.answered.is_set()
            async with asyncio.timeout(20):
                received = 0
                while got := await reader.read(1 << 20):
                    received += len(got)
        finally:
            writer.close()
        assert received > count * len(piece)
        exchange = await gateway.exchange()
        assert exchange.outcome is Outcome.COMPLETED
        assert exchange.response.length == count * len(piece)


async def test_exchanges_in_flight_keep_less_where_their_copies_have_no_more_room_and_pass_whole() -> None:
    piece = b"x" * 20_000
    may_end = asyncio.Event()
    async with FakeOllama() as ollama, running_gateway(ollama.url, copy_bytes=50_000) as gateway:
        ollama.answers("/api/chat", answer(head(200, CHUNKED), *[chunk(piece)] * 4, may_end, LAST_CHUNK))
        asking = [asyncio.create_task(talk(gateway.port, request_bytes("POST", PATH, CHAT))) for _ in range(3)]
        await asyncio.sleep(0.1)
        may_end.set()
        for got in await asyncio.gather(*asking):
            assert got.body == piece * 4
        await gateway.exchange(3)
        kept = [exchange.response for exchange in gateway.ended]
        assert [body.length for body in kept] == [len(piece) * 4] * 3
        assert all(body.is_shortened for body in kept)
        assert all(len(body.tail) == 4096 for body in kept)
        assert sum(len(body.head) for body in kept) < 50_000
        # Afterwards there is room again.
        await talk(gateway.port, request_bytes("POST", PATH, CHAT + b" " * 40_000))
        assert not (await gateway.exchange(4)).opened.request.is_shortened
