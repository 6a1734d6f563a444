"""What Loki answers, and what else may answer at its address. (``test_all_recorders`` asks a real one.)"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.loki_search import loki_answers
from service.loki_search.loki_answers import LokiAddress, LokiError, ask_for_lines

LINES = {
    "data": {
        "result": [
            {"stream": {"instance": "a", "exchange": "1" * 32}, "values": [["5", "{}"]]},
            {"stream": {"instance": "b", "exchange": "2" * 32}, "values": [["7", "{}"]]},
            {"stream": {"job": "nginx"}, "values": [["9", "written by hand"]]},
        ],
        "stats": {"summary": {"totalBytesProcessed": 123}},
    }
}


class _Answers(BaseHTTPRequestHandler):
    status, body = 200, b""
    asked: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answers() -> Iterator[tuple[type[_Answers], LokiAddress]]:
    handler = type("Answers", (_Answers,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield handler, LokiAddress(f"http://127.0.0.1:{server.server_address[1]}", {"X-Scope-OrgID": "team"})
        server.shutdown()
        thread.join()


def test_lines_come_newest_first_without_those_that_are_no_records(answers: tuple[type[_Answers], LokiAddress]) -> None:
    handler, loki = answers
    handler.body = json.dumps(LINES).encode()
    found = ask_for_lines(loki, "{}", 1, 10, 5, 5.0)
    assert found is not None
    assert [(line.ended_ns, line.instance) for line in found.lines] == [(7, "b"), (5, "a")]
    assert found.scanned_bytes == 123
    ((path, headers),) = handler.asked
    assert "start=1&end=10&limit=5&direction=backward" in path
    assert {name.lower(): value for name, value in headers.items()}["x-scope-orgid"] == "team"


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (429, b"too many outstanding requests", "answered 429: too many outstanding requests"),
        (302, b"", "answered 302"),
        (200, b"<html>", "no Loki"),
        (200, b"[]", "no Loki"),
        (200, b'{"data":{"result":[{"stream":{"exchange":"1"},"values":[["x","y"]]}]}}', "no Loki"),
        (200, b'{"data":{"result":7}}', "no Loki"),
    ],
)
def test_what_is_no_answer_is_told(
    answers: tuple[type[_Answers], LokiAddress], status: int, body: bytes, sentence: str
) -> None:
    handler, loki = answers
    handler.status, handler.body = status, body
    with pytest.raises(LokiError, match=sentence):
        ask_for_lines(loki, "{}", 1, 10, 5, 5.0)


def test_more_than_can_be_held_is_told(
    answers: tuple[type[_Answers], LokiAddress], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, loki = answers
    handler.body = json.dumps(LINES).encode()
    monkeypatch.setattr(loki_answers, "_LONGEST_ANSWER", 100)
    assert ask_for_lines(loki, "{}", 1, 10, 5, 5.0) is None


def test_nobody_there_is_told() -> None:
    with pytest.raises(LokiError, match="Connection refused"):
        ask_for_lines(LokiAddress("http://127.0.0.1:9"), "{}", 1, 10, 5, 5.0)
