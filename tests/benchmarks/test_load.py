import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.benchmarks import messages
from tests.benchmarks.gateways import Gateway, bare_passthrough, upstream
from tests.benchmarks.load import Target, body_of, burst, exchanges, latencies, streams

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


def test_a_burst_tells_of_each_stream_when_its_first_byte_came(bare: Gateway) -> None:
    result = burst(bare.target, number=20, chunks=3, interval=0.01)
    assert (result.requests, result.errors, len(result.first_bytes)) == (20, 0, 20)
    assert all(0 < seconds < result.seconds for seconds in result.first_bytes)


class _Refusing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def refusing() -> Iterator[Target]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Target(server.server_port)
        server.shutdown()
        thread.join()


def test_errors_are_counted_as_errors_at_once_and_not_as_fast_answers(refusing: Target) -> None:
    began = time.monotonic()
    result = exchanges(refusing, connections=2, seconds=0.1)
    assert result.requests > 2
    assert result.errors == result.requests
    refused = burst(refusing, number=3, chunks=2, interval=0.01)
    assert (refused.errors, refused.first_bytes) == (3, [])
    assert time.monotonic() - began < 20
    with pytest.raises(ConnectionError, match="another answer"):
        latencies([refusing], rounds=1)


@pytest.mark.parametrize(
    ("received", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1;a=b\r\ni\r\n0\r\n\r\n", b"hi"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi", b"HTTP/1.1 404 Not Found\nhi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", b"no chunk: hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Len", None),
    ],
)
def test_a_body_is_the_same_however_it_is_framed_and_an_error_is_none(received: bytes, body: bytes | None) -> None:
    assert body_of(received) == body
