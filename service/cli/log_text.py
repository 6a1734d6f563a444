"""The log of ``serve`` as a person reads it: one line an exchange, as ``tail`` draws it, and one a warning."""

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from service.cli.exchange_line import row
from service.cli.listing import now
from service.cli.screen import inert
from service.cli.terminal import columns, is_terminal, plain, styled
from service.events import DefectFound, RecorderStarted, emit
from service.logs import WholeLine
from service.record.conversation import opening
from service.record.record import Record
from service.record.wording import counted

if TYPE_CHECKING:
    from service.logs import Entry

# Of so many that come at once, nobody reads more; a line takes 0.4 ms, in which chats would have to wait.
_MOST_AT_ONCE: Final = 20
# What every record of the logging module has; all else comes from whoever logged it.
_ALWAYS_THERE = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "event"}
_STYLES = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "bold red"}


class TextForTerminal:
    """Lines for standard output, in colours where that is a terminal. Nothing that was recorded is obeyed there."""

    def __init__(self) -> None:
        self._is_drawn = is_terminal()
        self._encoding = sys.stdout.encoding or "utf-8"

    def lines(self, entries: "Sequence[Entry]") -> list[bytes]:
        """The lines for ``entries``: of many exchanges at once only for the last ones. Never raises."""
        left_out = sum(isinstance(entry, WholeLine) for entry in entries) - _MOST_AT_ONCE
        lines = [f"… {counted(left_out, 'exchange')} more: ollama-recorder list".encode()] if left_out > 0 else []
        for entry in entries:
            if isinstance(entry, bytes):
                lines.append(entry)
            elif isinstance(entry, logging.LogRecord):
                lines += self.event(entry)
            elif left_out > 0:
                left_out -= 1
            else:
                lines.append(self.exchange(entry.json))
        return lines

    def exchange(self, line: bytes) -> bytes:
        """The record with this JSON, as wide as the terminal is now; whole where there is none. Never raises."""
        try:
            record = Record(line)
            if self._is_drawn:
                return self._encoded(styled(row(record, opening(record), columns(), now())))
            return self._encoded(plain(row(record, opening(record), None)))
        except Exception as error:  # noqa: BLE001 - the thread that writes must go on
            emit(DefectFound("the line of an exchange", repr(error)))
            return b"(an exchange that cannot be shown)"

    def event(self, record: logging.LogRecord) -> list[bytes]:
        """What was logged, on one line: when, what, and the facts in brackets; none for the start. Never raises."""
        if getattr(record, "event", "") == RecorderStarted.__name__:
            # The command itself says so, and where to look.
            return []
        try:
            line = [(_line_of(record), _STYLES.get(record.levelno, ""))]
            return [self._encoded(styled(line) if self._is_drawn else plain(line))]
        except Exception as error:  # noqa: BLE001 - as above; and what cannot be shown must not be logged anew
            return [self._encoded(inert(f"{record.levelname.lower()}: {record.msg!r} ({error!r})"))]

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._encoding, "backslashreplace")


def _line_of(record: logging.LogRecord) -> str:
    begin = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
    facts = [f"{name}: {value}" for name, value in vars(record).items() if name not in _ALWAYS_THERE]
    if record.exc_info and record.exc_info[1] is not None:
        facts.append(repr(record.exc_info[1]))
    text = f"{now():%H:%M:%S} {begin}{record.getMessage()}" + (f" ({', '.join(facts)})" if facts else "")
    return inert(text)
