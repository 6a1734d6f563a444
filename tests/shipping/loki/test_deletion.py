"""What Loki is asked to delete, and what its answers mean."""

import asyncio
import gzip
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from service.shipping.loki import deletion
from service.shipping.loki.deletion import (
    IDS_A_REQUEST,
    Erased,
    ask_loki,
    delete_lines,
    deletion_of_a_time,
    deletion_requests,
)
from service.shipping.loki.encode import encode
from service.shipping.loki.settings import LokiSettings
from tests.servers.loki import Loki
from tests.shipping.rows import make_row

SECOND = 1_000_000_000


def erased(count: int) -> list[Erased]:
    return [Erased(f"{number:032x}", (1000 + number) * SECOND + 5) for number in range(count)]


def parameters(path: str) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(urlsplit(path).query).items()}


def test_each_request_names_some_ids_and_the_time_in_which_they_ended() -> None:
    requests = deletion_requests(erased(IDS_A_REQUEST + 1), with_spans=True, instance="box")
    assert len(requests) == 2
    assert max(map(len, requests)) < 8000
    first = parameters(requests[0])
    assert first["query"].startswith('{job=~"nginx|spans", service="ollama", instance="box"} | exchange=~"0000')
    assert first["query"].count("|") == IDS_A_REQUEST + 1
    assert (first["start"], first["end"]) == ("1970-01-01T00:16:40.000Z", "1970-01-01T00:19:59.001Z")
    assert parameters(requests[1])["query"].endswith(f'| exchange=~"{IDS_A_REQUEST:032x}"')
    assert deletion_requests([], with_spans=True, instance="box") == ()


def test_a_name_of_a_host_cannot_widen_what_is_deleted_and_spans_that_are_not_shipped_are_not_asked_for() -> None:
    (path,) = deletion_of_a_time(0, 5 * SECOND, with_spans=False, instance='b"} or {job="x\\')
    assert parameters(path) == {
        "query": r'{job="nginx", service="ollama", instance="b\"} or {job=\"x\\"}',
        "start": "1970-01-01T00:00:00.000Z",
        "end": "1970-01-01T00:00:05.001Z",
    }


@contextmanager
def loki_that_answers(*answers: tuple[int, str]) -> Iterator[tuple[LokiSettings, list[tuple[str, str]]]]:
    """Answers in this order, then always the last one."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, text = answers[min(len(asked), len(answers) - 1)]
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
        yield LokiSettings(f"http://127.0.0.1:{server.server_port}", {"X-Scope-OrgID": "us"}), asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def tries_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "_SECONDS_BETWEEN_TRIES", 0.0)


@pytest.mark.parametrize("behind", ["", "/", "/loki/api/v1/push"])
def test_all_requests_are_made_with_what_opens_loki(behind: str) -> None:
    requests = deletion_requests(erased(450), with_spans=True, instance="box")
    with loki_that_answers((204, "")) as (loki, asked):
        done = ask_loki(LokiSettings(loki.url + behind, loki.headers), requests)
    assert done.is_asked
    assert asked == [(path, "us") for path in requests]


@pytest.mark.parametrize(
    ("status", "text", "said", "tries"),
    [
        (404, "404 page not found", "deletion_mode", 1),
        (403, "deletion is not available for this tenant", "deletion_mode", 1),
        (400, "Retention is not enabled", "deletion_mode", 1),
        (401, "no org id", "tenant or login", 1),
        (400, "parse error", "HTTP 400: parse error", 1),
        (400, "deletes in the future are not allowed", "clock", 5),
        (500, "", "HTTP 500", 5),
        (302, "", "HTTP 302", 1),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_the_requests(status: int, text: str, said: str, tries: int) -> None:
    requests = deletion_requests(erased(450), with_spans=False, instance="box")
    with loki_that_answers((204, ""), (status, text)) as (loki, asked):
        done = ask_loki(loki, requests)
    assert not done.is_asked
    assert said in done.text
    assert done.requests == requests[1:]
    assert len(asked) == 1 + tries


def test_a_loki_whose_clock_is_a_little_behind_is_asked_again() -> None:
    with loki_that_answers((400, "deletes in the future are not allowed"), (204, "")) as (loki, asked):
        assert delete_lines(loki, [("0" * 32, SECOND)], instance="box").is_asked
    assert len(asked) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://user:secret@127.0.0.1:9", "http://[::1", "gopher://x"])
def test_a_loki_that_cannot_be_asked_is_told_and_not_raised(url: str) -> None:
    done = ask_loki(LokiSettings(url, {}), deletion_requests(erased(1), with_spans=False, instance="box"))
    assert not done.is_asked
    assert "could not be asked" in done.text
    assert len(done.requests) == 1


@pytest.mark.blocks("the fixture starts and stops Loki on the event loop's thread")
async def test_a_real_loki_leaves_out_just_the_lines_and_spans_of_what_was_erased(loki: Loki) -> None:
    """Not those of another recorder, nor a line that only names the id: a replay, or a prompt that quotes it."""
    gone = make_row(1, trace_id="f" * 32)
    naming = make_row(2, replay_of=gone.id, request_body=f"what is {gone.id}?", trace_id="f" * 32)
    for instance in ("box", "another box"):
        streams = orjson.loads(gzip.decompress(encode([gone, naming], instance, with_spans=True).body))
        assert (await asyncio.to_thread(loki.push, streams["streams"]))[0] == 204
    done = await asyncio.to_thread(
        lambda: delete_lines(LokiSettings(loki.url, {}), [(gone.id, gone.ended_ns)], instance="box")
    )
    assert done.is_asked, done.text

    def left() -> dict[tuple[str, str], int]:
        question = 'sum by (exchange, instance) (count_over_time({service="ollama"} [1h]))'
        found = loki.query(question, at=time.time() + 1)
        return {(one["metric"]["exchange"], one["metric"]["instance"]): int(one["value"][1]) for one in found}

    assert await asyncio.to_thread(left) == {
        (naming.id, "box"): 6,
        (gone.id, "another box"): 6,
        (naming.id, "another box"): 6,
    }
    whole = (gone.ended_ns, naming.ended_ns)
    asked = await asyncio.to_thread(lambda: delete_lines(LokiSettings(loki.url, {}), [], whole, instance="box"))
    assert asked.is_asked, asked.text
    listed = json.loads(await asyncio.to_thread(requests_at, loki))
    assert len(listed) == 2


def requests_at(loki: Loki) -> bytes:
    with urllib.request.urlopen(f"{loki.url}{deletion.DELETE_PATH}", timeout=20) as reply:
        said: bytes = reply.read()
        return said
