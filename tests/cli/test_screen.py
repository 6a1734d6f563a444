"""Nothing that was recorded is obeyed by a terminal."""

import io
import json
import os
import pty
import subprocess
import sys
import unicodedata

import pytest

from service.cli.screen import inert, working
from tests.cli.kept import HOSTILE
from tests.servers.recorder import PROJECT


def test_every_control_and_every_change_of_direction_becomes_visible() -> None:
    trouble = [
        chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp")
    ]
    trouble += [
        unicodedata.lookup(name) for name in ("RIGHT-TO-LEFT OVERRIDE", "LEFT-TO-RIGHT ISOLATE", "ARABIC LETTER MARK")
    ]
    for character in trouble:
        assert inert(f"a{character}b").isprintable(), f"U+{ord(character):04X}"
    assert inert(HOSTILE).isprintable()
    assert inert("\x1b[31m\x9b\u202e\x7f") == "␛[31m<U+009B><U+202E>␡"


def test_plain_text_of_any_script_stays_as_it_is() -> None:
    for text in ("Où est l’hôtel ?", "こんにちは", "שלום", "👩‍👩‍👧 family", "a‌b"):
        assert inert(text) == text
        assert inert(text, keeps_lines=True) == text


def test_lines_stay_lines_where_they_may_and_no_line_begins_anew() -> None:
    text = "one\r\ntwo\rthree\u2028four\x85five\n\tsix\x0b"
    assert inert(text, keeps_lines=True) == "one\ntwo\nthree\nfour\nfive\n    six␋"
    assert "\n" not in inert(text)


def on_a_terminal(code: str, **environment: str) -> bytes:
    """What Python writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    settings = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT), "TERM": "xterm"} | environment
    done = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=settings)
    os.close(theirs)
    written = io.BytesIO()
    try:
        while piece := os.read(ours, 65536):
            written.write(piece)
    except OSError:
        # Linux says the end of a terminal this way.
        pass
    finally:
        os.close(ours)
    assert done.wait(30) == 0, written.getvalue()
    return written.getvalue()


PRINTED = "from rich.text import Text\nfrom service.cli.screen import *\nconsole().print(Text('red', 'red'))\n"


TABLE = """
from rich.table import Table
from service.cli.screen import say_table
table = Table.grid(padding=(0, 2))
table.add_row("name", "short")
table.add_row("another", "a longer one")
say_table(table)
"""


def test_a_table_in_a_pipe_ends_its_lines_without_blanks() -> None:
    piped = subprocess.run([sys.executable, "-c", TABLE], capture_output=True, check=True, cwd=PROJECT).stdout.decode()
    assert piped == "name     short\nanother  a longer one\n"
    assert on_a_terminal(TABLE).decode().split() == piped.split()


def test_colours_are_for_terminals_and_not_with_no_color() -> None:
    assert b"\x1b[31mred" in on_a_terminal(PRINTED)
    assert on_a_terminal(PRINTED, NO_COLOR="1") == b"red\r\n"


def test_json_on_a_terminal_is_obeyed_as_little_as_text() -> None:
    value = {"prompt": HOSTILE}
    written = on_a_terminal(f"from service.cli.screen import say_json\nsay_json({value!r})")
    assert written.isascii()
    assert not any(byte < 0x20 for byte in written.rstrip(b"\r\n"))
    assert json.loads(written) == value


def test_json_in_a_pipe_is_utf_8_and_survives_lone_surrogates(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    from service.cli.screen import say_json

    say_json({"prompt": "é \udc80"})
    written = capsysbinary.readouterr().out
    assert "é".encode() in written
    assert json.loads(written) == {"prompt": "é \udc80"}


def test_a_progress_bar_is_for_terminals_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with working("counting", 250) as bar:
        assert list(bar.over(range(250))) == list(range(250))
    assert capfd.readouterr() == ("", "")
    code = (
        "from service.cli.screen import working\nwith working('counting', 250) as bar:\n    list(bar.over(range(250)))"
    )
    assert b"counting" in on_a_terminal(code)
