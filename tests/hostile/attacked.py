"""A recorder under attack: it is asked by raw bytes, and looked over when the attack is over."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from service.journal.check import check
from tests.fakes.ollama import FakeOllama, Request
from tests.integration.recorder_process import RecorderProcess, eventually
from tests.integration.watching import asked, events, read_record, spoken

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_EXCHANGE = re.compile(rb"\r\nx-exchange-id: ([0-9a-f]{32})\r\n", re.IGNORECASE)
_AT_ONCE = 16
# What a process may hold more of after an attack than before it: caches fill up, and connections to Ollama stay open
# for the next ones.
_MORE_MEGABYTES, _MORE_FILES = 60.0, _AT_ONCE + 4


@dataclass
class Attacked:
    """A running recorder in front of ``ollama``, and what it answered so far."""

    recorder: RecorderProcess
    ollama: FakeOllama
    files: int
    megabytes: float
    exchanges: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    async def send(self, *pieces: bytes, seconds: float = 5.0, pause: float = 0.0) -> list[int]:
        """The statuses of what comes back until the connection ends, or for ``seconds``.

        ``pieces`` are sent with ``pause`` seconds between them; the own side of the connection stays open.
        """
        answer = bytearray()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.recorder.port)
        except ConnectionError:
            return []
        try:
            async with asyncio.timeout(seconds):
                for number, piece in enumerate(pieces):
                    if number:
                        await asyncio.sleep(pause)
                    writer.write(piece)
                    await writer.drain()
                while piece := await reader.read(65536):
                    answer += piece
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        got = [int(status) for status in _STATUS.findall(answer)]
        self.exchanges += [found.decode() for found in _EXCHANGE.findall(answer)]
        self.statuses.update(got)
        return got

    async def send_all(self, attacks: dict[str, bytes], seconds: float = 5.0) -> dict[str, list[int]]:
        """The statuses of each attack, some at a time, each on a connection of its own."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(attack: bytes) -> list[int]:
            async with places:
                return await self.send(attack, seconds=seconds)

        return dict(zip(attacks, await asyncio.gather(*map(one, attacks.values())), strict=True))

    def reached(self) -> list[Request]:
        """What came to Ollama, without the recorder's own questions."""
        return asked(self.ollama)

    async def is_well(self) -> None:
        """It answers, left one line an exchange, no fault, a sound journal, and holds no more than before."""
        assert await self.send(GOOD) == [200]
        assert not [status for status in self.statuses if status >= 500], self.statuses
        server = self.recorder.server
        assert events(server, "DefectFound") == []
        assert "Traceback" not in server.log_text()
        known = Counter(self.exchanges)
        assert [exchange for exchange, times in known.items() if times > 1] == []

        def lines() -> bool:
            told = Counter(line["exchange"] for line in spoken(server) if "exchange" in line and "event" not in line)
            assert [exchange for exchange, times in told.items() if times > 1] == []
            return known.keys() <= told.keys()

        await eventually(lambda: asyncio.to_thread(lines))
        await eventually(self._has_no_exchange_open)
        kept = {record.id: record.line for record in await self.recorder.records()}
        assert known.keys() <= kept.keys()
        report = await asyncio.to_thread(check, self.recorder.data)
        assert report.problems == []
        assert report.open_exchanges == 0
        await eventually(lambda: open_files(self.recorder.pid) <= self.files + _MORE_FILES)
        assert self.recorder.resident() <= self.megabytes + _MORE_MEGABYTES

    async def _has_no_exchange_open(self) -> bool:
        return (await self.recorder.metrics())["ollama_recorder_in_flight"] == 0


def open_files(pid: int) -> int:
    """How many files and connections the process has open."""
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


def post(*headers: bytes, body: bytes = b"", path: bytes = b"/api/chat", version: bytes = b"HTTP/1.1") -> bytes:
    """A request to the gateway with just these header lines and a known host."""
    first = b"POST /api/ollama" + path + b" " + version
    return b"\r\n".join([first, b"Host: localhost", *headers, b"", b""]) + body


CHAT = b'{"model":"tiny"}'
GOOD = post(b"Content-Length: %d" % len(CHAT), b"Connection: close", body=CHAT)
__all__ = ["CHAT", "GOOD", "Attacked", "open_files", "post", "read_record"]
