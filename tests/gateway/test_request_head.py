"""Heads: what is read, and what is left to aiohttp's parser because somebody could read it differently."""

import time

import pytest

from service.gateway.request_head import LONGEST_LINE, MOST_FIELDS, HeadReader, could_be_head, read_head

START = b"POST /api/ollama/api/chat HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"


def test_a_head_is_read() -> None:
    read = read_head(
        START + HOST + b"X-Caller:\t Ren\xc3\xa9 \r\nx-caller: b\r\nContent-Length: 12\r\nX-Raw: \xff\r\n\r\n"
    )
    assert read is not None
    head, length = read
    assert (head.method, head.target, head.minor, length) == ("POST", "/api/ollama/api/chat", 1, 12)
    assert head.headers.getall("x-CALLER") == ["René", "b"]
    assert head.headers["X-Raw"].encode("utf-8", "surrogateescape") == b"\xff"
    assert head.keeps_alive
    assert not head.wants_invitation


@pytest.mark.parametrize(
    ("fields", "minor", "length"),
    [
        (b"", b"1", 0),
        (b"Content-Length: 0\r\n", b"1", 0),
        (b"Content-Length: 007\r\n", b"1", 7),
        (b"Content-Length: 9\r\n", b"0", 9),
        (b"Transfer-Encoding: Chunked\r\n", b"1", None),
    ],
)
def test_the_length_of_the_body_is_read(fields: bytes, minor: bytes, length: int | None) -> None:
    read = read_head(b"POST / HTTP/1." + minor + b"\r\n" + HOST + fields + b"\r\n")
    assert read is not None
    assert read[1] == length


@pytest.mark.parametrize(
    ("minor", "fields", "stays"),
    [
        (b"1", b"", True),
        (b"1", b"Connection: keep-alive, Close\r\n", False),
        (b"1", b"Connection: x\r\nConnection: close\r\n", False),
        (b"0", b"", False),
        (b"0", b"Connection: Keep-Alive\r\n", True),
        (b"0", b"Connection: keep-alive, close\r\n", False),
        # Whoever offers another protocol may go on in it.
        (b"1", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", False),
        (b"1", b"Upgrade: websocket\r\n", False),
    ],
)
def test_whether_the_connection_goes_on_is_read(minor: bytes, fields: bytes, stays: bool) -> None:
    read = read_head(b"GET / HTTP/1." + minor + b"\r\n" + HOST + fields + b"\r\n")
    assert read is not None
    assert read[0].keeps_alive is stays


@pytest.mark.parametrize(
    "head",
    [
        START + HOST + fields + b"\r\n"
        for fields in (
            b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            b"Content-Length: 1\r\nContent-Length: 1\r\n",
            b"Content-Length: 1\r\nA: b\r\ncontent-length: 2\r\n",
            b"Content-Length: 1, 1\r\n",
            b"Content-Length: +1\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 1_0\r\n",
            b"Content-Length: 0x1\r\n",
            b"Content-Length: \r\n",
            b"Content-Length: \xd9\xa1\r\n",
            b"Content-Length: 9999999999999999999\r\n",
            b"Transfer-Encoding: chunked, chunked\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"Transfer-Encoding: identity\r\n",
            b"Transfer-Encoding: \r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"Host: localhost\r\n",
            b"A : b\r\n",
            b" A: b\r\n",
            b"A\r\n",
            b": b\r\n",
            b"A(: b\r\n",
            b"A: b\r\n c\r\n",
            b"A: b\nB: c\r\n",
            b"A: b\rB: c\r\n",
            b"A: \x00\r\n",
            b"A: \x0b\r\n",
            b"A: \x7f\r\n",
            b"A\xff: b\r\n",
            b"A: b" * 20_000 + b"\r\n",
            b"A: b\r\n" * MOST_FIELDS,
            b"User-Agent: a\r\nUser-Agent: b\r\n",
            b"ETag: a\r\netag: a\r\n",
            b"Max-Forwards: 1\r\nA: b\r\nMax-Forwards: 2\r\n",
        )
    ]
    + [
        start + b"\r\n" + HOST + b"\r\n"
        for start in (
            b"POST / HTTP/2.0",
            b"POST / HTTP/1.2",
            b"POST / HTTP/0.9",
            b"POST / http/1.1",
            b"POST /",
            b"POST  / HTTP/1.1",
            b"POST / HTTP/1.1 ",
            b"POST /a b HTTP/1.1",
            b"POST /\x01 HTTP/1.1",
            b"POST /\xc3\xbc HTTP/1.1",
            b"POST\t/ HTTP/1.1",
            b"post / HTTP/1.1",
            b"BREW / HTTP/1.1",
            b"CONNECT a:1 HTTP/1.1",
            b"PRI * HTTP/2.0",
            b" POST / HTTP/1.1",
        )
    ]
    + [START + b"\r\n", START + b"A: b\r\n\r\n", b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"],
)
def test_what_could_be_read_differently_is_not_read(head: bytes) -> None:
    assert read_head(head) is None


@pytest.mark.parametrize("head", [START + HOST + b"A: b c\td\r\nContent-Length: 3\r\n"])
def test_every_beginning_of_a_head_could_be_one(head: bytes) -> None:
    assert all(could_be_head(head[:end]) for end in range(1, len(head)))


@pytest.mark.parametrize(
    "beginning",
    [b"\x16\x03\x01", b" POST", b"POST\n", b"POST / HTTP/1.1\nHost", START + b"A: \x00", START + b"A\rB", b"A" * 50],
)
def test_what_begins_otherwise_is_seen_at_once(beginning: bytes) -> None:
    assert not could_be_head(beginning)


def test_no_head_takes_long_to_refuse() -> None:
    begun = time.process_time()
    assert not could_be_head(b"POST " + b"a" * 200_000 + b"\n")
    assert not could_be_head(b"POST " + b"a\r\n" * 60_000 + b"\x00")
    assert read_head(START + b"A: " + b" " * 200_000 + b"\x00\r\n\r\n") is None
    assert read_head(START + b"A:b\r\n" * 40_000 + b"\x00\r\n\r\n") is None
    assert time.process_time() - begun < 5


def test_a_head_that_comes_again_is_the_same_save_its_length() -> None:
    reader = HeadReader()
    first = reader.read(START + HOST + b"Content-Length: 12\r\n\r\n")
    again = reader.read(START + HOST + b"Content-Length: 3456\r\n\r\n")
    assert first is not None
    assert again is not None
    assert again[0] is first[0]
    assert (first[1], again[1]) == (12, 3456)
    other = reader.read(START + HOST + b"X-Caller: b\r\nContent-Length: 12\r\n\r\n")
    assert other is not None
    assert (other[0] is first[0], other[0].headers.get("X-Caller"), other[1]) == (False, "b", 12)
    assert reader.read(START + HOST + b"X-Caller: b\r\nTransfer-Encoding: chunked\r\n\r\n") not in (None, other)


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5x\r\n",
        b"Content-Length: \r\n",
        b"Content-Length:  5\r\n",
    ],
)
def test_what_was_read_once_hides_nothing_that_comes_later(fields: bytes) -> None:
    reader = HeadReader()
    assert reader.read(START + HOST + b"Content-Length: 4\r\n\r\n") is not None
    read, alone = reader.read(START + HOST + fields + b"\r\n"), read_head(START + HOST + fields + b"\r\n")
    assert (read and read[1]) == (alone and alone[1])


def test_a_long_head_that_comes_byte_by_byte_is_not_looked_at_again_and_again() -> None:
    head = START + HOST + b"Cookie: " + b"a" * 60_000 + b"\r\n\r\n"
    reader, begun = HeadReader(), time.process_time()
    assert all(reader.find_end(head[:size]) is None for size in range(1, len(head)))
    assert reader.find_end(head) == len(head)
    assert time.process_time() - begun < 5
    # The next one begins anew.
    assert reader.find_end(head + b"more") == len(head)
    assert reader.find_end(b"\x16\x03") == 0


def test_a_head_without_an_end_is_given_up() -> None:
    reader, size = HeadReader(), 1000
    while reader.find_end(START + HOST + b"A: b\r\n" * (size // 6)) is None:
        size *= 2
    assert size < 1_000_000


def test_an_address_may_be_as_long_as_a_line_may_be() -> None:
    for size, is_read in ((LONGEST_LINE, True), (LONGEST_LINE + 100, False)):
        read = read_head(b"GET /" + b"a" * (size - 1) + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (read is not None) is is_read
