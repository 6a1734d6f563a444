"""What Loki is asked to delete, and what its answers mean."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from service.shipping.loki_deletion import IDS_A_REQUEST, Erased, LokiAddress, ask_loki, deletion_requests

SECOND = 1_000_000_000


def erased(count: int) -> list[Erased]:
    return [Erased(f"{number:032x}", (1000 + number) * SECOND + 5) for number in range(count)]


def test_each_request_names_some_ids_and_the_time_in_which_they_ended() -> None:
    requests = deletion_requests(erased(IDS_A_REQUEST + 1), with_spans=True)
    assert len(requests) == 4
    assert max(map(len, requests)) < 8000
    first = {key: value[0] for key, value in parse_qs(urlsplit(requests[0]).query).items()}
    assert first["query"].startswith('{job="nginx", service="ollama"} |~ "0000')
    assert first["query"].count("|") == IDS_A_REQUEST
    assert (first["start"], first["end"]) == ("1000", str(1000 + IDS_A_REQUEST))
    last = {key: value[0] for key, value in parse_qs(urlsplit(requests[3]).query).items()}
    assert last["query"] == f'{{job="spans", service="ollama"}} |= "{IDS_A_REQUEST:032x}"'
    assert len(deletion_requests(erased(1), with_spans=False)) == 1
    assert deletion_requests([], with_spans=True) == ()


@contextmanager
def loki_that_answers(status: int, text: str = "") -> Iterator[tuple[LokiAddress, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, self.headers.get("X-Scope-OrgID", "")))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield LokiAddress(f"http://127.0.0.1:{server.server_port}", {"X-Scope-OrgID": "us"}), asked
    finally:
        server.shutdown()
        server.server_close()


def test_all_requests_are_made_with_what_opens_loki() -> None:
    requests = deletion_requests(erased(150), with_spans=True)
    with loki_that_answers(204) as (loki, asked):
        done = ask_loki(loki, requests)
    assert done.is_asked
    assert asked == [(path, "us") for path in requests]


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (404, "404 page not found", "deletion_mode"),
        (403, "deletion is not available for this tenant", "deletion_mode"),
        (401, "no org id", "tenant or login"),
        (400, "parse error", "HTTP 400 parse error"),
        (500, "", "HTTP 500"),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_the_requests(status: int, text: str, said: str) -> None:
    requests = deletion_requests(erased(150), with_spans=False)
    with loki_that_answers(status, text) as (loki, asked):
        done = ask_loki(loki, requests)
    assert not done.is_asked
    assert said in done.text
    assert done.requests == requests
    assert len(asked) == 1


def test_no_loki_is_told_and_not_raised() -> None:
    done = ask_loki(LokiAddress("http://127.0.0.1:9", {}), deletion_requests(erased(1), with_spans=False))
    assert not done.is_asked
    assert "could not be asked" in done.text
