"""``serve``, ``health`` and ``version``: what the process says, on a terminal and in a pipe."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

import service
from service.serve_process import _greeting
from service.settings import read_settings
from tests.cli.answering import Answering, Said
from tests.cli.conftest import Run
from tests.servers.process import free_port
from tests.servers.recorder import PROJECT


def test_health_asks_this_machine_whatever_proxy_is_set(
    run: Run, answers: Callable[..., Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answers({"/readyz": b'{"status": "ready", "degraded": {}}'})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    done = run("health", "--url", server.url)
    assert (done.exit_code, done.stdout) == (0, "ready\n")


def test_health_says_what_is_wrong_in_a_line(run: Run, answers: Callable[..., Answering]) -> None:
    server = answers({"/readyz": Said(b'{"status": "unready", "degraded": {}}', 503)})
    for url, code, words in (
        (server.url, 1, "/readyz?exclude=ollama: unready"),
        ("http://127.0.0.1:1", 1, "http://127.0.0.1:1/readyz?exclude=ollama: Connection refused."),
        ("http://127.0.0.1:99999", 2, "is no address"),
        ("http://\u00e9..x", 1, "no address has such characters"),
    ):
        done = run("health", "--url", url)
        assert (done.exit_code, done.stdout) == (code, "")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_more_ollamas_than_files_are_refused_with_what_to_raise(tmp_path: Path) -> None:
    urls = ",".join(f"http://127.1.0.{number}:9" for number in range(1, 200))
    environment = {"PATH": os.environ.get("PATH", os.defpath), "OLLAMA_URL": urls, "DATA_DIR": str(tmp_path / "data")}
    command = ["prlimit", "--nofile=256:256", sys.executable, "-m", "service", "serve"]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "OLLAMA_URL names 199 Ollamas, which takes 494 open files, and the system allows 256" in done.stderr
    assert "LimitNOFILE=" in done.stderr
    assert not (tmp_path / "data").exists()


def test_an_address_that_is_taken_is_told_in_a_sentence(answers: Callable[..., Answering], tmp_path: Path) -> None:
    taken = answers({}).url.removeprefix("http://")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LISTEN": taken, "DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "service", "serve"]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    sentence = f"cannot listen on {taken}: address already in use. Is another recorder running? LISTEN changes it."
    assert (done.returncode, done.stderr.strip()) == (1, sentence)


@pytest.mark.parametrize("listen", ["192.0.2.7:8080", "[2001:db8::7]:8080"])
def test_an_address_that_this_machine_has_not_is_told(listen: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LISTEN": listen, "DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "service", "serve"]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot listen on {listen}: ")
    assert done.stderr.endswith("This machine has no such address: LISTEN names one that it has, or 0.0.0.0 for all.\n")


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_asked_for_either_way(words: list[str], run: Run) -> None:
    assert run(*words).stdout == f"{service.full_version()}\n"


@pytest.mark.parametrize("words", [[], ["list"], ["journal", "check"]])
def test_help_has_a_short_name(words: list[str], run: Run) -> None:
    assert run(*words, "-h").stdout == run(*words, "--help").stdout != ""


class Terminal:
    """``serve`` on a terminal of its own."""

    def __init__(self, folder: Path, *words: str, columns: int = 100, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns)
        self.port = free_port()
        settings = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT), "TERM": "xterm"}
        settings |= {"DATA_DIR": str(folder), "LISTEN": f"127.0.0.1:{self.port}", "OLLAMA_URL": "http://127.0.0.1:1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=settings | environment,
            preexec_fn=_own_this_terminal,
        )
        os.close(theirs)
        self._written = b""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def read_until(self, words: str, seconds: float = 20.0) -> list[str]:
        """The lines written since the last call, up to the one that holds ``words``, without styles.

        A busy machine has more to tell: that an answer was let go before its record, for one.
        """
        until = time.monotonic() + seconds
        while not (words.encode() in self._written and self._written.endswith(b"\n")):
            assert select.select([self._ours], [], [], max(0.0, until - time.monotonic()))[0], self._written
            self._written += os.read(self._ours, 65536)
        lines, self._written = self._written.decode().splitlines(), b""
        return [Text.from_ansi(line).plain for line in lines]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def _own_this_terminal() -> None:
    """So that Ctrl-C reaches the process as it does in a shell."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def serving(folder: Path) -> Iterator[Callable[..., Terminal]]:
    with contextlib.ExitStack() as opened:

        def start(*words: str, **settings: Any) -> Terminal:
            terminal = Terminal(folder, *words, **settings)
            opened.callback(terminal.close)
            return terminal

        yield start


def ask(port: int, prompt: str) -> None:
    """A chat that Ollama is not there for."""
    body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": prompt}]}).encode()
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/api/ollama/api/chat", body)
    assert connection.getresponse().status == 502
    connection.close()


def test_on_a_terminal_it_says_where_to_look_and_then_a_line_an_exchange(serving: Callable[..., Terminal]) -> None:
    terminal = serving()
    lines = terminal.read_until("Open ")
    assert f"Open http://localhost:{terminal.port}" in lines
    use = f"Use http://localhost:{terminal.port}/api/ollama instead of http://127.0.0.1:1"
    assert [line for line in lines if use in line]
    for columns in (100, 60):
        terminal.resize(columns)
        ask(terminal.port, "Why is the sky blue? \x1b[2J" + "And the sea? " * 20)
        (line,) = [line for line in terminal.read_until("Why is") if "Why is" in line]
        assert re.match(r"\d\d:\d\d:\d\d [0-9a-f]{12} ", line)
        assert "no Oll" in line
        assert columns - 10 <= cell_len(line) <= columns
    terminal.type(b"\x03")
    told = terminal.read_until("ended")
    assert [line for line in told if line.startswith("^C")]
    (stopped,) = [line.removeprefix("^C") for line in told if "ended" in line]
    assert re.fullmatch(r"\d\d:\d\d:\d\d The recorder has ended in order\. \(in_flight: 0\)", stopped)
    assert terminal.process.wait(20) == 0


@pytest.mark.long
@pytest.mark.parametrize(("words", "settings"), [(["--log-format", "json"], {}), ([], {"LOG_FORMAT": "json"})])
def test_json_can_be_had_on_a_terminal_too(
    words: list[str], settings: dict[str, str], serving: Callable[..., Terminal]
) -> None:
    terminal = serving(*words, **settings)
    terminal.read_until("Open ")
    ask(terminal.port, "Why?")
    line = terminal.read_until('"exchange"')[-1]
    assert json.loads(line)["model"] == "tiny"


@pytest.mark.parametrize(
    ("words", "settings", "is_text"),
    [
        ([], {}, False),
        (["--log-format", "text"], {"LOG_FORMAT": "json"}, True),
        ([], {"LOG_FORMAT": "text"}, True),
        (["--log-format", "json"], {"LOG_FORMAT": "text"}, False),
    ],
)
def test_in_a_pipe_it_is_json_unless_text_is_asked_for(
    words: list[str], settings: dict[str, str], is_text: bool, folder: Path
) -> None:
    port = free_port()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT), **settings}
    environment |= {"DATA_DIR": str(folder), "LISTEN": f"127.0.0.1:{port}", "OLLAMA_URL": "http://127.0.0.1:1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        if is_text:
            assert f"Open http://localhost:{port}\n" in (process.stdout.readline() for _ in range(9))
        ask(port, "Why? " * 30)
        # On a busy machine a warning may come first.
        line = next(one for one in process.stdout if ("Why?" in one if is_text else '"event"' not in one))
        process.terminate()
        rest = process.communicate(timeout=20)[0]
    finally:
        process.kill()
        process.wait()
    if is_text:
        # Whole, whatever terminals are wide.
        assert "Why? Why? Why?" in line
        assert len(line) > 200
        assert rest.splitlines()[-1].endswith("The recorder has ended in order. (in_flight: 0)")
    else:
        assert "event" not in json.loads(line)
        events = [json.loads(text)["event"] for text in (first, *rest.splitlines())]
        assert (events[0], events[-1]) == ("RecorderStarted", "RecorderStopped")


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("0.0.0.0:80", "http://localhost:81"),
        ("[::]:80", "http://localhost:81"),
        ("192.0.2.1:80", "http://192.0.2.1:81"),
        ("[2001:db8::1]:80", "http://[2001:db8::1]:81"),
    ],
)
def test_the_address_to_open_is_one_that_a_browser_reaches(listen: str, address: str) -> None:
    assert _greeting(read_settings({"LISTEN": listen}), 81)[-1] == f"Open {address}"
