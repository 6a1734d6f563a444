import gzip
import json
import random
import sys
import zlib
from collections.abc import Callable
from itertools import product

import pytest

from service.record.bodies import decoded, document, first_document, is_utf_16, left_out, readable, whole
from service.record.exchange import Body
from tests.record.wire import body, shortened

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b'{"model":"tiny","prompt":"' + b"the world " * 500 + b'"}'


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "GZIP": gzip.compress,
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_compressed_body_is_read(encoding: str) -> None:
    found = readable(body(PACKERS[encoding](TEXT), encoding=encoding))
    assert found == Body(len(TEXT), TEXT, b"", "application/json", "")


def test_deflate_without_the_frame_of_zlib_is_read() -> None:
    assert readable(body(_raw_deflate(TEXT), encoding="deflate")).head == TEXT


def test_stacked_encodings_are_undone_in_reverse_order() -> None:
    packed = zstd.compress(gzip.compress(TEXT, mtime=0))
    assert readable(body(packed, encoding="gzip, identity, zstd")).head == TEXT


def test_several_gzip_members_are_one_body() -> None:
    packed = gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])
    assert readable(body(packed, encoding="gzip")).head == TEXT


def test_several_zstd_frames_are_one_body() -> None:
    packed = zstd.compress(TEXT[:100]) + zstd.compress(TEXT[100:])
    assert readable(body(packed, encoding="zstd")).head == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_stream_that_was_cut_gives_its_beginning(encoding: str) -> None:
    noisy = random.Random(1).randbytes(300_000).hex().encode()
    packed = PACKERS[encoding](noisy)
    found = readable(body(packed[: len(packed) // 2], encoding=encoding))
    assert len(found.head) > 10_000
    assert noisy.startswith(found.head)
    assert not found.is_shortened, "all that passed was kept; it is the sender who stopped"


def test_a_stream_that_breaks_in_its_middle_gives_what_came_before() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 400, 0))
    packed[len(packed) // 2 : len(packed) // 2 + 2000] = b"\xff" * 2000
    found = readable(body(bytes(packed), encoding="gzip"))
    assert found.head or found.content_encoding == "gzip"
    assert (bytes(range(256)) * 400).startswith(found.head[:20_000])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_stops_at_the_limit_and_is_flagged(encoding: str) -> None:
    packed = PACKERS[encoding](bytes(10_000_000))
    found = readable(body(packed, encoding=encoding), limit=100_000)
    assert 0 < len(found.head) <= 100_000
    assert found.is_shortened


def test_a_bomb_in_a_bomb_stops_at_the_limit() -> None:
    packed = gzip.compress(gzip.compress(bytes(20_000_000)))
    found = readable(body(packed, encoding="gzip, gzip"), limit=100_000)
    assert len(found.head) <= 100_000
    assert found.is_shortened


def test_a_compressed_body_with_a_gap_gives_its_beginning_and_is_flagged() -> None:
    noisy = random.Random(1).randbytes(100_000)
    packed = gzip.compress(noisy)
    kept = Body(len(packed), packed[:50_000], packed[-5_000:], "", "gzip")
    found = readable(kept)
    assert noisy.startswith(found.head)
    assert found.head
    assert found.tail == b""
    assert found.is_shortened


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"\x1b\x05\x00brotli", "br"),
        (b"not gzip at all", "gzip"),
        (b"not zstd", "zstd"),
        (b"", "gzip"),
        (gzip.compress(TEXT, mtime=0), "gzip,gzip,gzip,gzip,gzip"),
        (gzip.compress(TEXT, mtime=0), "br, gzip"),
        (b"x", "\x00, ,;"),
        (gzip.compress(TEXT, mtime=0)[:8], "gzip"),
        (zlib.compress(TEXT)[:1], "deflate"),
        (zstd.compress(TEXT)[:20], "zstd"),
    ],
)
def test_what_cannot_be_decompressed_stays_as_it_was(data: bytes, encoding: str) -> None:
    sent = body(data, encoding=encoding)
    assert readable(sent) is sent


def test_a_zstd_frame_that_asks_for_a_huge_window_is_not_decompressed() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    packer = zstd.ZstdCompressor(options=options)
    sent = body(packer.compress(TEXT) + packer.flush(), encoding="zstd")
    assert readable(sent) is sent


def test_identity_is_no_encoding() -> None:
    assert readable(body(TEXT, encoding="identity")).head == TEXT


def test_the_two_ends_of_a_long_text_in_json_are_still_json() -> None:
    sent = {"prompt": 'é"\\€\U0001f600\n\x01' * 12}
    for data in (json.dumps(sent).encode(), json.dumps(sent, ensure_ascii=False).encode()):
        for cut in range(30, 60):
            joined = whole(shortened(data, cut, 30))
            assert isinstance(document(joined), dict), joined
            assert "bytes left out" in joined.decode()


def test_the_mark_tells_how_many_bytes_are_missing() -> None:
    assert whole(shortened(b"a" * 100, 10, 20)) == b"a" * 10 + left_out(70).encode() + b"a" * 20


@pytest.mark.parametrize(
    "data", [b"", b"1", b'"text"', b"nope", b"{", b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"\xff\xfe{}"]
)
def test_what_is_no_json_object_or_list_is_none(data: bytes) -> None:
    assert document(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":"\\ud800"}',
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'\xef\xbb\xbf{"a":1}',
        b' \r\n {"a":0,"a":1}',
    ],
)
def test_what_other_servers_take_for_json_is_json(data: bytes) -> None:
    assert list(document(data)) == ["a"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"K\xf6ln \xe9", "K\ufffdln \ufffd"),
        # Byte by byte, as Go does.
        (b"a\xe2\x80b", "a\ufffd\ufffdb"),
        ("é😀".encode(), "é😀"),
        ("{é}".encode("utf-16-le"), "{é}"),
        ("[é]".encode("utf-16-be"), "[é]"),
        (b"\xff\xfe" + "é".encode("utf-16-le"), "é"),
        (b"", ""),
    ],
)
def test_bytes_are_read_as_text_as_ollama_reads_them(data: bytes, text: str) -> None:
    assert decoded(data) == text


@pytest.mark.parametrize(
    "data",
    [b'{"a":"K\xf6ln"}', '{"a":"K\ufffdln"}'.encode("utf-16"), b'\xef\xbb\xbf {"a":"K\xf6ln"}'],
)
def test_a_document_is_read_although_bytes_of_it_are_no_utf_8(data: bytes) -> None:
    assert document(data) == {"a": "K\ufffdln"}


def test_raw_control_characters_are_read() -> None:
    assert document(b'{"a":"x\ty\nz"}') == {"a": "x\ty\nz"}


@pytest.mark.parametrize("behind", [b"\0", b"\0\0", b" trailing", b"\n{}", b"]", b"\xff", b"}", "é".encode(), b""])
@pytest.mark.parametrize("before", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf "])
def test_of_a_request_the_first_document_counts(before: bytes, behind: bytes) -> None:
    assert first_document(before + b'{"a":"x y"}' + behind) == {"a": "x y"}
    assert (document(before + b'{"a":"x y"}' + behind) is None) == bool(behind)


@pytest.mark.parametrize(
    "data", [b"", b"1 {}", b'"a" {}', b"nope {}", b"{", b'{"a":1,}', b'{"a":1', b"[" * 100_000, b"\0"]
)
def test_what_begins_with_no_document_has_none(data: bytes) -> None:
    assert first_document(data) is None


def test_the_quick_look_for_utf_16_is_as_strict_as_the_long_one() -> None:
    for begins in (bytes(pair) for pair in product(range(256), repeat=2)):
        is_by_mark = begins in (b"\xff\xfe", b"\xfe\xff")
        is_json = begins in (b"{\0", b"[\0", b"\0{", b"\0[")
        assert is_utf_16(begins + b"x") is (is_by_mark or is_json)
