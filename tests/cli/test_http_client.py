"""Whatever answers, there is an answer or an OSError."""

import socket
import threading
from collections.abc import Callable

import pytest

from service.cli.http_client import ask, why
from tests.cli.answering import Answering, Said


def test_an_answer_comes_with_its_status_headers_and_body(answers: Callable[..., Answering]) -> None:
    server = answers({"/a": Said(b"hello", 418, {"X-One": "1"})})
    answer = ask(f"{server.url}/a?b=c", "POST", headers={"X-Two": "2"}, body=b"{}")
    assert (answer.status, answer.headers["x-one"], answer.body) == (418, "1", b"hello")
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.headers["X-Two"], asked.body) == ("POST", "/a?b=c", "2", b"{}")


def test_no_redirect_is_followed_and_no_proxy_is_used(
    answers: Callable[..., Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = answers({"/": b"elsewhere"})
    monkeypatch.setenv("http_proxy", elsewhere.url)
    server = answers({"/": Said(b"", 302, {"Location": elsewhere.url})})
    assert ask(server.url).status == 302
    assert not elsewhere.asked


def test_what_is_no_http_is_an_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(OSError, match="does not speak HTTP") as raised:
            ask(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        thread.join()
        assert why(raised.value).startswith("what answers")


def test_silence_and_refusal_are_oserrors_in_few_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(OSError, match="timed out") as raised:
            ask(f"http://127.0.0.1:{port}/", seconds=0.05)
        assert why(raised.value) == "no answer in time"
    with pytest.raises(OSError, match="refused") as refused:
        ask(f"http://127.0.0.1:{port}/")
    assert why(refused.value) == "Connection refused"
