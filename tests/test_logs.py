"""The recorder's voice."""

import io
import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence

import pytest

from service.logs import LONGEST_QUEUE, LONGEST_TEXT_QUEUE, Entry, Output, WholeLine, start_logging
from tests.journal.given import record


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level


def test_log_records_are_one_json_line_each_whatever_is_in_them() -> None:
    stream = io.BytesIO()
    output = start_logging("info", stream)
    logging.getLogger("ollama_recorder").info("hello\nworld \udce9", extra={"event": "X", "count": 3})
    logging.getLogger("ollama_recorder").debug("not this")
    try:
        raise ValueError("bad\x1b[31m")
    except ValueError:
        logging.getLogger("other").exception("failed")
    output.stop()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    first = json.loads(lines[0])
    assert (first["level"], first["event"], first["count"]) == ("INFO", "X", 3)
    assert "ValueError" in json.loads(lines[1])["exc_info"]


class Names:
    """A text that is the name of the thread that makes it, and what it is made of."""

    def lines(self, entries: Sequence[Entry]) -> list[bytes]:
        name = threading.current_thread().name.encode()
        return [name + b" " + self.named(entry) for entry in entries if self.named(entry) != b"nobody needs this"]

    def named(self, entry: Entry) -> bytes:
        if isinstance(entry, logging.LogRecord):
            return entry.getMessage().encode()
        return entry.json if isinstance(entry, WholeLine) else entry


@pytest.mark.parametrize("text", [None, Names()])
def test_records_are_rewritten_before_they_are_logged(text: Names | None) -> None:
    stream = io.BytesIO()
    output = start_logging("info", stream, text, bytes.upper)
    output.write_records([record(1)])
    output.stop()
    logged = record(1).summary if text is None else record(1).line
    # What a JSON line has beside the record stands behind it.
    assert logged.upper().removesuffix(b"}") in stream.getvalue()
    assert logged.removesuffix(b"}") not in stream.getvalue()


def test_records_are_logged_without_their_bodies_as_json() -> None:
    stream = io.BytesIO()
    output = start_logging("info", stream)
    output.write_records([record(1), record(2)])
    output.stop()
    lines = stream.getvalue().splitlines()
    for line, number in zip(lines, (1, 2), strict=True):
        told = json.loads(line)
        assert (told.pop("log"), told.pop("level")) == ("record", "INFO")
        assert told == json.loads(record(number).summary)


@pytest.mark.parametrize(
    ("summary", "level"),
    [
        (b'{"outcome":"client_left","failed":true}', "WARNING"),
        (b'{"error":"he said \\"failed\\":true","failed":false}', "INFO"),
    ],
)
def test_a_record_that_failed_is_a_warning(summary: bytes, level: str) -> None:
    stream = io.BytesIO()
    output = start_logging("info", stream)
    output.write_records([record(1)._replace(summary=summary)])
    output.stop()
    assert json.loads(stream.getvalue())["level"] == level


def test_records_and_what_the_program_says_have_the_same_keys_for_a_shipper() -> None:
    stream = io.BytesIO()
    output = start_logging("info", stream)
    logging.getLogger("ollama_recorder").info("hello", extra={"event": "X"})
    summary = b'{"time":"2026-01-06T17:58:29.123456Z","failed":false}'
    output.write_records([record(1)._replace(summary=summary)])
    output.stop()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["log"] for line in lines} == {"record", "program"}
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
        assert line["level"] == "INFO"


def test_text_is_made_of_whole_records_and_on_the_thread_that_writes() -> None:
    stream = io.BytesIO()
    output = start_logging("info", stream, Names())
    output.write_records([record(1)])
    output.write([b"ready"])
    logging.getLogger("ollama_recorder").info("nobody needs this")
    logging.getLogger("ollama_recorder").warning("look here")
    output.stop()
    assert stream.getvalue().splitlines() == [b"output " + record(1).line, b"output ready", b"output look here"]


def test_fewer_lines_wait_where_whole_records_do() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as stream:
        output = Output(stream, Names())
        large = record(1)._replace(line=b"x" * 200_000)
        for _ in range(3 * LONGEST_TEXT_QUEUE):
            output.write_records([large])
        assert output.dropped >= LONGEST_TEXT_QUEUE
        os.close(read_end)
        output.stop()


def test_a_standard_output_that_nobody_reads_holds_nobody_up_and_loss_is_counted() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as stream:
        output = Output(stream)
        line = b"x" * 1000
        done = threading.Event()

        def write() -> None:
            for _ in range(3 * LONGEST_QUEUE):
                output.write([line])
            done.set()

        threading.Thread(target=write, daemon=True).start()
        assert done.wait(10)
        assert output.dropped > 0
        os.close(read_end)
        output.stop()
