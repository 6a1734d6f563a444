"""Lines have colours where a terminal wants them, and the width that it has."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.terminal import columns, is_terminal, plain, styled

LINE = [("09:03", "cyan"), (" ", ""), ("500", "bold red"), ("", "dim")]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_styles_become_codes_and_end_with_their_text() -> None:
    assert styled(LINE) == "\x1b[36m09:03\x1b[0m \x1b[1;31m500\x1b[0m"
    assert plain(LINE) == "09:03 500"


def test_no_color_leaves_what_is_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert styled(LINE) == "09:03 \x1b[1m500\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[36m" in styled(LINE)


def test_a_terminal_without_codes_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert styled(LINE) == "09:03 500"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[36m" in styled(LINE)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("FORCE_COLOR", "1", True),
        ("FORCE_COLOR", "", False),
        ("TTY_COMPATIBLE", "1", True),
        ("TTY_COMPATIBLE", "0", False),
    ],
)
def test_who_sets_a_variable_is_obeyed(name: str, value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert is_terminal(io.StringIO()) is expected


def test_a_pipe_is_no_terminal_and_has_the_usual_width(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_terminal(io.StringIO())
    for name in ("__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, name, io.StringIO())
    assert columns() == 80
    for told, expected in (("132", 132), ("0", 80), ("wide", 80), ("-5", 80)):
        monkeypatch.setenv("COLUMNS", told)
        assert columns() == expected


def test_a_terminal_is_as_wide_as_it_is() -> None:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    os.environ.pop("COLUMNS", None)
    import fcntl
    import struct
    import termios

    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 97, 0, 0))
    ask = "from service.cli.terminal import columns, is_terminal; print(columns(), is_terminal())"
    done = subprocess.Popen([sys.executable, "-c", ask], stdout=theirs, cwd=Path(__file__).parents[2])
    assert done.wait(20) == 0
    assert os.read(ours, 100).split() == [b"97", b"True"]
    os.close(ours)
    os.close(theirs)
