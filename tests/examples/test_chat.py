"""The chat in a pseudo-terminal, as a person uses it: keys go in, the screen is read."""

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.ollama import CHUNKED, HOLD, FakeOllama, answer, chunk, head, json_answer, token_line
from tests.integration.watching import records
from tests.servers.ollama import MODEL
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long

PROGRAM = Path(__file__).parents[2] / "examples" / "chat.py"
SECONDS = 20.0


class Terminal:
    """The program's screen and keyboard."""

    def __init__(self, arguments: list[str]) -> None:
        self._keyboard, its_side = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, *arguments],
            stdin=its_side,
            stdout=its_side,
            stderr=its_side,
            env=environment,
            start_new_session=True,
        )
        os.close(its_side)
        self.screen = ""

    def read_until(self, wanted: str) -> str:
        """What appears until ``wanted`` (a regular expression) is on the screen."""
        until = time.monotonic() + SECONDS
        seen = ""
        while not re.search(wanted, seen):
            assert time.monotonic() < until, f"{wanted!r} is not in {seen!r}"
            if not select.select([self._keyboard], [], [], 0.2)[0]:
                continue
            try:
                seen += os.read(self._keyboard, 65536).decode("utf-8", "replace")
            except OSError:
                # Linux says so when the other side has closed.
                assert re.search(wanted, seen), f"ended without {wanted!r}: {seen!r}"
        self.screen += seen
        return seen

    def type(self, line: str) -> None:
        os.write(self._keyboard, line.encode() + b"\n")

    def press_ctrl_c(self) -> None:
        # The session has no controlling terminal, so the key's meaning is given directly.
        os.kill(self.process.pid, signal.SIGINT)

    def press_ctrl_d(self) -> None:
        os.write(self._keyboard, b"\x04")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._keyboard)


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(port: int, *arguments: str) -> Terminal:
        opened.append(Terminal(["--host", f"http://127.0.0.1:{port}/api/ollama", *arguments]))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def test_a_conversation_is_held_saved_and_taken_up_again(
    recorder: RunningServer, open_terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = open_terminal(recorder.port, "--system", "Be brief.")
    terminal.read_until(rf"(?s){MODEL}:latest.*>>> ")
    terminal.type("Bonjour")
    terminal.read_until(r"\[\d+ tokens, [\d.]+ tokens/s\]\s+>>> ")
    terminal.type("Encore")
    terminal.read_until(r"tokens/s\]\s+>>> ")
    terminal.type(f"/save {tmp_path / 'chat.json'}")
    assert "4 messages written" in terminal.read_until(r"written[^>]*>>> ")
    saved = json.loads((tmp_path / "chat.json").read_text())
    assert [message["role"] for message in saved["messages"]] == ["user", "assistant", "user", "assistant"]
    terminal.type("/clear")
    terminal.read_until("forgotten")
    terminal.type(f"/load {tmp_path / 'chat.json'}")
    terminal.read_until("4 messages read")
    terminal.type("/model absent")
    terminal.read_until("no model 'absent'")
    terminal.type("/models")
    terminal.read_until(f"{MODEL}:latest")
    terminal.type("/load /nowhere/at/all")
    terminal.read_until(r"(?s)No such file.*>>> ")
    terminal.press_ctrl_d()
    assert terminal.process.wait(SECONDS) == 0

    lines = [json.loads(kept.row.line) for kept in records(recorder.log.parent, 1)]
    assert lines[-1]["caller"] == "chat.py"
    asked = [json.loads(line["request_body"]) for line in lines if line["operation"] == "chat"]
    assert [len(one["messages"]) for one in asked] == [2, 4]
    assert asked[0]["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_ctrl_c_stops_the_answer_and_ollama_and_the_chat_goes_on(
    start_recorder: Callable[..., RunningServer], open_terminal: Callable[..., Terminal]
) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/tags", json_answer({"models": [{"name": "slow", "model": "slow"}]}))
        ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(token_line("Once")), HOLD))
        server = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        terminal = open_terminal(server.port)
        await asyncio.to_thread(terminal.read_until, ">>> ")
        terminal.type("A long story")
        await asyncio.to_thread(terminal.read_until, "Once")
        terminal.press_ctrl_c()
        await asyncio.to_thread(terminal.read_until, r"\[stopped\]\s+>>> ")
        chat = next(request for request in ollama.requests if request.path == "/api/chat")
        await asyncio.wait_for(chat.hung_up.wait(), 20)
        terminal.type("/quit")
        assert await asyncio.to_thread(terminal.process.wait, SECONDS) == 0


def test_without_a_recorder_it_says_what_to_do(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal(9)
    terminal.read_until("(?s)127.0.0.1:9.*")
    assert terminal.process.wait(SECONDS) == 1
