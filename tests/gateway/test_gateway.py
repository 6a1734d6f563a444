"""The gateway's threshold: who is admitted, what is noted of a request, and what is said to browsers."""

import hashlib
from urllib.parse import quote

import pytest

from service.gateway.admission import Policy
from service.record.exchange import Outcome
from tests.fakes.ollama import FakeOllama
from tests.gateway.harness import request_bytes, running_gateway, talk

PATH = "/api/ollama/api/chat"
CHAT = b'{"model":"tiny"}'
LOCAL = "http://localhost:4321"


async def test_what_is_noted_of_a_request_is_what_the_client_sent() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        target = "/api/ollama/~workflow=A%20b;node=c%2Fd/api/%63hat/?x=%20"
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        headers = {"User_Agent": "curl/8.5", "traceparent": trace, "X_Forwarded_For": "203.0.113.9"}
        got = await talk(gateway.port, request_bytes("POST", target, CHAT, **headers))
        opened = (await gateway.exchange()).opened
        assert opened.request_uri == target
        assert opened.path == "/api/chat"
        assert (opened.operation, opened.api, opened.method) == ("chat", "ollama", "POST")
        assert (opened.caller.workflow, opened.caller.node, opened.caller.caller) == ("A b", "c/d", "curl")
        assert (opened.user_agent, opened.remote_addr) == ("curl/8.5", "203.0.113.9")
        assert (opened.trace_id, opened.parent_span_id) == (trace.split("-")[1], trace.split("-")[2])
        assert got.header("X-Exchange-Id") == opened.id
        request = await ollama.request()
        assert request.target == "/api/chat?x=%20"
        assert (request.header("traceparent") or "").split("-")[1] == opened.trace_id
        assert (request.header("traceparent") or "").split("-")[2] not in (opened.span_id, opened.parent_span_id)


async def test_the_longest_labels_and_a_browsers_heap_of_cookies_pass_and_what_is_longer_is_told_so() -> None:
    labels = ";".join(f"{name}={quote('🙂' * 200)}" for name in ("workflow", "node", "caller", "user"))
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        target = f"/api/ollama/~{labels}/api/chat"
        got = await talk(gateway.port, request_bytes("POST", target, CHAT, Cookie="a" * 60_000))
        assert got.status == 200
        assert (await gateway.exchange()).opened.caller.user == "🙂" * 200
        assert (await ollama.request()).header("Cookie") == "a" * 60_000
        for sent in (request_bytes("POST", PATH, CHAT, Cookie="a" * 70_000), request_bytes("GET", "/" + "a" * 70_000)):
            got = await talk(gateway.port, sent)
            assert (got.status, got.header("Content-Type")) == (400, "application/json")
            assert b"64 KiB" in got.body


async def test_a_label_that_is_not_percent_encoded_is_answered_with_what_to_do() -> None:
    async with running_gateway("http://127.0.0.1:1") as gateway:
        got = await talk(gateway.port, request_bytes("POST", "/api/ollama/~Büro/api/chat", CHAT))
        assert got.status == 400
        assert "%C3%BC for ü" in got.body.decode()


async def test_a_refused_address_has_no_path_and_no_operation() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        await talk(gateway.port, request_bytes("GET", "/api/ollama/debug/pprof/"))
        exchange = await gateway.exchange()
        assert (exchange.opened.path, exchange.opened.operation) == ("", "unknown")
        assert exchange.outcome is Outcome.REFUSED
        assert not ollama.requests


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ("/api/ollama/api/nothing", b'{"error":"'),
        ("/api/ollama/v1/nothing", b'{"error":{"message":"'),
        ("/api/ollama/v1/messages/nothing", b'{"type":"error","error":{"type":"not_found_error"'),
    ],
)
async def test_a_refusal_has_the_shape_of_the_api_that_was_called(target: str, shape: bytes) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        got = await talk(gateway.port, request_bytes("POST", target, CHAT))
        assert got.status == 404
        assert got.body.startswith(shape)
        assert got.header("Content-Type") == "application/json"


async def test_the_reason_given_first_is_the_one_that_matters_most() -> None:
    """A foreign page learns neither which routes there are nor whether its key is right."""
    key = hashlib.sha256(b"right").hexdigest()
    policy = Policy(keys={key: "n8n"})
    asked = {
        "host": request_bytes("PUT", "/api/ollama/debug", CHAT, host="evil.example", Origin="https://evil.example"),
        "origin": request_bytes("PUT", "/api/ollama/debug", CHAT, Origin="https://evil.example"),
        "route": request_bytes("PUT", "/api/ollama/debug", CHAT),
        "method": request_bytes("PUT", PATH, CHAT),
        "key": request_bytes("POST", PATH, CHAT),
        "none": request_bytes("POST", PATH, CHAT, Authorization="bearer right"),
    }
    async with FakeOllama() as ollama, running_gateway(ollama.url, policy=policy) as gateway:
        statuses = {reason: (await talk(gateway.port, sent)).status for reason, sent in asked.items()}
        assert statuses == {"host": 403, "origin": 403, "route": 404, "method": 405, "key": 401, "none": 200}
        assert len(ollama.requests) == 1
        assert [exchange.opened.caller.caller for exchange in gateway.ended] == [None] * 5 + ["n8n"]


async def test_a_page_that_may_call_is_told_so_also_when_it_is_refused() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        for target, status in ((PATH, 200), ("/api/ollama/api/pull", 403)):
            got = await talk(gateway.port, request_bytes("POST", target, CHAT, Origin=LOCAL))
            assert got.status == status
            assert got.header("Access-Control-Allow-Origin") == LOCAL
            assert got.header("Vary") == "Origin"
        foreign = await talk(gateway.port, request_bytes("POST", PATH, CHAT, Origin="https://evil.example"))
        assert foreign.header("Access-Control-Allow-Origin") is None
        assert (await ollama.request()).header("Origin") is None


async def test_a_browsers_question_is_answered_and_is_no_exchange() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        wanted = {"Origin": LOCAL, "Access_Control_Request_Method": "POST"}
        got = await talk(gateway.port, request_bytes("OPTIONS", PATH, b"", **wanted))
        assert got.status == 204
        assert got.header("Access-Control-Allow-Origin") == LOCAL
        # Without an origin, or from a foreign one, it is a request like any other: refused, and recorded.
        assert (await talk(gateway.port, request_bytes("OPTIONS", PATH))).status == 405
        foreign = request_bytes("OPTIONS", PATH, b"", **wanted | {"Origin": "https://a.example"})
        assert (await talk(gateway.port, foreign)).status == 403
        assert len(gateway.ended) == 2
        assert not ollama.requests


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.0\r\nTransfer-Encoding: chunked",
        b"HTTP/2.0\r\nContent-Length: 16",
        b"HTTP/0.9\r\nContent-Length: 16",
    ],
)
async def test_other_versions_than_1_0_and_1_1_are_refused(start: bytes) -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        sent = b"POST /api/ollama/api/chat " + start + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        got = await talk(gateway.port, sent + (b"10\r\n" + CHAT + b"\r\n0\r\n\r\n" if b"chunked" in start else CHAT))
        assert got.status == 400
        assert not ollama.requests
