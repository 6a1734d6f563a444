"""What web pages may do: CORS answered once and for known origins only, and a rebound name reads nothing."""

from collections.abc import Callable

import pytest

from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, head
from tests.gateway.harness import RawAnswer, talk
from tests.integration.watching import asked, doors, started
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long

StartRecorder = Callable[..., RunningServer]
StartNginx = Callable[..., RunningServer]
CHAT = b'{"model":"tiny"}'
PATH = "/api/ollama/api/chat"
# What a real Ollama says to a page of this machine.
OLLAMAS_OWN = {"Access-Control-Allow-Origin": "http://localhost:4321", "Vary": "Origin", "Access-Control-Max-Age": "7"}


async def ports(
    ollama: FakeOllama, start_recorder: StartRecorder, start_nginx: StartNginx, **settings: str
) -> list[int]:
    """As ``both``, with ``settings``."""
    return [server.port for server in await doors(ollama, start_recorder, start_nginx, **settings)]


async def ask(port: int, method: str = "POST", path: str = PATH, host: str = "localhost", **headers: str) -> RawAnswer:
    body = CHAT if method == "POST" else b""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return await talk(port, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def values(got: RawAnswer, name: str) -> list[str]:
    lines = (line.decode("latin-1").partition(":") for line in got.head.split(b"\r\n")[1:])
    return [value.strip() for known, _, value in lines if known.lower() == name.lower()]


async def test_a_page_of_this_machine_may_read_and_ollamas_own_cors_is_not_repeated(
    both: tuple[int, int], scripted: FakeOllama
) -> None:
    scripted.answers("/api/chat", answer(head(200, CHUNKED | OLLAMAS_OWN), chunk(b'{"done":true}\n'), LAST_CHUNK))
    for port in both:
        for origin in (
            "http://localhost:4321",
            "https://127.0.0.1",
            "http://0.0.0.0:99",
            "app://obsidian.md",
            "tauri://localhost",
        ):
            got = await ask(port, Origin=origin)
            assert (origin, got.status) == (origin, 200)
            assert values(got, "Access-Control-Allow-Origin") == [origin]
            assert values(got, "Access-Control-Expose-Headers") == ["X-Exchange-Id, X-Recorder-Missing"]
            assert "Origin" in ", ".join(values(got, "Vary"))
            assert values(got, "Access-Control-Allow-Credentials") == []
            assert values(got, "Access-Control-Max-Age") == []
        assert {request.header("Origin") for request in asked(scripted)} == {None}
        no_page = await ask(port)
        assert values(no_page, "Access-Control-Allow-Origin") == []


async def test_the_question_before_a_call_is_answered_without_ollama(
    both: tuple[int, int], scripted: FakeOllama
) -> None:
    for port in both:
        wanted = {
            "Access_Control_Request_Method": "POST",
            "Access_Control_Request_Headers": "authorization,content-type,x-caller",
        }
        got = await ask(port, "OPTIONS", Origin="http://localhost:4321", **wanted)
        assert got.status == 204
        assert values(got, "Access-Control-Allow-Origin") == ["http://localhost:4321"]
        assert "POST" in values(got, "Access-Control-Allow-Methods")[0]
        assert values(got, "Access-Control-Allow-Headers")[0].lower() == wanted["Access_Control_Request_Headers"]
        foreign = await ask(port, "OPTIONS", Origin="https://evil.example", **wanted)
        assert foreign.status == 403
        assert values(foreign, "Access-Control-Allow-Origin") == []
        assert asked(scripted) == []


FOREIGN = (
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://evil.example/localhost",
    "http://localhost@evil.example",
    "http://127.0.0.1.evil.example:80",
    "https://localhost:99999999",
    "HTTP://LOCALHOST evil",
    "localhost",
    "http://evil.example#http://localhost",
    "chrome-extension://abcdef",
    "*",
    "http://local\xadhost",
)


async def test_a_foreign_page_is_refused_before_ollama_hears_of_it(both: tuple[int, int], scripted: FakeOllama) -> None:
    for port in both:
        for origin in FOREIGN:
            # A "simple" POST, which browsers send without asking first.
            got = await ask(port, Origin=origin, Content_Type="text/plain")
            assert (origin, got.status) == (origin, 403)
            assert b"CORS_ORIGINS" in got.body
            assert values(got, "Access-Control-Allow-Origin") == []
        assert asked(scripted) == []


KNOWN = (
    "localhost",
    "localhost:8080",
    "LOCALHOST",
    "app.localhost",
    "127.0.0.1:8080",
    "192.168.1.9",
    "[::1]:8080",
    "nginx",
    "nginx:80",
    "host.docker.internal:8080",
    "recorder.example",
    "Other.Example:443",
)


async def test_a_rebound_name_reads_nothing(start_recorder: StartRecorder, start_nginx: StartNginx) -> None:
    async with FakeOllama() as ollama:
        for port in await ports(ollama, start_recorder, start_nginx, ALLOWED_HOSTS="recorder.example,other.example"):
            before = len(asked(ollama))
            for host in ("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io", "ollama"):
                for path in (PATH, "/metrics", "/healthz", "/"):
                    got = await ask(port, "GET", path, host)
                    assert (host, path, got.status) == (host, path, 403)
                # A page of that name would have the same name as its origin.
                got = await ask(port, host=host, Origin=f"http://{host}")
                assert (host, got.status) == (host, 403)
                assert values(got, "Access-Control-Allow-Origin") == []
            assert len(asked(ollama)) == before
            assert [(host, (await ask(port, host=host)).status) for host in KNOWN] == [(host, 200) for host in KNOWN]


async def test_named_origins_replace_the_local_ones(start_recorder: StartRecorder, start_nginx: StartNginx) -> None:
    async with FakeOllama() as ollama:
        origins = "https://chat.example,http://localhost:4321"
        for port in await ports(ollama, start_recorder, start_nginx, CORS_ORIGINS=origins):
            for origin, status in (
                ("https://chat.example", 200),
                ("http://localhost:4321", 200),
                ("http://localhost:9999", 403),
                ("http://chat.example", 403),
                ("https://chat.example.evil", 403),
                ("https://chat.example:8443", 403),
            ):
                got = await ask(port, Origin=origin)
                assert (origin, got.status) == (origin, status)
                assert values(got, "Access-Control-Allow-Origin") == ([origin] if status == 200 else [])


async def test_a_page_can_read_why_its_call_failed(both: tuple[int, int], scripted: FakeOllama) -> None:
    for port in both:
        refused = await ask(port, path="/api/ollama/api/pull", Origin="http://localhost:4321")
        assert refused.status == 403
        assert b"ALLOW_MANAGEMENT" in refused.body
        assert values(refused, "Access-Control-Allow-Origin") == ["http://localhost:4321"]
    await scripted.stop()
    for port in both:
        gone = await ask(port, Origin="http://localhost:4321")
        assert gone.status == 502
        assert b"ollama serve" in gone.body
        assert values(gone, "Access-Control-Allow-Origin") == ["http://localhost:4321"]


async def test_readers_from_elsewhere_need_the_token(start_recorder: StartRecorder, start_nginx: StartNginx) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, INSPECTOR_TOKEN="letmein")
        elsewhere = {"X_Forwarded_For": "203.0.113.9"}
        assert (await ask(recorder.port, "GET", "/metrics")).status == 200
        assert (await ask(recorder.port, "GET", "/metrics", **elsewhere)).status == 401
        assert (await ask(recorder.port, "GET", "/metrics", **elsewhere, Authorization="Bearer wrong")).status == 401
        assert (await ask(recorder.port, "GET", "/metrics", **elsewhere, Authorization="Bearer letmein")).status == 200
        # Through NGINX an own address in the header does not help: NGINX says who the client is.
        nginx = await started(start_nginx, f"127.0.0.1:{recorder.port}")
        assert (await ask(nginx.port, "GET", "/metrics", X_Forwarded_For="203.0.113.9")).status == 200
