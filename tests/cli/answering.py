"""A server that answers each path with what the test says, and notes what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: ``body`` is JSON unless it is bytes. ``is_cut``: the connection ends before its last bytes."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What came: ``target`` with its query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answering:
    """Where it answers, and what it was asked so far."""

    url: str
    port: int
    asked: list[Asked]


@contextmanager
def answering(answers: Mapping[str, Any], date: str | None = None) -> Iterator[Answering]:
    """Serve ``answers`` by path (a Said, or its body); all else is 404. ``date`` is the header's, if not now."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(Asked(self.command, self.path, dict(self.headers.items()), body))
            found = answers.get(self.path.partition("?")[0], Said({"error": "nothing here"}, 404))
            said = found if isinstance(found, Said) else Said(found)
            content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in {"Content-Type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) + said.is_cut))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server looks for these names

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date or super().date_time_string(timestamp)

        def log_message(self, format: str, *arguments: object) -> None:
            """The test tells what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        port = server.server_address[1]
        yield Answering(f"http://127.0.0.1:{port}", port, asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
