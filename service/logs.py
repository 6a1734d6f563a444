"""The recorder's own voice: JSON lines on standard output, written by a thread of their own.

Standard output may be a pipe that nobody empties. Nobody else may ever wait for it, so lines
queue up to a bound and are then dropped and counted.
"""

import logging
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import BinaryIO, Final

from pythonjsonlogger.json import JsonFormatter
from pythonjsonlogger.orjson import OrjsonFormatter

LONGEST_QUEUE: Final = 20_000


class Output:
    """Lines on their way to ``stream``. ``dropped`` counts those that found the queue full."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lines: deque[bytes] = deque()
        self._there_is_more = threading.Event()
        self._is_stopping = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def write(self, lines: Sequence[bytes]) -> None:
        """Queue lines (without newlines). Any thread; never blocks."""
        room = LONGEST_QUEUE - len(self._lines)
        if len(lines) > room:
            self.dropped += len(lines) - max(room, 0)
            lines = lines[: max(room, 0)]
        self._lines.extend(lines)
        self._there_is_more.set()

    def stop(self, seconds: float = 2.0) -> None:
        """Write what is queued, for ``seconds`` at most."""
        self._is_stopping = True
        self._there_is_more.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not (self._is_stopping and not self._lines):
            self._there_is_more.wait()
            self._there_is_more.clear()
            batch = [self._lines.popleft() for _ in range(len(self._lines))]
            if not batch:
                continue
            try:
                self._stream.write(b"\n".join(batch) + b"\n")
                self._stream.flush()
            except (OSError, ValueError):
                # The reader of the pipe is gone, or the stream closed: the recorder goes on without a voice.
                self.dropped += len(batch)


_FIELDS: Final = ["levelname", "name", "message"]
_NAMES: Final = {"levelname": "level", "name": "logger"}


class _ToOutput(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self._fast = OrjsonFormatter(_FIELDS, rename_fields=_NAMES, timestamp="time")
        # orjson refuses lone surrogates, which the standard library escapes.
        self._tolerant = JsonFormatter(_FIELDS, rename_fields=_NAMES, timestamp="time")

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._fast.format(record)
        except TypeError:
            line = self._tolerant.format(record)
        self._output.write([line.encode()])


def start_logging(level: str, stream: BinaryIO | None = None) -> Output:
    """Send all log records as JSON lines to standard output; ``level`` is a setting's word."""
    output = Output(stream or sys.stdout.buffer)
    root = logging.getLogger()
    root.handlers = [_ToOutput(output)]
    root.setLevel(level.upper())
    # Third parties speak up when something is wrong, not otherwise.
    for name in ("asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    return output
