"""Addresses made to slip past the route table: nothing but an allowed, canonical path ever reaches Ollama."""

import asyncio
from collections.abc import Callable

import pytest

from tests.fakes.ollama import FakeOllama
from tests.gateway.harness import request_bytes, talk
from tests.integration.recorder_process import RecorderProcess
from tests.integration.watching import asked, read_record, records, started, summaries
from tests.servers.process import RunningServer

# Each is another spelling of an allowed address: it arrives in its one canonical form.
SAME = {
    b"/api/ollama/api/%74ags": "/api/tags",
    b"/api/ollama/%61%70%69/%74%61%67%73": "/api/tags",
    b"/api/%6fllama/api/tags": "/api/tags",
    b"//api//ollama//api//tags": "/api/tags",
    b"/api/ollama/./api/./tags": "/api/tags",
    b"/api/ollama/api/tags/": "/api/tags",
    b"/api/ollama/api/x/../tags": "/api/tags",
    b"/api/ollama/api/x/%2e%2e/tags": "/api/tags",
    b"/api/ollama/api%2ftags": "/api/tags",
    b"/api/ollama/~a%2f..%2f..%2fdebug/api/tags": "/api/tags",
    b"/api/ollama/debug/pprof/../../api/tags": "/api/tags",
    b"/api/ollama/api/tags?next=/debug/pprof": "/api/tags?next=/debug/pprof",
    b"/api/ollama/v1/models/library%2fllama3.2%3a1b": "/v1/models/library/llama3.2:1b",
}

# Each asks for something that nobody may have, or is no address at all.
REFUSED = (
    b"/api/ollama/debug/pprof",
    b"/api/ollama/debug/pprof/",
    b"/api/ollama/debug/pprof/heap",
    b"/api/ollama/%64ebug/pprof/",
    b"/api/ollama/api/../debug/pprof/",
    b"/api/ollama/api/tags/../../debug/pprof/",
    b"/api/ollama/api/tags/..%2f..%2fdebug%2fpprof",
    b"/api/ollama/api/tags%2f..%2f..%2fdebug/pprof/",
    b"/api/ollama/%2e%2e/%2e%2e/debug/pprof",
    b"/api/ollama//debug//pprof",
    b"/api/ollama/~caller/debug/pprof",
    b"/api/ollama/~/debug/pprof",
    b"/api/ollama/~a;b=c/../debug/pprof",
    b"/api/ollama/api/tags/..;/debug/pprof",
    b"/api/ollama/api/tags;/../../debug/pprof",
    b"/api/ollama/api/tags;x=1",
    b"/api/ollama/api/%2574ags",
    b"/api/ollama/api/%252e%252e/debug/pprof",
    b"/api/ollama/api/tags%00",
    b"/api/ollama/api/tags%00/../../debug/pprof",
    b"/api/ollama/api/tags%0d%0aX-Evil:%201",
    b"/api/ollama/api/tags%0d%0a%0d%0aGET%20/debug/pprof%20HTTP/1.1%0d%0a%0d%0a",
    b"/api/ollama/api/tags%09",
    b"/api/ollama/api/tags%20",
    b"/api/ollama/api\\tags",
    b"/api/ollama/api%5ctags",
    b"/api/ollama/..\\debug\\pprof",
    b"/api/ollama/api/tags%ff",
    b"/api/ollama/api/%c0%ae%c0%ae/debug/pprof",
    b"/api/ollama/api/TAGS",
    b"/api/ollama/API/tags",
    b"/api/ollama/api/me",
    b"/api/ollama/api/user/keys",
    b"/api/ollama/api/status",
    b"/api/ollama/api/pull",
    b"/api/ollama/v1/models/a%00b",
    b"/api/ollama/v1/models/a%0ab",
    b"/api/ollama/v1/models/a%20b",
    b"/api/ollama/v1/models/a%3fb%23c",
    b"/api/ollama/v1/models/../../debug/pprof",
    b"/api/ollama/v1/models/..%2f..%2f..%2fdebug%2fpprof",
    b"/api/ollama/v1/files",
    b"/api/ollamax/api/tags",
    b"/api/ollama.evil/api/tags",
    b"/api/ollama/../ollama/api/tags",
    b"/debug/pprof",
    b"/debug/pprof/heap",
    b"/api/tags",
    b"/api/ollama/api/tags\xff",
    b"/api/ollama/api/tags#/../../debug/pprof",
    b"http://localhost/debug/pprof",
    b"http://localhost/api/ollama/debug/pprof",
    b"http://localhost/../api/ollama/debug/pprof",
    b"*",
    b"localhost:11434",
)

# NGINX makes the path of these its own and drops the rest, as RFC 9112 asks of servers.
REFUSED_DIRECTLY = (
    b"http://elsewhere.example/api/ollama/api/tags",
    b"https://localhost@elsewhere.example/api/ollama/api/tags",
    b"ftp://localhost/api/ollama/api/tags",
)


def request(method: bytes, target: bytes) -> bytes:
    return method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def test_each_spelling_of_an_allowed_address_arrives_in_its_canonical_form(
    both: tuple[int, int], scripted: FakeOllama
) -> None:
    for port in both:
        seen = {}
        for target in SAME:
            before = len(asked(scripted))
            got = await talk(port, request(b"GET", target))
            seen[target] = [sent.target for sent in asked(scripted)[before:]] or got.status
        assert seen == {target: [canonical] for target, canonical in SAME.items()}


async def test_no_trick_reaches_anything_that_is_not_allowed(both: tuple[int, int], scripted: FakeOllama) -> None:
    for port, tricks in zip(both, (REFUSED + REFUSED_DIRECTLY, REFUSED), strict=True):
        answered: dict[bytes, int] = {}
        for target in tricks:
            for method in (b"GET", b"POST"):
                got = await talk(port, request(method, target))
                answered[method + b" " + target] = got.status if got.head else 400
        assert {what: status for what, status in answered.items() if not 400 <= status < 500} == {}
        assert [sent.target for sent in asked(scripted)] == []
    for port in both:
        assert (await talk(port, request_bytes("GET", "/api/ollama/api/tags"))).status == 200


async def test_the_absolute_form_of_our_own_address_is_an_address(
    standing: RecorderProcess, scripted: FakeOllama
) -> None:
    got = await talk(standing.port, request(b"GET", b"http://localhost/api/ollama/api/tags"))
    assert got.status == 200
    assert [sent.target for sent in asked(scripted)] == ["/api/tags"]


@pytest.mark.long
async def test_a_trick_is_recorded_as_it_was_sent_and_breaks_no_line(
    start_recorder: Callable[..., RunningServer],
) -> None:
    tricks = [target for target in REFUSED if target.startswith(b"/api/ollama/")]
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        answers = [(target, await talk(recorder.port, request(b"GET", target))) for target in tricks]
        recorded = [(target, got) for target, got in answers if got.head and got.header("X-Exchange-Id")]
        kept = await asyncio.to_thread(records, recorder.log.parent, len(recorded))
        said = {record.row.id: read_record(record.row.line) for record in kept}
        assert len(said) == len(recorded)
        for target, got in recorded:
            line = said[got.header("X-Exchange-Id") or ""]
            assert line["outcome"] == "refused"
            assert line["status"] == got.status
            if target.isascii():
                assert line["request_uri"] == target.decode()
        assert len(await asyncio.to_thread(summaries, recorder, len(recorded))) == len(recorded)
