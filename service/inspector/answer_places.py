"""How many large answers are made and sent at once: together they hold so much memory, however slowly they are read."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from service.inspector.responses import begun, refuse

_ALL_BYTES: Final = 64 << 20
# An opened exchange holds its record and both of its bodies, and what is made of them.
_TIMES_A_BODY: Final = 4
_LARGE: Final = 256 * 1024
_PIECE: Final = 128 * 1024
_WAIT_SECONDS: Final = 10.0
# A reader who takes no piece for so long has left, or keeps a place from others.
PATIENCE_SECONDS: Final = 30.0
_NO_PLACE: Final = "Many large answers are being read already: try again later."
_MAY_BE_LARGE: Final = re.compile(r"/exchanges(?:\.json|/.*)|/failures\.json|/report\.\w+|/comparison\.json|/replays.*")


class AnswerPlaces:
    """``keep`` is KEEP_BODY_BYTES: the larger bodies may be, the fewer places there are, but there is one."""

    def __init__(self, keep: int) -> None:
        self._places = asyncio.Semaphore(max(1, _ALL_BYTES // max(1, _TIMES_A_BODY * keep)))

    async def answer(
        self,
        request: web.BaseRequest,
        path: str,
        make: Callable[[], Awaitable[web.StreamResponse]],
        *,
        is_waiting: bool,
    ) -> web.StreamResponse:
        """What ``make`` makes; where it is large it has been sent. A refusal where all places are taken.

        ``is_waiting``: it waits for another server, and takes its place only then.
        """
        if request.method != "GET" or not _MAY_BE_LARGE.fullmatch(path):
            return await make()
        answer = await make() if is_waiting else None
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            return refuse(503, _NO_PLACE, {"Retry-After": "5"})
        try:
            return await _sent(request, await make() if answer is None else answer)
        finally:
            self._places.release()


async def _sent(request: web.BaseRequest, answer: web.StreamResponse) -> web.StreamResponse:
    """A large answer piece by piece, so that one that nobody reads is given up."""
    body = answer.body if isinstance(answer, web.Response) else None
    if not isinstance(body, bytes) or len(body) <= _LARGE:
        return answer
    sent = web.StreamResponse(status=answer.status, headers=answer.headers)
    sent.content_length = len(body)
    await sent.prepare(request)
    with begun(request):
        for start in range(0, len(body), _PIECE):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await sent.write(body[start : start + _PIECE])
        await sent.write_eof()
    return sent
