"""The two ways of docs/deploy.md to put a name and TLS in front: real Caddy, real NGINX, a streaming client."""

import asyncio
import contextlib
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.ollama import CHUNKED, LAST_CHUNK, RESET, FakeOllama, answer, chunk, head, token_line
from tests.gateway.harness import request_bytes
from tests.integration.watching import records, started
from tests.servers.process import RunningServer, free_port, require, running

DEPLOY = Path(__file__).parents[2] / "deploy" / "tls"
NAME = "localhost"


@contextlib.contextmanager
def caddy_in_front(folder: Path, recorder: str) -> Iterator[RunningServer]:
    program = require("caddy", "apt-get install caddy")
    folder.mkdir()

    def command(port: int) -> list[str | Path]:
        # Its own certificate authority instead of a public one, and no other port than ours.
        options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust\n}\n"
        ready = f"http://127.0.0.1:{port} {{\n\trespond 204\n}}\n"
        (folder / "Caddyfile").write_text(options + (DEPLOY / "Caddyfile").read_text() + ready)
        return [program, "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]

    tls_port = free_port()
    environment = {"HOME": str(folder), "RECORDER_NAME": f"{NAME}:{tls_port}", "RECORDER": recorder}
    with running(command, folder=folder, ready="/", environment=environment) as server:
        yield RunningServer(f"https://{NAME}:{tls_port}", tls_port, server.process, server.log)


@contextlib.contextmanager
def nginx_in_front(folder: Path, recorder: str) -> Iterator[RunningServer]:
    program = require("nginx", "apt-get install nginx")
    folder.mkdir()
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    certificate += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-subj", f"/CN={NAME}"]
    subprocess.run(certificate, check=True, capture_output=True)
    tls_port = free_port()
    site = (DEPLOY / "nginx.conf").read_text().replace("listen 443 ssl", f"listen 127.0.0.1:{tls_port} ssl")
    site = re.sub(r"/etc/letsencrypt/live/[^;]+/fullchain.pem", str(folder / "cert.pem"), site)
    site = re.sub(r"/etc/letsencrypt/live/[^;]+/privkey.pem", str(folder / "key.pem"), site)
    site = site.replace("127.0.0.1:8080", recorder).replace("llm.example.org", NAME)

    def command(port: int) -> list[str | Path]:
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        ready = f"server {{ listen 127.0.0.1:{port}; return 204; }}\n"
        frame = f"pid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{site}{ready}}}\n"
        (folder / "nginx.conf").write_text(frame)
        return [program, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;", "-e", "stderr"]

    with running(command, folder=folder, ready="/") as server:
        yield RunningServer(f"https://{NAME}:{tls_port}", tls_port, server.process, server.log)


FRONTS: dict[str, Callable[[Path, str], contextlib.AbstractContextManager[RunningServer]]] = {
    "Caddy": caddy_in_front,
    "NGINX": nginx_in_front,
}


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=NAME)
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize("front", FRONTS)
async def test_a_stream_comes_as_it_is_generated_and_a_broken_one_looks_broken(
    front: str, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, OLLAMA_URL=ollama.url, ready="/healthz")
        with contextlib.ExitStack() as servers:
            in_front = FRONTS[front](tmp_path / front, f"127.0.0.1:{recorder.port}")
            server = await asyncio.to_thread(servers.enter_context, in_front)
            for ending in (LAST_CHUNK, RESET):
                go_on = asyncio.Event()
                ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(token_line("first")), go_on, ending))
                async with connected(server.port) as (reader, writer):
                    host = f"{NAME}:{server.port}"
                    writer.write(request_bytes("POST", "/api/ollama/api/chat", b"{}", host=host, Connection="close"))
                    await asyncio.wait_for(reader.readuntil(b"first"), 10)
                    go_on.set()
                    try:
                        rest = await asyncio.wait_for(reader.read(), 10)
                    except (ConnectionResetError, ssl.SSLError):
                        rest = b""
                    if ending is LAST_CHUNK or front == "NGINX":
                        # Caddy 2.6.2, Debian's, ends a broken answer as if it were whole: docs/deploy.md says so.
                        assert rest.endswith(b"0\r\n\r\n") is (ending is LAST_CHUNK)
            await asyncio.to_thread(servers.close)
        kept = await asyncio.to_thread(records, tmp_path / "recorder", 2)
        assert [one.row.outcome for one in kept] == ["completed", "upstream_broke_off"]


def test_the_systemd_unit_gives_the_recorder_little() -> None:
    program = require("systemd-analyze", "apt-get install systemd")
    unit = DEPLOY.parent / "systemd" / "ollama-recorder.service"
    done = subprocess.run(
        [program, "security", "--offline=true", "--threshold=20", unit], capture_output=True, text=True, check=False
    )
    # 0 to 10 there, 0 to 100 in the threshold.
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level for ollama-recorder.service: 1." in done.stdout
