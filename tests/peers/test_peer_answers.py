"""One other recorder is asked to erase: what it is asked, and what its answers mean."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service.peers.peer_answers import Peer, count_at, erase_at, peers_of, read_tokens

QUERY = (("model", "tiny & co"), ("to", "2026-11-29T12:00:00Z"))


@contextlib.contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives ``answers`` in turn; its address, and what it was asked."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path} {self.headers.get('Authorization', '')}")
            status, body = left.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_DELETE = do_GET  # noqa: N815  (as the class calls it)

        def log_message(self, *_: object) -> None:
            """Nobody wants to know."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_it_is_asked_how_many_they_are_and_erases_as_many_with_its_token() -> None:
    with answering((200, b'{"count":3}'), (200, b'{"erased":3}')) as (url, asked):
        assert erase_at(Peer("garage", url, "abc"), QUERY).count == 3
    assert asked == [
        "GET /erasing.json?model=tiny+%26+co&to=2026-11-29T12%3A00%3A00Z Bearer abc",
        "DELETE /exchanges?model=tiny+%26+co&to=2026-11-29T12%3A00%3A00Z&count=3&all=true Bearer abc",
    ]


def test_where_nothing_was_found_it_is_asked_to_erase_all_the_same() -> None:
    with answering((200, b'{"count":0}'), (200, b'{"erased":0}')) as (url, asked):
        answer = erase_at(Peer("garage", url), QUERY)
    assert (answer.count, answer.trouble) == (0, "")
    assert "&count=0&" in asked[1]
    # Only then it says that its index is behind its journal.
    behind = b'{"error":"12 exchanges are not in the index yet: nothing was erased. Try again soon."}'
    with answering((200, b'{"count":0}'), (503, behind)) as (url, _):
        assert "12 exchanges are not in the index yet" in erase_at(Peer("garage", url), QUERY).trouble


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(401, b"{}")], "PEER_TOKENS_FILE"),
        ([(403, b"{}")], "PEER_TOKENS_FILE"),
        ([(500, b"broken")], "answered 500: broken"),
        ([(200, b"<html>")], "no recorder"),
        ([(200, b"[]")], "no recorder"),
        ([(200, b'{"count":true}')], "no recorder"),
        ([(200, b'{"count":-1}')], "no recorder"),
        ([(200, b'{"count":' + b"9" * 400 + b"}")], "no recorder"),
        ([(200, b'{"count":2}'), (409, b"there are 3")], "answered 409: there are 3"),
        ([(302, b"")], "answered 302"),
        ([(200, b'{"count":2}'), (200, b"<html>Sign in</html>")], "no recorder"),
        ([(200, b'{"count":2}'), (200, b"{}")], "no recorder"),
        ([(200, b'{"count":2}'), (200, b'{"erased":"2"}')], "no recorder"),
        ([(200, b'{"count":2}'), (202, b"")], "answered 202"),
        ([(500, b"\x1b]0;owned\x07\x1b[2J")], "answered 500:  ]0;owned [2J"),
    ],
)
def test_what_it_does_not_do_is_told(answers: list[tuple[int, bytes]], words: str) -> None:
    with answering(*answers) as (url, _):
        assert words in erase_at(Peer("garage", url), QUERY).trouble


def test_one_that_is_away_is_told() -> None:
    assert "could not be reached" in count_at(Peer("garage", "http://127.0.0.1:9"), QUERY).trouble


def test_tokens_are_read_from_a_file_of_names_and_tokens(tmp_path: Path) -> None:
    text = "# of others\n\ngarage  abc\nattic def\nodd\nmore than two\ngarage twice\ncellar t\u00f6ken\n"
    tokens, mistakes = read_tokens(text)
    assert tokens == {"garage": "abc", "attic": "def"}
    assert [mistake.partition(":")[0] for mistake in mistakes] == ["line 5", "line 6", "line 7", "line 8"]
    assert not any(token in str(mistakes) for token in ("abc", "def", "than", "twice", "ken\n"))
    file = tmp_path / "tokens"
    file.write_text(text)
    addresses = {"garage": "http://g", "cellar": "http://c"}
    assert [(one.name, one.token) for one in peers_of(addresses, file)] == [("garage", "abc"), ("cellar", "")]
    assert [one.token for one in peers_of(addresses, tmp_path / "none")] == ["", ""]
    assert "abc" not in repr(peers_of(addresses, file))
    assert json.dumps([one.url for one in peers_of(addresses, None)]) == '["http://g", "http://c"]'


def test_what_it_erased_is_told_and_not_what_was_found_before() -> None:
    with answering((200, b'{"count":3}'), (200, b'{"erased":2}')) as (url, _):
        assert erase_at(Peer("garage", url), QUERY).count == 2
