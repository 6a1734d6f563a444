"""Ten people who look for something, in a process of their own: each thinks, asks for list and timeline, thinks.

``python -m tests.benchmarks.people PORT`` asks the recorder at that port of the loopback address. With
``--compute SECONDS`` instead of a port each question computes that long and asks nobody: a stranger's program that
takes as much of the machine, for what that alone does to others. Says ``ready``, begins with a line on its standard
input, and ends with a second one, after which it writes how long each question took, as a list of seconds.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from tests.fakes.journals import COMMON_PHRASE, COMMON_WORD, MODELS, RARE_WORD, WORKFLOWS

PEOPLE: Final = 10
# Those of the recorder's threads that read.
_NICENESS: Final = 5
_THINKING_SECONDS: Final = (1.0, 3.0)
# What somebody looks for; each time the list and the timeline are asked, as the page does.
SEARCHES: Final = (
    f"q={RARE_WORD}",
    f"q={COMMON_WORD}",
    f"q=%22{COMMON_PHRASE.replace(' ', '+')}%22",
    f"model={MODELS[0]}&failed=true",
    f"q={COMMON_WORD}&workflow={WORKFLOWS[0].replace(' ', '+')}",
    "slower=10",
    "from=-24h",
)

Ask = Callable[[str], Awaitable[None]]


async def fetch(port: int, path: str) -> None:
    """Read the whole answer. Raises RuntimeError when it is not 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read(-1)
    finally:
        writer.close()
    if b" 200 " not in answer[:20]:
        raise RuntimeError(f"{path} was answered with {answer[:300]!r}")


def asking(port: int) -> Ask:
    async def ask(search: str) -> None:
        await fetch(port, f"/exchanges.json?{search}")
        await fetch(port, f"/timeline.json?{search}" if "from=" in search else f"/timeline.json?{search}&from=-24h")

    return ask


def computing(seconds: float) -> Ask:
    async def ask(_search: str) -> None:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    return ask


async def _person(ask: Ask, random: Random, waits: list[float]) -> None:
    while True:
        await asyncio.sleep(random.uniform(*_THINKING_SECONDS))
        begun = time.perf_counter()
        await ask(random.choice(SEARCHES))
        waits.append(time.perf_counter() - begun)


async def _search_until_told(ask: Ask) -> list[float]:
    waits: list[float] = []
    random = Random(1)
    async with asyncio.TaskGroup() as group:
        people = [group.create_task(_person(ask, random, waits)) for _ in range(PEOPLE)]
        await asyncio.to_thread(sys.stdin.readline)
        for person in people:
            person.cancel()
    return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--compute", type=float, metavar="SECONDS")
    arguments = parser.parse_args()
    if arguments.compute is None:
        ask = asking(arguments.port)
    else:
        os.nice(_NICENESS)
        ask = computing(arguments.compute)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(asyncio.run(_search_until_told(ask))) + "\n")


if __name__ == "__main__":
    main()
