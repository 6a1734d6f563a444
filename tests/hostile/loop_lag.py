"""How long a small request waits for the recorder's event loop: ``python -m tests.hostile.loop_lag PID PORT``.

A process of its own, so that whatever the test does meanwhile delays no measurement. It asks ``/healthz`` until its
standard input ends, and prints of each answer the seconds, and the seconds that the loop's thread worked meanwhile.
The second number is small however busy the machine is, unless the loop itself moves too much in one turn.
"""

import asyncio
import json
import select
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_REQUEST: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
_PAUSE_SECONDS: Final = 0.01


@dataclass
class LoopLag:
    """Of each small answer its ``seconds`` by the clock, and those that the loop's thread ``worked`` meanwhile."""

    seconds: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)


def _worked(pid: int) -> float:
    """Seconds on a core of the process's first thread, in which its event loop runs."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure(pid: int, port: int) -> LoopLag:
    """Ask until standard input ends."""
    lag = LoopLag()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connected:
        while not select.select([sys.stdin], [], [], _PAUSE_SECONDS)[0]:
            began, worked = time.monotonic(), _worked(pid)
            connected.sendall(_REQUEST)
            if not connected.recv(4096).startswith(b"HTTP/1.1 200 "):
                raise ConnectionError("a small request was not answered")
            lag.worked.append(_worked(pid) - worked)
            lag.seconds.append(time.monotonic() - began)
    return lag


@asynccontextmanager
async def watched_lag(pid: int, port: int) -> AsyncIterator[LoopLag]:
    """The lag of the recorder with this process and port during the block; to be read after it."""
    lag = LoopLag()
    program = (sys.executable, "-m", "tests.hostile.loop_lag", str(pid), str(port))
    pipe = asyncio.subprocess.PIPE
    probe = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe)
    try:
        yield lag
        printed, _ = await asyncio.wait_for(probe.communicate(b""), 60)
        lag.__dict__.update(json.loads(printed))
    finally:
        if probe.returncode is None:
            probe.kill()
            await probe.wait()


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2])).__dict__))
