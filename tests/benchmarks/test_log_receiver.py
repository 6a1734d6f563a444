"""What other gateways log is counted, and told apart by whether prompt and answer are in it."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.benchmarks import openai_messages
from tests.benchmarks.log_receiver import entry_line, told

PROMPT, ANSWER = json.loads(openai_messages.request()), json.loads(openai_messages.ANSWER)


@contextmanager
def receiving(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.log_receiver", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def wait_for(file: Path, entries: int) -> tuple[int, int]:
    until = time.monotonic() + 20
    while (now := told(file))[0] < entries and time.monotonic() < until:
        time.sleep(0.02)
    return now


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"messages": PROMPT, "response": ANSWER}, "both\n"),
        ({"messages": PROMPT, "response": " return return return"}, "both\n"),
        ({"messages": PROMPT, "response": "The response was a stream."}, "part\n"),
        ({"messages": "redacted", "response": ANSWER}, "part\n"),
        ({}, "part\n"),
    ],
)
def test_an_entry_is_whole_with_prompt_and_answer(entry: object, line: str) -> None:
    assert entry_line(json.dumps(entry)) == line


def test_what_is_posted_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "entries"
    with receiving("posts", str(file)) as port:
        body = json.dumps([{"messages": PROMPT, "response": ANSWER}, {"messages": PROMPT}]).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/log", body, timeout=20) as answer:
            assert answer.status == 200
        assert wait_for(file, 2) == (2, 1)


class _Console(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        whole = json.dumps({"messages": PROMPT, "response": ANSWER})
        for event, data in (("connected", "1"), ("log", whole), ("heartbeat", "pulse"), ("log", "{}")):
            self.wfile.write(f"event: {event}\ndata: {data}\nid: 1\n\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


def test_events_are_read_as_a_browser_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "entries"
    file.touch()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Console) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with receiving("events", f"http://127.0.0.1:{server.server_port}/log/stream", str(file)) as first:
            assert first == "reading"
            assert wait_for(file, 2) == (2, 1)
        server.shutdown()
        thread.join()
