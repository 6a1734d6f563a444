"""How an answer is framed for the client."""

from types import SimpleNamespace
from typing import Any

import pytest

from service.gateway.request import Request
from service.gateway.request_body import EMPTY
from service.gateway.request_head import read_head
from service.gateway.response_writer import ResponseWriter


class _Transport:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.end = ""
        self.options: list[tuple[int, int, bytes]] = []

    def get_extra_info(self, name: str) -> Any:
        assert name == "socket"
        return SimpleNamespace(setsockopt=lambda *option: self.options.append(option))

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return bool(self.end)

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"


def made(version: tuple[int, int]) -> tuple[ResponseWriter, _Transport]:
    transport = _Transport()
    read = read_head(b"GET /api/ollama/api/tags HTTP/%d.%d\r\nHost: localhost\r\n\r\n" % version)
    assert read is not None
    client: Any = SimpleNamespace(transport=transport)
    head = read[0]
    head.keeps_alive = True
    return ResponseWriter(Request(head, 0, EMPTY, client)), transport


@pytest.mark.parametrize(
    ("version", "length", "has_body", "expected", "stays"),
    [
        ((1, 1), 2, True, [b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nhi"], True),
        (
            (1, 1),
            None,
            True,
            [b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"],
            True,
        ),
        ((1, 1), 17, False, [b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 17\r\n\r\n"], True),
        ((1, 1), None, False, [b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"], True),
        ((1, 0), None, True, [b"HTTP/1.0 200 OK\r\nA: b\r\nConnection: close\r\n\r\nhi"], False),
        ((1, 0), 2, True, [b"HTTP/1.0 200 OK\r\nA: b\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi"], True),
    ],
)
def test_head_and_small_body_leave_in_one_piece(
    version: tuple[int, int], length: int | None, has_body: bool, expected: list[bytes], stays: bool
) -> None:
    reply, transport = made(version)
    reply.start(200, b"OK", [b"A: b\r\n"], length, has_body, may_stay=True)
    assert transport.sent == []
    reply.finish(b"hi" if has_body else b"")
    assert transport.sent == expected
    assert reply.has_begun
    assert reply.stays_connected is stays


def test_a_piece_is_one_chunk_and_one_write() -> None:
    reply, transport = made((1, 1))
    reply.start(200, b"OK", [], None, has_body=True, may_stay=True)
    reply.send_head()
    assert not reply.send(b"x" * 16)
    assert reply.send(b"y" * 70_000)
    reply.finish(b"")
    assert transport.sent[1:] == [b"10\r\n" + b"x" * 16 + b"\r\n", b"11170\r\n" + b"y" * 70_000 + b"\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize(("version", "end"), [((1, 1), "closed"), ((1, 0), "aborted")])
def test_an_answer_that_would_look_whole_after_an_orderly_close_is_reset(version: tuple[int, int], end: str) -> None:
    reply, transport = made(version)
    reply.start(200, b"OK", [], None, has_body=True, may_stay=True)
    reply.send(b"half")
    reply.hang_up()
    assert transport.end == end
    assert bool(transport.options) == (end == "aborted")
    with pytest.raises(ConnectionResetError):
        reply.send(b"more")
