"""Where the other gateways' logs go in a measurement: it counts entries, and those that hold prompt and answer.

``posts FILE`` takes JSON arrays by POST on a free port, which it prints. ``events URL FILE`` reads server-sent events
as a browser does that shows them. FILE gets a line for each entry: ``both``, or ``part`` where prompt or answer is
absent.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import aiohttp
import orjson
import uvloop
from aiohttp import web

from tests.benchmarks.messages import MAIL, SENTENCE

LARGEST_ENTRY = 1 << 24
_STREAMED = " return return"


def entry_line(entry: str) -> str:
    """What FILE tells of one entry."""
    return "both\n" if MAIL[:40] in entry and (SENTENCE[:40] in entry or _STREAMED in entry) else "part\n"


def told(file: Path) -> tuple[int, int]:
    """How many entries came, and how many of them hold prompt and answer."""
    lines = file.read_text().splitlines()
    return len(lines), lines.count("both")


async def take_posts(file: TextIO) -> None:
    async def take(request: web.Request) -> web.Response:
        for entry in orjson.loads(await request.read()):
            file.write(entry_line(orjson.dumps(entry).decode()))
        file.flush()
        return web.Response()

    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def read_events(url: str, file: TextIO) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, read_bufsize=LARGEST_ENTRY) as session, session.get(url) as reply:
        sys.stdout.write("reading\n")
        sys.stdout.flush()
        event = ""
        async for line in reply.content:
            if line.startswith(b"event: "):
                event = line[7:].strip().decode()
            elif line.startswith(b"data: ") and event == "log":
                file.write(entry_line(line.decode(errors="replace")))
                file.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description="Where the other gateways' logs go in a measurement.")
    parser.add_argument("kind", choices=("posts", "events"))
    parser.add_argument("where", nargs="+")
    arguments = parser.parse_args()
    with Path(arguments.where[-1]).open("a") as file, suppress(KeyboardInterrupt):
        if arguments.kind == "posts":
            uvloop.run(take_posts(file))
        else:
            uvloop.run(read_events(arguments.where[0], file))


if __name__ == "__main__":
    main()
