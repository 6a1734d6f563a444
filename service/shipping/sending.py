"""Batches over HTTP: one request each, and what came of it."""

import io
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

import service
from service.shipping.receiver import Batch, Decision, SendBatch, Verdict

_LONGEST_ANSWER: Final = 65_536
JudgeAnswer = Callable[[int, Mapping[str, str], bytes], Verdict]
"""What an answer means, by its status, headers and body."""


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """Where batches are posted. ``judge`` understands an answer; ``timeout`` is seconds for a whole request."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    judge: JudgeAnswer
    timeout: float = 30.0
    tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SendBatch]:
        """A client for this endpoint alone: no proxy variables, no cookies, one connection."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, ssl=self.tls or True),
            headers={"User-Agent": f"ollama-recorder/{service.__version__}", **self.headers},
            timeout=aiohttp.ClientTimeout(total=self.timeout),
            trust_env=False,
            # An answer is read as it comes: nobody can make us unpack a bomb.
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:

            async def post(batch: Batch) -> Verdict:
                return await self._post(session, batch)

            yield post

    async def _post(self, session: aiohttp.ClientSession, batch: Batch) -> Verdict:
        """Post ``batch`` once and judge the answer. No answer, or one that is not HTTP, is a reason to try again."""
        try:
            # Bytes would be handed over in one piece; a file is read in parts, and others get their turn in between.
            async with session.post(self.url, data=io.BytesIO(batch.body), allow_redirects=False) as response:
                body = await _read_at_most(response.content, _LONGEST_ANSWER)
                return self.judge(response.status, response.headers, body)
        except TimeoutError:
            return Verdict(Decision.RETRY, "timed_out", f"no answer within {self.timeout:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Verdict(Decision.RETRY, "unreachable", _why(error)[:300])


def _why(error: Exception) -> str:
    """The system's own words and where, for a connection that could not be made; of all else what Python says."""
    if isinstance(error, aiohttp.ClientConnectorError) and (number := error.os_error.errno) and number > 0:
        return f"{error.host}:{error.port}: {os.strerror(number).lower()}"
    return f"{type(error).__name__}: {error}"


async def _read_at_most(content: aiohttp.StreamReader, most: int) -> bytes:
    """The beginning of an answer. A receiver may send as much as it likes; the rest is not read."""
    pieces = bytearray()
    while len(pieces) < most and (piece := await content.read(most - len(pieces))):
        pieces += piece
    return bytes(pieces)
