"""The recorder's own voice: JSON lines on standard output, or text for a person, written by a thread of its own.

As JSON every line has ``log``, ``level`` and ``time``. ``log`` is ``record`` for the record of an exchange, which is
told without bodies, and ``program`` for all that the recorder has to say of itself.

Standard output may be a pipe that nobody empties. Nobody else may ever wait for it, so lines
queue up to a bound and are then dropped and counted.
"""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final, NamedTuple, Protocol

from pythonjsonlogger.json import JsonFormatter
from pythonjsonlogger.orjson import OrjsonFormatter

from service.record.timestamps import write_time

LONGEST_QUEUE: Final = 20_000
# Lines for a person are made of whole records, of up to 240 kB each; and nobody reads more of them at once.
LONGEST_TEXT_QUEUE: Final = 500
# Between two looks at the queue, where lines are made for a person: so many exchanges are drawn in a second, no more.
_TEXT_PAUSE_SECONDS: Final = 0.1


class WholeLine(NamedTuple):
    """The JSON of a record, bodies included, of which a line for a person is made."""

    json: bytes


# What waits to be written: a line, or what a line for a person is made of.
Entry = bytes | WholeLine | logging.LogRecord


class LoggedRecord(Protocol):
    """A record as it is logged: ``line`` is all of it as JSON, ``summary`` the same without bodies."""

    @property
    def line(self) -> bytes: ...
    @property
    def summary(self) -> bytes: ...


class LogText(Protocol):
    """How a person reads the log."""

    def lines(self, entries: Sequence[Entry]) -> Sequence[bytes]:
        """The lines, without newlines, that are written for ``entries``. Called on the writing thread; never raises."""


class Output:
    """Lines on their way to ``stream``. ``dropped`` counts those that found the queue full.

    With ``text`` they are made for a person; without, they are JSON. ``rewrite`` changes the JSON of each record first.
    """

    def __init__(
        self, stream: BinaryIO, text: LogText | None = None, rewrite: Callable[[bytes], bytes] | None = None
    ) -> None:
        self._stream = stream
        self._text = text
        self._rewrite = rewrite
        self._longest = LONGEST_QUEUE if text is None else LONGEST_TEXT_QUEUE
        self._entries: deque[Entry] = deque()
        self._there_is_more = threading.Event()
        self._is_stopping = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def write_records(self, records: Sequence[LoggedRecord]) -> None:
        """Queue a line for each of ``records``. Any thread; never blocks."""
        lines = [record.summary if self._text is None else record.line for record in records]
        if self._rewrite is not None:
            lines = [*map(self._rewrite, lines)]
        self.write([_line_of(line) if self._text is None else WholeLine(line) for line in lines])

    def write(self, entries: Sequence[Entry]) -> None:
        """Queue lines (without newlines) or, with a text, what they are made of. Any thread; never blocks."""
        room = self._longest - len(self._entries)
        if len(entries) > room:
            self.dropped += len(entries) - max(room, 0)
            entries = entries[: max(room, 0)]
        self._entries.extend(entries)
        self._there_is_more.set()

    def stop(self, seconds: float = 2.0) -> None:
        """Write what is queued, for ``seconds`` at most."""
        self._is_stopping = True
        self._there_is_more.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not (self._is_stopping and not self._entries):
            self._there_is_more.wait()
            self._there_is_more.clear()
            batch = [self._entries.popleft() for _ in range(len(self._entries))]
            lines = self._lines_of(batch)
            if not lines:
                continue
            try:
                self._stream.write(b"\n".join(lines) + b"\n")
                self._stream.flush()
            except (OSError, ValueError):
                # The reader of the pipe is gone, or the stream closed: the recorder goes on without a voice.
                self.dropped += len(batch)
            if self._text is not None and not self._is_stopping:
                time.sleep(_TEXT_PAUSE_SECONDS)

    def _lines_of(self, entries: list[Entry]) -> Sequence[bytes]:
        if self._text is not None:
            return self._text.lines(entries)
        return [entry for entry in entries if isinstance(entry, bytes)]


def _line_of(summary: bytes) -> bytes:
    """The line of a record. What failed is a warning: quotes inside a text are escaped, so only the field matches."""
    return summary[:-1] + (_FAILED_RECORD if summary.find(b'"failed":true') >= 0 else _RECORD)


_RECORD: Final = b',"log":"record","level":"INFO"}'
_FAILED_RECORD: Final = b',"log":"record","level":"WARNING"}'
_FIELDS: Final = ["time", "levelname", "name", "message"]
_NAMES: Final = {"levelname": "level", "name": "logger"}
_STATIC: Final = {"log": "program"}


class _AsJson(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self._fast = OrjsonFormatter(_FIELDS, rename_fields=_NAMES, static_fields=_STATIC)
        # orjson refuses lone surrogates, which the standard library escapes.
        self._tolerant = JsonFormatter(_FIELDS, rename_fields=_NAMES, static_fields=_STATIC)

    def emit(self, record: logging.LogRecord) -> None:
        # In the form that records have it.
        record.time = write_time(int(record.created * 1e6) * 1000)
        try:
            line = self._fast.format(record)
        except TypeError:
            line = self._tolerant.format(record)
        self._output.write([line.encode()])


class _AsItIs(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.write([record])


def start_logging(
    level: str,
    stream: BinaryIO | None = None,
    text: LogText | None = None,
    rewrite: Callable[[bytes], bytes] | None = None,
) -> Output:
    """Send all log records to standard output, as JSON lines or as ``text``; ``level`` is a setting's word."""
    output = Output(stream or sys.stdout.buffer, text, rewrite)
    root = logging.getLogger()
    root.handlers = [_AsJson(output) if text is None else _AsItIs(output)]
    root.setLevel(level.upper())
    # Third parties speak up when something is wrong, not otherwise.
    for name in ("asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    return output
