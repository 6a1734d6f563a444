"""Questions beside the records, from a thread that waits."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from service.shipping.asking import Asker, ask
from tests.cli.answering import Said, answering


@pytest.mark.parametrize("status", [200, 204, 302, 404, 503])
def test_every_status_is_an_answer_and_redirects_are_not_followed(status: int) -> None:
    elsewhere = {"Location": "http://127.0.0.1:1/"}
    with answering({"/ready": Said(b"words", status, elsewhere)}) as server:
        answer = ask(f"{server.url}/ready", headers={"Authorization": "Bearer secret"})
    assert (answer.status, answer.headers["location"]) == (status, elsewhere["Location"])
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer secret"]


def test_a_header_is_sent_as_the_shipper_sends_it() -> None:
    with answering({"/ready": b""}) as server:
        ask(f"{server.url}/ready", headers={"Authorization": "Bearer 日"})
    assert [asked.headers["Authorization"].encode("latin-1").decode() for asked in server.asked] == ["Bearer 日"]


def test_a_post_has_an_empty_body() -> None:
    with answering({"/delete": b""}) as server:
        assert ask(f"{server.url}/delete?query=x", "POST").status == 200
    assert [(asked.method, asked.target, asked.body) for asked in server.asked] == [("POST", "/delete?query=x", b"")]


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    with answering({"/": b"x" * 1_000_000}) as server:
        assert len(ask(f"{server.url}/").body) == 65_536


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://[::1", "gopher://x", "http://a b/", "http://\u00e4.invalid/"]
)
def test_no_answer_is_an_oserror(url: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011  # that it is one, whatever its text, is what callers rely on
        ask(url, seconds=5.0)


def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({"/": b"proxy"}) as proxy, answering({"/": b"receiver"}) as receiver:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert ask(f"{receiver.url}/").body == b"receiver"
        assert not proxy.asked


@contextlib.contextmanager
def dripping(first: bytes) -> Iterator[str]:
    """A server that sends ``first`` and then a byte now and then, for ever; its address."""
    is_over = threading.Event()

    def serve() -> None:
        connected, _ = listening.accept()
        with connected, contextlib.suppress(OSError):
            connected.sendall(first)
            while not is_over.wait(0.05):
                connected.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        is_over.set()
        thread.join(10)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"])
def test_whoever_answers_byte_by_byte_is_given_up(first: bytes) -> None:
    with dripping(first) as url:
        began = time.monotonic()
        with pytest.raises(OSError, match=r"no whole answer within 0\.4 s|does not speak HTTP"):
            ask(url, seconds=0.4)
        assert time.monotonic() - began < 20


def test_no_more_is_read_than_was_asked_for() -> None:
    with answering({"/": b"x" * 1_000_000}) as server:
        assert len(ask(f"{server.url}/", most=100_000).body) == 100_000


def test_who_leaves_ends_what_is_being_asked_and_nothing_more_is_asked_for_them() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asker, url = Asker(), f"http://127.0.0.1:{silent.getsockname()[1]}"
        left: list[BaseException] = []

        def question() -> None:
            try:
                asker.run(lambda: ask(url, seconds=60))
            except CancelledError as problem:
                left.append(problem)

        thread = threading.Thread(target=question)
        thread.start()
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(20)
            assert connection.recv(65_536)
            asker.leave()
            assert connection.recv(65_536) == b""
        thread.join(20)
        assert len(left) == 1
        with pytest.raises(CancelledError):
            asker.run(lambda: ask(url, seconds=60))
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()
    # Others go on asking from the same thread.
    with answering({"/": b"words"}) as server:
        assert ask(f"{server.url}/").body == b"words"
