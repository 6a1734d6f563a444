"""SIGHUP, a second signal, Ctrl-C while it starts: the recorder as a process, with and without a terminal."""

import asyncio
import hashlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes.ollama import CHUNKED, HOLD, FakeOllama, answer, chunk, head, token_line
from tests.integration.load import Client, chat
from tests.integration.recorder_process import StartRecorder, eventually, reached, start
from tests.integration.watching import spoken
from tests.servers.process import free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it"),
]
NOBODY = "http://127.0.0.1:1"
SERVE = [sys.executable, "-m", "service", "serve"]


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        yield fake


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"DATA_DIR": str(folder / "data"), "LISTEN": "127.0.0.1:0", "OLLAMA_URL": NOBODY}


async def test_the_second_signal_ends_it_within_a_second_though_an_answer_runs_and_loki_is_away(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama
) -> None:
    ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(token_line(" begun")), HOLD))
    recorder = await start(start_recorder, tmp_path, ollama.url, LOKI_URL=NOBODY)
    client = await Client.connect(recorder.port)
    client.writer.write(chat("stay"))
    await reached(ollama, 1)
    process = recorder.server.process

    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    asked_at = time.monotonic()
    await eventually(lambda: process.poll() is not None)

    # A second of its own; the rest is for a machine that is busy with other tests.
    assert time.monotonic() - asked_at < 4
    assert process.returncode == 0
    assert [record.outcome for record in await recorder.records()] == ["gateway_stopped"]
    client.writer.close()


def test_a_closed_terminal_ends_it_like_a_signal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        SERVE, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(tmp_path), start_new_session=True
    )
    os.close(theirs)
    seen = b""
    while b"Open http" not in seen:
        seen += os.read(ours, 4096)

    os.close(ours)
    process.send_signal(signal.SIGHUP)

    assert process.wait(30) == 0


async def test_as_a_service_a_hangup_reads_the_keys_again_and_a_mistake_changes_nothing(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama
) -> None:
    keys = tmp_path / "keys"

    def allow(key: str) -> str:
        return f"somebody {hashlib.sha256(key.encode()).hexdigest()}\n"

    keys.write_text(allow("first"))
    recorder = await start(start_recorder, tmp_path, ollama.url, API_KEYS_FILE=str(keys))

    async def status(key: str) -> int:
        client = await Client.connect(recorder.port)
        login = f"Authorization: Bearer {key}\r\n\r\n".encode()
        received = await client.ask(b"GET /api/ollama/api/version HTTP/1.1\r\nHost: localhost\r\n" + login)
        client.writer.close()
        return received.status

    async def hang_up(event: str) -> None:
        recorder.server.process.send_signal(signal.SIGHUP)
        await eventually(lambda: any(line.get("event") == event for line in spoken(recorder.server)))

    assert (await status("first"), await status("second")) == (200, 401)
    keys.write_text(allow("second"))
    await hang_up("SettingsFileRead")
    assert (await status("first"), await status("second")) == (401, 200)
    keys.write_text("no key at all\n")
    await hang_up("SettingsFileRefused")
    assert (await status("first"), await status("second")) == (401, 200)
    assert await recorder.stop() == 0


def test_with_nohup_a_hangup_reads_the_keys_again_and_does_not_end_it(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"somebody {hashlib.sha256(b'first').hexdigest()}\n")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["nohup", *SERVE, "--log-format", "json"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(tmp_path) | {"API_KEYS_FILE": str(keys)},
    ) as process:
        os.close(theirs)
        # Its end is the end of what is read.
        ending = threading.Timer(60, process.kill)
        ending.start()
        for event, number in ((b"RecorderStarted", signal.SIGHUP), (b"SettingsFileRead", signal.SIGTERM)):
            assert any(event in line for line in process.stdout or ())
            process.send_signal(number)
        assert process.wait(30) == 0
        ending.cancel()
    os.close(ours)


@pytest.mark.parametrize("after", [0.15, 0.4, 0.8])
def test_ctrl_c_while_it_starts_shows_no_traceback(tmp_path: Path, after: float) -> None:
    process = subprocess.Popen(SERVE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path))
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)

    assert b"Traceback" not in output + errors
    assert process.returncode in (0, -signal.SIGINT, 128 + signal.SIGINT)


def test_a_hangup_while_it_starts_as_a_service_does_not_end_it(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"somebody {hashlib.sha256(b'first').hexdigest()}\n")
    with subprocess.Popen(
        SERVE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(tmp_path) | {"API_KEYS_FILE": str(keys)},
    ) as process:
        ending = threading.Timer(60, process.kill)
        ending.start()
        # While Python itself begins any signal ends it; then this one waits until the recorder can read files again.
        while process.poll() is None and not _is_in(process.pid, "SigBlk"):
            assert not _is_in(process.pid, "SigCgt")
            time.sleep(0.002)
        process.send_signal(signal.SIGHUP)
        written = b""
        for line in process.stdout or ():
            written += line
            if b"RecorderStarted" in line:
                process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, written
        ending.cancel()
    assert b"SettingsFileRead" in written


def _is_in(pid: int, mask: str) -> bool:
    """Whether SIGHUP is among the signals that Linux tells of a process: ``SigBlk`` blocked, ``SigCgt`` caught."""
    fields = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(fields[mask], 16) >> (signal.SIGHUP - 1) & 1)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_without_standard_streams_it_starts_answers_and_stops(
    tmp_path: Path, ollama: FakeOllama, closed: str
) -> None:
    port = free_port()
    given = environment(tmp_path) | {"LISTEN": f"127.0.0.1:{port}", "OLLAMA_URL": ollama.url}
    process = subprocess.Popen(["sh", "-c", f'exec "$@" {closed}', "sh", *SERVE], env=given)  # noqa: ASYNC220 - starts at once
    try:

        async def statuses() -> list[int]:
            with suppress(ConnectionError):
                client = await Client.connect(port)
                try:
                    return [(await client.ask(chat("one", stream=False))).status for _ in range(3)]
                finally:
                    await client.leave()
            return []

        async def are_answered() -> bool:
            return process.poll() is not None or await statuses() == [200, 200, 200]

        await eventually(are_answered, within=30)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    finally:
        process.kill()
