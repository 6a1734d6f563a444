"""The real servers of the tests start, answer, and end with the test."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import event_loop_watch
from tests.event_loop_watch import watched_event_loop
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, MODEL_NAMES, Ollama
from tests.servers.process import RunningServer, running
from tests.servers.recorder import PROJECT

TOOLS = ("bash", "cat", "cp", "date", "dirname", "flock", "grep", "mkdir", "rm", "sha256sum")


def test_ollama_generates_with_the_tiny_model(ollama: Ollama) -> None:
    answer = ollama.ask("/api/generate", {"model": MODEL, "prompt": "the time of", "stream": False})
    assert answer["done"]
    assert answer["eval_count"] > 0
    assert f"{MODEL}:latest" in {model["name"] for model in ollama.ask("/api/ps")["models"]}


def test_ollama_makes_vectors_with_the_tiny_embedding_model(ollama: Ollama) -> None:
    answer = ollama.ask("/api/embed", {"model": EMBEDDING_MODEL, "input": ["the time of", "be"]})
    # Each text has a token before and behind it.
    assert ([len(vector) for vector in answer["embeddings"]], answer["prompt_eval_count"]) == ([64, 64], 8)


def test_a_server_that_ends_at_once_shows_what_it_wrote(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo out of cheese; exit 7"]
    with pytest.raises(AssertionError, match=r"(?s)status 7 before it was ready.*out of cheese"):  # noqa: SIM117
        with running(lambda _: command, folder=tmp_path, ready="/"):
            pass


def building(place: Path, *parts: str, programs: Mapping[str, str], python: str) -> subprocess.Popen[str]:
    """``make servers`` on a machine that has ``programs`` (what each does, for a shell) and is rooted in ``place``."""
    path = place / "bin"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(shutil.which(tool) or "")
    for program, script in programs.items():
        (path / program).write_text("#!/bin/sh\n" + script)
        (path / program).chmod(0o755)
    settings = {"PATH": str(path), "SYSROOT": str(place), "SERVERS": str(place / "servers"), "PYTHON": python}
    command = ["bash", str(PROJECT / "tests" / "servers" / "build.sh"), *parts]
    return subprocess.Popen(
        command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def build(place: Path, *parts: str, programs: tuple[str, ...] = (), python: str = sys.executable) -> tuple[int, str]:
    """Exit code and output of ``make servers`` where ``programs`` do nothing."""
    process = building(place, *parts, programs=dict.fromkeys(programs, ""), python=python)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def test_all_that_is_missing_is_named_at_once_and_nothing_is_built(tmp_path: Path) -> None:
    code, output = build(tmp_path, python=str(tmp_path / "python"))
    assert code == 1
    lines = [line.strip() for line in output.splitlines()]
    for name, command in (
        (str(tmp_path / "python"), "apt-get install python3-venv && make .venv/dev"),
        ("The Python package gguf", "make .venv/dev"),
        ("npm", "apt-get install npm"),
        ("node", "apt-get install nodejs"),
        ("g++", "apt-get install g++"),
        ("cmake", "apt-get install cmake"),
        ("git", "apt-get install git"),
        ("make", "apt-get install make"),
        ("go", "the archive of go.dev/dl, unpacked into /usr/local"),
        (f"{tmp_path}/usr/include/nlohmann/json.hpp", "apt-get install nlohmann-json3-dev"),
        (f"{tmp_path}/usr/include/stb/stb_image.h", "apt-get install libstb-dev"),
    ):
        (place,) = (number for number, line in enumerate(lines) if line.startswith(f"{name} is not here: "))
        assert lines[place + 1] == f"Install it with: {command}"
    assert [path.name for path in (tmp_path / "servers").iterdir()] == [".lock"]


def test_what_is_there_and_what_another_part_needs_are_not_named(tmp_path: Path) -> None:
    header = tmp_path / "usr" / "include" / "stb" / "stb_image.h"
    header.parent.mkdir(parents=True)
    header.touch()
    _, output = build(tmp_path, "ollama", programs=("go",))
    assert [line.split(" is not here")[0].strip() for line in output.splitlines() if "not here" in line] == [
        "g++",
        f"{tmp_path}/usr/include/nlohmann/json.hpp",
    ]


def test_what_was_built_already_needs_nothing(tmp_path: Path) -> None:
    code, output = build(tmp_path, "javascript", programs=("npm", "node"))
    assert (code, "javascript is ready" in output) == (0, True)
    code, output = build(tmp_path, "javascript")
    assert (code, "javascript is here" in output) == (0, True)
    (tmp_path / "servers" / ".javascript.built").write_text("of another version\n")
    assert build(tmp_path, "javascript")[0] == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_is_installed_and_what_is_compiled_goes_on_side_by_side_and_ends_together(
    tmp_path: Path, how: signal.Signals
) -> None:
    going_on = {name: f"echo $$ > {tmp_path}/{name}; exec /bin/sleep 60\n" for name in ("npm", "go")}
    process = building(tmp_path, "javascript", "loki", programs=going_on | {"node": ""}, python=sys.executable)
    files = [tmp_path / name for name in going_on]
    try:
        wait_until(lambda: all(file.exists() and file.read_text() for file in files))
        # As Ctrl-C in a terminal does, and as a service manager does.
        os.killpg(process.pid, how)
        wait_until(lambda: not any(Path("/proc", file.read_text().strip()).exists() for file in files))
        assert process.wait(20) != 0
    finally:
        process.kill()
        process.communicate()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(("part", "program"), [("javascript", "npm"), ("loki", "go")])
def test_a_part_that_fails_makes_all_fail(tmp_path: Path, part: str, program: str) -> None:
    process = building(tmp_path, part, programs={"node": "", program: "exit 3\n"}, python=sys.executable)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output
    assert not (tmp_path / "servers" / f".{part}.built").exists()


def test_no_process_outlives_its_test(start_nginx: Callable[..., RunningServer]) -> None:
    nginx = start_nginx("127.0.0.1:1")
    nginx.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(nginx.process.pid, 0)


@pytest.mark.blocks("on purpose")
async def test_what_blocks_an_event_loop_is_found_out() -> None:
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        assert not watch.blocked
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        # What others take of the machine meanwhile is not counted.
        until = time.monotonic() + 20
        while not watch.blocked and time.monotonic() < until:
            time.sleep(0.6)  # noqa: ASYNC251 - that is what is tested
            await asyncio.sleep(0.05)
    assert "test_what_blocks_an_event_loop" in watch.blocked[0]
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        # At its very end as well.
        time.sleep(2.5)  # noqa: ASYNC251
    assert "test_what_blocks_an_event_loop" in watch.blocked[0]
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        until, numbers = time.monotonic() + 60, 16_000_000
        while not watch.blocked and time.monotonic() < until:
            # Python's global lock is kept all the while: longer each time, as a busy machine hides a part of it.
            sum(range(numbers))
            numbers *= 2
            await asyncio.sleep(0.05)
    assert watch.blocked


@pytest.mark.blocks("what is tested is a watch over this very loop")
async def test_the_watch_over_an_event_loop_does_not_accuse_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    of_threads, is_slow = event_loop_watch._of_threads, True

    def slowly() -> dict[str, tuple[float, float]]:
        nonlocal is_slow
        if is_slow and threading.current_thread() is threading.main_thread():
            is_slow = False
            time.sleep(1.5)
        return of_threads()

    with watched_event_loop() as watch:
        # As a disk that others use keeps what /proc tells.
        monkeypatch.setattr(event_loop_watch, "_of_threads", slowly)
        await asyncio.sleep(0.2)
    assert not is_slow
    assert watch.blocked == []


@pytest.mark.blocks("what is tested is a watch over this very loop")
async def test_a_wait_for_a_processor_that_is_counted_when_it_is_over_accuses_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_threads, waits_over = event_loop_watch._of_threads, 0.0

    def counted() -> dict[str, tuple[float, float]]:
        found = of_threads()
        return found | {"waiting": (0.0, waits_over)}

    monkeypatch.setattr(event_loop_watch, "_of_threads", counted)
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        time.sleep(1.0)  # noqa: ASYNC251 - as long as the kernel gives this thread no processor
        waits_over = 0.9
        await asyncio.sleep(0.05)
    assert watch.blocked == []


def test_the_whole_chain_stands(nginx: RunningServer, ollama: Ollama) -> None:
    with urllib.request.urlopen(f"{nginx.url}/api/ollama/api/tags", timeout=20) as reply:
        names = [model["name"] for model in json.load(reply)["models"]]
        exchange = reply.headers["X-Exchange-Id"]
    assert set(names) == MODEL_NAMES
    assert exchange
    until = time.monotonic() + 20  # NGINX writes its line after the answer
    while exchange not in nginx.log_text() and time.monotonic() < until:
        time.sleep(0.01)
    assert json.loads(nginx.log_text().splitlines()[-1])["exchange"] == exchange
