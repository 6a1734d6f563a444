"""Which headers pass."""

import pytest
from multidict import CIMultiDict

from service.gateway.headers import AnswerHead, header, towards_client, towards_ollama


def test_hop_headers_stop_and_those_that_connection_names() -> None:
    sent = CIMultiDict(
        [
            ("Connection", "keep-alive, X-Hop"),
            ("X-Hop", "1"),
            ("connection", "X-Second"),
            ("X-Second", "2"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"),
            ("Host", "x"),
            ("Proxy-Connection", "close"),
            ("Accept", "a"),
            ("accept", "b"),
            ("Origin", "null"),
            ("X-Bytes", "\udcff"),
        ]
    )
    passed = b"Accept: a\r\naccept: b\r\nX-Bytes: \xff\r\n"
    assert towards_ollama(sent, False) == passed


def test_a_credential_is_passed_on_unless_the_keys_are_ours() -> None:
    sent = CIMultiDict([("Authorization", "Bearer k"), ("X-Api-Key", "k")])
    assert towards_ollama(sent, False) == b"Authorization: Bearer k\r\nX-Api-Key: k\r\n"
    assert towards_ollama(sent, True) == b""


def test_ollamas_own_cors_headers_do_not_stand_beside_ours() -> None:
    answered = [
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Content-Type", b"a/b"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Vary", b"X"),
        (b"Content-Length", b"3"),
    ]
    assert towards_client(answered) == AnswerHead([b"Content-Type: a/b\r\n", b"Vary: X\r\n"], "a/b", "")
    assert header(answered, b"vary") == "X"
    assert header(answered, b"absent") == ""


@pytest.mark.parametrize("order", [1, -1])
def test_what_an_answers_connection_names_is_about_this_hop_only(order: int) -> None:
    answered = [(b"Keep-Alive", b"5"), (b"X-Mine", b"a"), (b"Connection", b"close, X-Mine"), (b"x-mine", b"b")]
    assert towards_client([*answered[::order], (b"X", b"1")]) == AnswerHead([b"X: 1\r\n"], "", "")
    # Other answers with the same names are another matter.
    other = [(name, b"keep-alive" if name == b"Connection" else value) for name, value in answered[::order]]
    assert towards_client(other).lines == [b"%b: %b\r\n" % pair for pair in other if pair[0].lower() == b"x-mine"]


def test_the_first_type_and_encoding_with_a_value_count() -> None:
    answered = [(b"content-type", b""), (b"Content-Type", b" a/b "), (b"Content-Type", b"c/d")]
    found = towards_client([*answered, (b"Content-Encoding", b"gzip")])
    assert (found.content_type, found.content_encoding) == ("a/b", "gzip")
    found = towards_client([(b"Content-Type", b"")])
    assert (found.content_type, found.content_encoding) == ("", "")
    assert towards_client([]) == AnswerHead([], "", "")
