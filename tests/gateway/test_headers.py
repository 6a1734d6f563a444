"""Which headers pass."""

from service.gateway.headers import header, towards_client, towards_ollama


def test_hop_headers_stop_and_those_that_connection_names() -> None:
    sent = [
        (b"Connection", b"keep-alive, X-Hop"),
        (b"X-Hop", b"1"),
        (b"connection", b"X-Second"),
        (b"X-Second", b"2"),
        (b"TE", b"trailers"),
        (b"Upgrade", b"h2c"),
        (b"Host", b"x"),
        (b"Proxy-Connection", b"close"),
        (b"Accept", b"a"),
        (b"accept", b"b"),
        (b"Origin", b"null"),
    ]
    assert towards_ollama(sent, "00-x", False) == [b"Accept: a\r\n", b"accept: b\r\n", b"traceparent: 00-x\r\n"]


def test_a_credential_is_passed_on_unless_the_keys_are_ours() -> None:
    sent = [(b"Authorization", b"Bearer k"), (b"X-Api-Key", b"k")]
    assert towards_ollama(sent, "t", False)[0] == b"Authorization: Bearer k\r\n"
    assert towards_ollama(sent, "t", True) == [b"traceparent: t\r\n"]


def test_ollamas_own_cors_headers_do_not_stand_beside_ours() -> None:
    answered = [
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Content-Type", b"a/b"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Vary", b"X"),
        (b"Content-Length", b"3"),
    ]
    assert towards_client(answered) == [b"Content-Type: a/b\r\n", b"Vary: X\r\n"]
    assert header(answered, b"vary") == "X"
    assert header(answered, b"absent") == ""
