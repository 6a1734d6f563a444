"""One question to Ollama of the recorder's own, and its whole answer."""

import asyncio
from http import HTTPStatus
from typing import Final

from service.gateway.upstream import Failure, RequestBody, Send

_LONGEST: Final = 16_000_000
_LONGEST_FACT: Final = 4_000_000
_JSON: Final = (b"Content-Type: application/json\r\n",)


async def fetch_answer(
    send: Send, method: str, path: str, content: bytes | None, *, seconds: float = 30.0
) -> tuple[int, bytes, str] | str:
    """Status, body and ``Date`` of the answer to ``content`` (JSON, or none), or in a sentence why there is none."""
    try:
        async with asyncio.timeout(seconds):
            return await _fetch(send, method, path, content, _LONGEST)
    except TimeoutError:
        return f"Ollama did not answer within {seconds:g} s."


async def fetch_whole(
    send: Send, method: str, path: str, content: bytes | None = None, longest: int = _LONGEST_FACT
) -> bytes | None:
    """The whole body of an answer of 200 to ``content`` (JSON); None when there is none, or a longer one."""
    found = await _fetch(send, method, path, content, longest)
    return found[1] if not isinstance(found, str) and found[0] == HTTPStatus.OK else None


async def _fetch(
    send: Send, method: str, path: str, content: bytes | None, longest: int
) -> tuple[int, bytes, str] | str:
    body = None if content is None else RequestBody(content, len(content))
    answer = await send(method, path, _JSON if body else (), body)
    if isinstance(answer, Failure):
        return f"Ollama cannot be asked: {answer.reason}."
    received = bytearray()

    def take(piece: bytes) -> bool:
        received.extend(piece)
        return len(received) > longest

    is_whole = False
    try:
        is_whole = not await answer.forward(take) and answer.failure is None
        if not is_whole:
            return f"Ollama's answer broke off, or is longer than {longest:,} bytes."
        date = next((value for name, value in answer.headers if name.lower() == b"date"), b"")
        return answer.status, bytes(received), date.decode("latin-1")
    finally:
        answer.finish() if is_whole else answer.abort()
