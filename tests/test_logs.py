"""The recorder's voice."""

import io
import json
import logging
import os
import threading
from collections.abc import Iterator

import pytest

from service.logs import LONGEST_QUEUE, Output, start_logging


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
