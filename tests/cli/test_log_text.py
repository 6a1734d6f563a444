"""The log for a person: a line an exchange, a line a warning, on any terminal and whatever was recorded."""

import json
import logging
import sys
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

from service.cli.exchange_line import row
from service.cli.log_text import TextForTerminal
from service.cli.terminal import plain
from service.logs import WholeLine
from service.record.conversation import opening
from service.record.fields import FIELD_NAMES
from service.record.record import Record
from tests.cli.kept import HOSTILE, chat
from tests.cli.test_screen import on_a_terminal


def logged(level: int = logging.WARNING, message: str = "It went wrong.", **facts: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"levelno": level, "levelname": logging.getLevelName(level), "msg": message} | facts)


def written(*lines: bytes, **environment: str) -> bytes:
    """What is written of records with these lines, to a terminal."""
    code = (
        "import sys\nfrom service.cli.log_text import TextForTerminal\ntext = TextForTerminal()\n"
        f"for line in {lines!r}:\n    sys.stdout.buffer.write(text.exchange(line) + b'\\n')\n"
    )
    return on_a_terminal(code, **environment)


def test_an_exchange_is_the_line_that_tail_prints() -> None:
    record = Record(chat(1, "Why is it slow?", "The model was loaded.").line)
    assert TextForTerminal().exchange(record.line).decode() == plain(row(record, opening(record), None))


def test_on_a_terminal_it_fits_and_has_colours() -> None:
    line = chat(1, "Why? " * 50, "Because. " * 50).line
    shown = written(line).decode()
    assert "\x1b[" in shown
    assert cell_len(Text.from_ansi(shown).plain.rstrip()) <= 80
    plain = written(line, NO_COLOR="1").decode()
    assert "\x1b[3" not in plain
    assert "Why? Why" in plain


@pytest.mark.parametrize("columns", ["1", "7", "40", "500"])
def test_terminals_of_any_width_get_one_line(columns: str) -> None:
    shown = written(chat(1, "Why? " * 50).line, COLUMNS=columns, TERM="vt100", NO_COLOR="1").decode()
    assert shown.count("\n") == 1
    assert cell_len(Text.from_ansi(shown).plain.rstrip()) <= int(columns)


def test_nothing_of_a_record_is_obeyed() -> None:
    values = dict.fromkeys(FIELD_NAMES, HOSTILE)
    shown = written(json.dumps(values).encode(), chat(1, HOSTILE, HOSTILE, model=HOSTILE).line, TERM="dumb").decode()
    assert not [character for character in shown if ord(character) < 32 and character not in "\r\n"]
    assert not set("\x7f\x9b\u202e\u2066") & set(shown)


def test_a_terminal_that_knows_few_characters_gets_those() -> None:
    shown = written(chat(1, "Où ?", "Ici.").line, PYTHONIOENCODING="ascii", TERM="dumb")
    assert shown.isascii()
    assert rb"O\xf9 ? \u2192 Ici." in shown


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"\xff\xfe", b"[" * 5000, b'{"time": 5, "model": [], "request_time": "soon"}']
)
def test_nonsense_is_a_line_too(line: bytes) -> None:
    assert TextForTerminal().exchange(line).startswith("–".encode())


def test_an_exchange_that_cannot_be_drawn_is_said_and_the_log_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    text = TextForTerminal()
    with monkeypatch.context() as changed:
        changed.setattr("service.cli.log_text.opening", lambda record: 1 / 0)
        assert text.exchange(b"{}") == b"(an exchange that cannot be shown)"
    assert text.exchange(chat(1).line).count(b"Because.") == 1


def test_a_warning_is_one_plain_line_with_its_facts() -> None:
    (line,) = TextForTerminal().event(logged(event="ReceiverFailed", receiver="loki", reason=HOSTILE))
    shown = line.decode()
    assert shown[8:].startswith(" warning: It went wrong. (receiver: loki, reason: ␛]0;owned")
    assert shown.isprintable()


def test_a_fault_is_named_without_its_traceback() -> None:
    try:
        raise ValueError("bad\nthing")
    except ValueError:
        (line,) = TextForTerminal().event(logged(logging.ERROR, "No.", exc_info=sys.exc_info()))
    assert line[8:] == rb" error: No. (ValueError('bad\nthing'))"


def test_what_is_in_order_has_no_mark_and_the_start_is_left_to_the_command() -> None:
    text = TextForTerminal()
    assert [line[8:] for line in text.event(logged(logging.INFO, "All is well."))] == [b" All is well."]
    assert text.event(logged(logging.INFO, "The recorder listens.", event="RecorderStarted")) == []


def test_what_cannot_be_put_into_words_is_still_a_line() -> None:
    (line,) = TextForTerminal().event(logged(logging.ERROR, "%d of %d", args=("many",)))
    assert line.startswith(b"error: '%d of %d' (TypeError")


def test_of_many_exchanges_at_once_the_last_are_shown_and_every_warning() -> None:
    entries = [WholeLine(chat(number, f"Question {number}").line) for number in range(1, 131)]
    lines = TextForTerminal().lines([*entries[:5], logged(), *entries[5:], b"the end"])
    assert lines[0].decode() == "… 110 exchanges more: ollama-recorder list"
    assert lines[1].endswith(b"It went wrong.")
    assert [line.split(b"Question ")[1].split()[0] for line in lines[2:-1]] == [b"%d" % n for n in range(111, 131)]
    assert lines[-1] == b"the end"
    assert len(TextForTerminal().lines(entries[:20])) == 20
