"""What Loki answers, and what else may answer at its address. (``test_all_recorders`` asks a real one.)"""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.loki_search import loki_answers
from service.loki_search.loki_answers import AskFor, LokiAddress, LokiError, LokiLines, ask_for_lines

LINES = {
    "status": "success",
    "data": {
        "resultType": "streams",
        "result": [
            {"stream": {"instance": "a", "exchange": "1" * 32}, "values": [["5", "{}"]]},
            {"stream": {"instance": "b", "exchange": "2" * 32}, "values": [["7", "{}"]]},
            {"stream": {"job": "nginx"}, "values": [["9", "written by hand"]]},
        ],
        "stats": {"summary": {"totalBytesProcessed": 123}},
    },
}


def _streams(result: bytes) -> bytes:
    return b'{"status":"success","data":{"resultType":"streams","result":%s}}' % result


class _Answers(BaseHTTPRequestHandler):
    status, body, missing = 200, b"", 0
    asked: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        self.send_response(self.status)
        self.send_header("Location", "http://elsewhere/")
        self.send_header("Content-Length", str(len(self.body) + self.missing))
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
    assert isinstance(found, LokiLines)
    assert [(line.ended_ns, line.instance) for line in found.lines] == [(7, "b"), (5, "a")]
    assert found.scanned_bytes == 123
    ((path, headers),) = handler.asked
    assert "start=1&end=10&limit=5&direction=backward" in path
    assert {name.lower(): value for name, value in headers.items()}["x-scope-orgid"] == "team"


@pytest.mark.parametrize(
    ("told", "warnings"),
    [(["one ingester is away\x1b", 5], ("one ingester is away", "5")), (None, ()), ([], ())],
)
def test_what_loki_warns_of_is_read(
    answers: tuple[type[_Answers], LokiAddress], told: object, warnings: tuple[str, ...]
) -> None:
    handler, loki = answers
    handler.body = json.dumps(LINES | {"warnings": told}).encode()
    found = ask_for_lines(loki, "{}", 1, 10, 5, 5.0)
    assert isinstance(found, LokiLines)
    assert (len(found.lines), found.warnings) == (2, warnings)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (429, b"too many outstanding requests", "answered 429: too many outstanding requests"),
        (302, b"", "answered 302: it sends to http://elsewhere/, and no redirects are followed: see LOKI_URL"),
        (204, b"", "answered 204: without a word"),
        (500, b"\x1b[31mred\x07", r"answered 500: \[31mred"),
        (200, b"<html>", "no Loki"),
        (200, b"[]", "no Loki"),
        (200, _streams(b'[{"stream":{"exchange":"%s"},"values":[["x","y"]]}]' % (b"1" * 32)), "no Loki"),
        (200, _streams(b"7"), "no Loki"),
        # Nothing at all would be taken for all there is.
        (200, b'{"data":{"result":[]}}', "no Loki"),
        (200, b'{"status":"error","error":"x","data":{"resultType":"streams","result":[]}}', "no Loki"),
        (200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}', "no Loki"),
    ],
)
def test_what_is_no_answer_is_told(
    answers: tuple[type[_Answers], LokiAddress], status: int, body: bytes, sentence: str
) -> None:
    handler, loki = answers
    handler.status, handler.body = status, body
    with pytest.raises(LokiError, match=sentence):
        ask_for_lines(loki, "{}", 1, 10, 5, 5.0)


def test_an_answer_that_breaks_off_is_called_that(answers: tuple[type[_Answers], LokiAddress]) -> None:
    handler, loki = answers
    handler.body, handler.missing = json.dumps(LINES).encode(), 7
    with pytest.raises(LokiError, match=f"its answer broke off after {len(handler.body)} bytes"):
        ask_for_lines(loki, "{}", 1, 10, 5, 5.0)


@pytest.mark.parametrize(("told", "bytes_"), [(10**30, 2**53), (-5, 0), (1e300, 2**53), (None, None)])
def test_what_a_question_cost_is_a_number_that_programs_can_read(
    answers: tuple[type[_Answers], LokiAddress], told: object, bytes_: int | None
) -> None:
    handler, loki = answers
    stats = {"stats": {"summary": {"totalBytesProcessed": told}}}
    handler.body = json.dumps({"status": "success", "data": {"resultType": "streams", "result": [], **stats}}).encode()
    if bytes_ is None:
        with pytest.raises(LokiError, match="no Loki"):
            ask_for_lines(loki, "{}", 1, 10, 5, 5.0)
    else:
        found = ask_for_lines(loki, "{}", 1, 10, 5, 5.0)
        assert isinstance(found, LokiLines)
        assert found.scanned_bytes == bytes_


def test_more_than_can_be_held_is_told(
    answers: tuple[type[_Answers], LokiAddress], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, loki = answers
    handler.body = json.dumps(LINES).encode()
    monkeypatch.setattr(loki_answers, "_LONGEST_ANSWER", 100)
    assert ask_for_lines(loki, "{}", 1, 10, 5, 5.0) is AskFor.FEWER_LINES


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        (b"max entries limit per query exceeded, limit > max_entries_limit_per_query (201 > 100)", AskFor.FEWER_LINES),
        (b"the query time range exceeds the limit (query length: 720h0m0s, limit: 1d)", AskFor.A_SHORTER_TIME),
    ],
)
def test_a_loki_with_lower_limits_says_what_to_ask_for(
    answers: tuple[type[_Answers], LokiAddress], told: bytes, instead: AskFor
) -> None:
    handler, loki = answers
    handler.status, handler.body = 400, told
    assert ask_for_lines(loki, "{}", 1, 10, 5, 5.0) is instead


@pytest.mark.parametrize(
    ("stream", "at", "line"),
    [
        ({"exchange": 5}, "5", "{}"),
        ({"exchange": "../x-y"}, "5", "{}"),
        ({"exchange": "1" * 32}, "9" * 40, "{}"),
        ({"exchange": "1" * 32}, "-5", "{}"),
        ({"exchange": "1" * 32}, "10", "{}"),
        ({}, "5", "{}"),
    ],
)
def test_lines_that_nobody_asked_for_are_passed_over(
    answers: tuple[type[_Answers], LokiAddress], stream: dict[str, object], at: str, line: str
) -> None:
    handler, loki = answers
    one = {"stream": {"exchange": "2" * 32, "instance": 7}, "values": [["6", "{}"]]}
    handler.body = _streams(json.dumps([{"stream": stream, "values": [[at, line]]}, one]).encode())
    found = ask_for_lines(loki, "{}", 1, 10, 5, 5.0)
    assert isinstance(found, LokiLines)
    assert [(line.exchange, line.instance) for line in found.lines] == [("2" * 32, "7")]


def test_values_of_any_shape_are_told_as_text(answers: tuple[type[_Answers], LokiAddress]) -> None:
    handler, loki = answers
    deep = "[" * 1010 + "]" * 1010
    stream = f'{{"stream": {{"exchange": "{"1" * 32}", "instance": {deep}}}, "values": [["6", "{{}}"]]}}'
    handler.body = _streams(f"[{stream}]".encode())[:-1] + f', "warnings": [{deep}]}}'.encode()
    found = ask_for_lines(loki, "{}", 1, 10, 5, 5.0)
    assert isinstance(found, LokiLines)
    assert [line.instance for line in found.lines] == ["<list that is nested too deeply>"]
    assert found.warnings == ("<list that is nested too deeply>",)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(head: bytes) -> None:
    over = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                self.wfile.write(head)
                while not over.wait(0.05):
                    self.wfile.write(b"X")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(LokiError, match=r"no whole answer within 0\.4 s"):
                ask_for_lines(LokiAddress(f"http://127.0.0.1:{server.server_address[1]}"), "{}", 1, 10, 5, 0.4)
        finally:
            over.set()
            server.shutdown()
            thread.join()


def test_nobody_there_is_told() -> None:
    with pytest.raises(LokiError, match="Connection refused"):
        ask_for_lines(LokiAddress("http://127.0.0.1:9"), "{}", 1, 10, 5, 5.0)
