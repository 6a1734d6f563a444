"""A process on one core, which ends with the block, and a free port for it."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def running_process(
    command: list[str],
    core: int,
    *,
    stdout: int | None = None,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    is_tree: bool = False,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a command on one core; its threads and children inherit that. Ended by its id, with all that it started if
    ``is_tree``."""
    output = log.open("w") if log else None
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stdout or output,
            stderr=subprocess.STDOUT if output else None,
            text=True,
            env=dict(environment) if environment else None,
            start_new_session=is_tree,
        )
    finally:
        os.sched_setaffinity(0, before)
        if output:
            output.close()
    try:
        yield process
    finally:
        _signal(process, signal.SIGTERM, is_tree)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if is_tree:
            _signal(process, signal.SIGKILL, is_tree)
        if process.stdout:
            process.stdout.close()


def _signal(process: "subprocess.Popen[str]", number: signal.Signals, is_tree: bool) -> None:
    if not is_tree:
        process.send_signal(number)
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
