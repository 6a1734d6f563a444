"""``POST /generate`` on a real socket, in front of a scripted Ollama."""

import asyncio
import contextlib
import json
from typing import Any

import pytest

from service.gateway.admission import Policy
from service.gateway.callers import CALLER_HEADERS
from service.record.exchange import Caller, Outcome
from tests.fakes.ollama import (
    CHUNKED,
    HOLD,
    LAST_CHUNK,
    RESET,
    FakeOllama,
    answer,
    chunk,
    head,
    json_answer,
    whole,
)
from tests.gateway.harness import RawAnswer, request_bytes, running_gateway, talk

ORIGIN = "http://localhost:4321"
ANSWER = {"model": "tiny", "response": "A text.", "done": True}


def lines(*texts: str) -> list[bytes]:
    said = [{"model": "tiny", "response": text, "done": False} for text in texts]
    return [json.dumps(one).encode() + b"\n" for one in (*said, {"model": "tiny", "response": "", "done": True})]


async def ask(port: int, body: Any, **headers: str) -> RawAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await talk(port, request_bytes("POST", "/generate", content, **headers))


async def tiny() -> str:
    return "tiny"


async def test_a_prompt_is_answered_with_its_text_and_the_exchange_is_recorded_as_any_other() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        ollama.answers("/api/generate", json_answer(ANSWER))
        got = await ask(
            gateway.port,
            {"prompt": "Hi", "options": {"seed": 1}, "system": None},
            User_Agent="astro/1",
            X_Caller="site",
        )
        exchange = await gateway.exchange()
        assert got.status == 200
        assert json.loads(got.body) == {"text": "A text.", "model": "tiny", "exchange": exchange.opened.id}
        assert got.header("X-Exchange-Id") == exchange.opened.id
        assert json.loads(exchange.opened.request.head) == {
            "prompt": "Hi",
            "options": {"seed": 1},
            "model": "tiny",
            "stream": False,
        }
        assert (exchange.outcome, exchange.opened.operation) == (Outcome.COMPLETED, "generate")
        assert (exchange.opened.caller.caller, exchange.opened.user_agent) == ("site", "astro/1")


async def test_a_stream_is_plain_text_that_comes_as_it_is_generated() -> None:
    go_on = asyncio.Event()
    first, *rest = lines("Où ", "ça ?")
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        # A line that comes in two pieces is still one line.
        pieces: list[bytes | asyncio.Event] = [
            chunk(first[:20]),
            chunk(first[20:]),
            go_on,
            *map(chunk, rest),
            LAST_CHUNK,
        ]
        ollama.answers("/api/generate", answer(head(200, CHUNKED), *pieces))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes("POST", "/generate", b'{"prompt":"Hi","stream":true}', Connection="close"))
        early = await asyncio.wait_for(reader.readuntil("Où ".encode()), 20)
        assert b"text/plain" in early
        go_on.set()
        late = await asyncio.wait_for(reader.read(), 20)
        assert "ça ?".encode() in late
        assert late.endswith(b"0\r\n\r\n")
        writer.close()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "empty"),
        (b"prompt=Hi", "not JSON"),
        (b'"Hi"', "no object"),
        (b'{"prompt": "Hi"', "not JSON"),
        ({}, '"prompt" is missing'),
        ({"prompt": None}, '"prompt" is missing'),
        ({"prompt": " \n"}, '"prompt" is empty'),
        ({"prompt": ["Hi"]}, '"prompt" has to be a string'),
        ({"prompt": "Hi", "model": 7}, '"model" has to be a string'),
        ({"prompt": "Hi", "stream": "yes"}, '"stream" has to be true or false'),
        ({"prompt": "Hi", "temperature": 1}, "'temperature' is not known here"),
        (b"\x1f\x8b\x08\x00", "not JSON"),
    ],
)
async def test_what_cannot_be_asked_is_told_in_a_sentence_and_recorded(body: Any, what: str) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        got = await ask(gateway.port, body, Origin=ORIGIN)
        assert got.status == 400
        assert what in json.loads(got.body)["error"]
        assert got.header("Access-Control-Allow-Origin") == ORIGIN
        refused = await gateway.exchange()
        assert (refused.outcome, refused.opened.request_uri) == (Outcome.REFUSED, "/generate")
        assert refused.opened.request.head == (body if isinstance(body, bytes) else json.dumps(body).encode())
        assert not ollama.requests


async def test_too_long_a_prompt_is_sent_elsewhere() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        got = await ask(gateway.port, {"prompt": "x" * (1 << 20)})
        assert got.status == 413
        assert "/api/ollama/api/generate" in json.loads(got.body)["error"]


async def test_who_asks_first_is_invited_to_send_its_body_unless_it_is_refused() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        ollama.answers("/api/generate", json_answer(ANSWER))
        for length, host, expected in (
            (15, "localhost", b"100"),
            (15, "evil.example", b"403"),
            (9 << 20, "localhost", b"413"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            sent = request_bytes("POST", "/generate", b"", host, Content_Length=str(length), Expect="100-continue")
            writer.write(sent)
            async with asyncio.timeout(20):
                assert (await reader.readline()).split()[1] == expected
                if expected == b"100":
                    writer.write(b'{"prompt":"Hi"}')
                    await reader.readuntil(b"HTTP/1.1 200")
            writer.close()


async def test_a_prompt_that_stops_arriving_is_given_up_and_one_that_comes_slowly_is_not() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny, idle_seconds=0.5) as gateway:
        ollama.answers("/api/generate", json_answer(ANSWER))
        got = await talk(gateway.port, b"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
        assert got.status == 408
        assert "stopped arriving" in json.loads(got.body)["error"]
        assert (await gateway.exchange()).status == 408
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        sent = request_bytes("POST", "/generate", b'{"prompt":"Hi"}')
        for piece in (sent[:-4], sent[-4:-3], sent[-3:-2], sent[-2:]):
            writer.write(piece)
            await asyncio.sleep(0.2)
        async with asyncio.timeout(20):
            await reader.readuntil(b"HTTP/1.1 200")
        writer.close()


async def test_a_prompt_in_malformed_chunks_is_refused_at_once_and_recorded() -> None:
    opened = b"POST /generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(opened)
        await asyncio.sleep(0.2)
        writer.write(b"no size\r\n")
        async with asyncio.timeout(20):
            got = await reader.read()
        writer.close()
        assert got.startswith(b"HTTP/1.1 400 ")
        assert b"no valid HTTP: the size of a chunk is malformed." in got
        exchange = await gateway.exchange()
        assert (exchange.status, exchange.outcome) == (400, Outcome.REFUSED)
        assert ollama.requests == []


async def test_other_methods_are_told_how_it_is_asked() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        got = await talk(gateway.port, request_bytes("GET", "/generate"))
        assert (got.status, got.header("Allow")) == (405, "POST, OPTIONS")
        assert '"prompt"' in json.loads(got.body)["error"]


async def test_a_page_asks_first_and_a_foreign_one_is_refused() -> None:
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        got = await talk(gateway.port, request_bytes("OPTIONS", "/generate", b"", **asks))
        assert got.status == 204
        assert got.header("Access-Control-Allow-Origin") == ORIGIN
        assert got.header("Access-Control-Allow-Headers") == "content-type"
        foreign = await ask(gateway.port, {"prompt": "Hi"}, Origin="https://elsewhere.example")
        assert foreign.status == 403
        assert foreign.header("Access-Control-Allow-Origin") is None
        rebound = await talk(gateway.port, request_bytes("POST", "/generate", b'{"prompt":"Hi"}', host="evil.example"))
        assert rebound.status == 403
        assert not ollama.requests


async def test_what_ollama_refuses_comes_with_its_status_and_its_words() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        ollama.answers("/api/generate", json_answer({"error": "model 'absent' not found"}, 404))
        for stream in (False, True):
            got = await ask(gateway.port, {"prompt": "Hi", "model": "absent", "stream": stream})
            assert (got.status, json.loads(got.body)) == (404, {"error": "model 'absent' not found"})


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_keeps_its_setting_and_when_to_try_again(stream: bool) -> None:
    refusal = {"error": "The queue for Ollama is full.", "setting": "QUEUE_LENGTH"}
    body = json.dumps(refusal).encode()
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        fields = {"Retry-After": "7", "Content-Length": str(len(body))}
        ollama.answers("/api/generate", answer(head(429, fields), body))
        got = await ask(gateway.port, {"prompt": "Hi", "stream": stream})
        assert (got.status, json.loads(got.body)) == (429, refusal)
        assert got.header("Retry-After") == "7"


async def test_without_a_model_or_without_ollama_it_says_what_to_do() -> None:
    async with running_gateway("http://127.0.0.1:9") as gateway:
        got = await ask(gateway.port, {"prompt": "Hi"})
        assert got.status == 503
        assert "ollama pull" in json.loads(got.body)["error"]
        got = await ask(gateway.port, {"prompt": "Hi", "model": "tiny"})
        assert got.status == 502
        assert "ollama serve" in json.loads(got.body)["error"]


async def test_an_ollama_that_says_nothing_for_too_long_is_a_504() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny, idle_seconds=0.2) as gateway:
        ollama.answers("/api/generate", answer(HOLD))
        got = await ask(gateway.port, {"prompt": "Hi"})
        assert got.status == 504
        assert "OLLAMA_TIMEOUT" in json.loads(got.body)["error"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_generation(stream: bool) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        ollama.answers("/api/generate", answer(head(200, CHUNKED), chunk(lines("Once")[0]), HOLD))
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes("POST", "/generate", json.dumps({"prompt": "Hi", "stream": stream}).encode()))
        request = await ollama.request()
        await asyncio.sleep(0.05)  # into the middle of the answer
        writer.close()
        await asyncio.wait_for(request.hung_up.wait(), 20)
        assert (await gateway.exchange()).outcome is Outcome.CLIENT_LEFT


async def test_half_a_text_does_not_look_whole() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        first = chunk(lines("Half")[0])
        error = chunk(b'{"error":"an error was encountered while running the model"}\n')
        # Whatever stands between may end in good order what Ollama did not.
        for ending in ((RESET,), (error, LAST_CHUNK), (LAST_CHUNK,), (chunk(b"<html>"), LAST_CHUNK)):
            has_half = asyncio.Event()
            ollama.answers("/api/generate", answer(head(200, CHUNKED), first, has_half, *ending))
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(request_bytes("POST", "/generate", b'{"prompt":"Hi","stream":true}'))
            await asyncio.wait_for(reader.readuntil(b"Half"), 20)
            has_half.set()
            with contextlib.suppress(ConnectionResetError):
                assert b"0\r\n\r\n" not in await asyncio.wait_for(reader.read(), 20)
            writer.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_no_answer_is_told_before_any_text(stream: bool) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        half = whole(b'{"model":"tiny","response":"","done":false}')
        for none in (whole(b"<html>login</html>", content_type="text/html"), whole(b""), whole(b"[]"), half):
            ollama.answers("/api/generate", answer(none))
            got = await ask(gateway.port, {"prompt": "Hi", "stream": stream})
            if stream and none is half:
                assert not got.is_complete
                continue
            assert (got.status, json.loads(got.body)["error"]) == (
                502,
                "Ollama broke off, or answered something that is not JSON.",
            )
        text = b'{"model":"tiny","response":"Half","done":true}'
        ollama.answers("/api/generate", answer(head(200, CHUNKED), chunk(text), RESET))
        got = await ask(gateway.port, {"prompt": "Hi"})
        assert (got.status, b"Half" in got.body) == (502, False)


async def test_a_last_line_without_a_newline_is_part_of_the_stream() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        first = lines("Half")[0]
        last = json.dumps({"model": "tiny", "response": " a text", "done": True}).encode()
        ollama.answers("/api/generate", answer(head(200, CHUNKED), chunk(first), chunk(last), LAST_CHUNK))
        got = await ask(gateway.port, {"prompt": "Hi", "stream": True})
        assert (got.status, got.body, got.is_complete) == (200, b"Half a text", True)
        ollama.answers(
            "/api/generate", answer(head(200, CHUNKED), chunk(first), chunk(b'{"error":"boom"}'), LAST_CHUNK)
        )
        assert not (await ask(gateway.port, {"prompt": "Hi", "stream": True})).is_complete


@pytest.mark.parametrize("stream", [False, True])
async def test_null_is_no_text_and_no_error(stream: bool) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        said = {"model": None, "response": None, "error": None, "done": True}
        ollama.answers("/api/generate", json_answer(said))
        got = await ask(gateway.port, {"prompt": "Hi", "stream": stream})
        assert got.status == 200
        if stream:
            assert got.body == b""
        else:
            assert json.loads(got.body) == {"text": "", "model": "tiny", "exchange": got.header("X-Exchange-Id")}
        ollama.answers("/api/generate", json_answer({"error": None}, 400))
        got = await ask(gateway.port, {"prompt": "Hi", "stream": stream})
        assert (got.status, json.loads(got.body)["error"].replace(" ", "")) == (400, '{"error":null}')


async def test_an_answer_of_any_shape_is_told_as_text() -> None:
    deep = b"[" * 900 + b"]" * 900
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        ollama.answers("/api/generate", answer(whole(b'{"error":%b}' % deep, 500)))
        got = await ask(gateway.port, {"prompt": "Hi"})
        assert (got.status, json.loads(got.body)["error"][:3]) == (500, "[[[")
        ollama.answers("/api/generate", answer(whole(b'{"response":%b,"model":[1],"done":true}' % deep)))
        got = await ask(gateway.port, {"prompt": "Hi"})
        assert (got.status, json.loads(got.body)["model"]) == (200, "[1]")
        assert json.loads(got.body)["text"][:3] == "[[["


async def test_an_error_before_the_first_word_is_a_500() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        ollama.answers("/api/generate", answer(head(200, CHUNKED), chunk(b'{"error":"no memory"}\n'), LAST_CHUNK))
        got = await ask(gateway.port, {"prompt": "Hi", "stream": True})
        assert (got.status, json.loads(got.body)) == (500, {"error": "no memory"})


async def test_an_api_key_is_asked_for_and_told_on() -> None:
    keys = {"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b": "site"}  # of "secret"
    async with (
        FakeOllama() as ollama,
        running_gateway(ollama.url, choose_model=tiny, policy=Policy(keys=keys)) as gateway,
    ):
        ollama.answers("/api/generate", json_answer(ANSWER))
        refused = await ask(gateway.port, {"prompt": "Hi"})
        assert (refused.status, refused.header("WWW-Authenticate")) == (401, "Bearer")
        assert json.loads(refused.body)["setting"] == "API_KEYS_FILE"
        assert (await ask(gateway.port, {"prompt": "Hi"}, Authorization="Bearer secret")).status == 200
        assert (await gateway.exchange(2)).opened.caller.caller == "site"


async def test_whatever_header_names_the_caller_names_it_here_too() -> None:
    given = {name.replace("-", "_"): "5" for name in CALLER_HEADERS - {"X-N8N-Execution-Id"}}
    async with FakeOllama() as ollama, running_gateway(ollama.url, choose_model=tiny) as gateway:
        ollama.answers("/api/generate", json_answer(ANSWER))
        await ask(gateway.port, {"prompt": "Hi"}, **given)
        opened = (await gateway.exchange()).opened
        assert opened.caller == Caller("5", "5", "5", "5", "5", "5")
        assert (opened.item, opened.attempt) == (5, 5)
