"""One list of the models of several Ollamas, in the shape of Ollama's own."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Any, Final

import orjson

from service.gateway.upstream import Failure, RequestBody, Send, UpstreamResponse
from service.gateway.whole_answer import fetch_answer
from service.record.exchange import Outcome

LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "/api/tags": ("models", "name"),
    "/api/ps": ("models", "name"),
    "/v1/models": ("data", "id"),
}
"""The paths of lists: where the list is in their answers, and what tells its members apart."""

_SECONDS: Final = 5.0
# What comes has to be read here.
_ENCODINGS: Final = re.compile(rb"^accept-encoding:[^\r\n]*\r\n", re.IGNORECASE | re.MULTILINE)


class MadeAnswer:
    """An answer of the recorder's own making. Fits ``UpstreamResponse``."""

    reason = b"OK"
    failure: str | None = None
    has_begun = True

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.length: int | None = len(body)
        self.headers: Sequence[tuple[bytes, bytes]] = (
            (b"Content-Type", b"application/json; charset=utf-8"),
            (b"Date", formatdate(usegmt=True).encode()),
        )
        self._body = body

    async def forward(self, take: Any) -> bool:
        """Give the body to ``take``, once."""
        body, self._body = self._body, b""
        return bool(body and take(body))

    def finish(self) -> None:
        """There is no connection to keep."""

    def abort(self) -> None:
        """There is no connection to end."""


async def list_of_all(
    sends: Sequence[Send], target: str, lines: Sequence[bytes], path: str
) -> UpstreamResponse | Failure:
    """The answer to ``target`` of all, each model once. Those that do not answer well are left out.

    Where none does, it is the first one's answer, or why it cannot be asked.
    """
    plain = [_ENCODINGS.sub(b"", line) for line in lines]

    def with_lines(send: Send) -> Send:
        async def ask(
            method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
        ) -> UpstreamResponse | Failure:
            return await send(method, target, plain, body)

        return ask

    asked = [fetch_answer(with_lines(send), "GET", target, None, seconds=_SECONDS) for send in sends]
    answers = await asyncio.gather(*asked)
    where, key = LISTS[path]
    lists = [found for one in answers if not isinstance(one, str) and (found := _list_in(one, where)) is not None]
    if not lists:
        first = next((one for one in answers if not isinstance(one, str)), None)
        if first is None:
            reasons = dict.fromkeys(str(one).removeprefix("Ollama cannot be asked: ").rstrip(".") for one in answers)
            return Failure(Outcome.UPSTREAM_UNREACHABLE, "; ".join(reasons))
        return MadeAnswer(first[0], first[1])
    members: dict[Any, Any] = {}
    for document in lists:
        for member in document[where]:
            name = member.get(key) if isinstance(member, dict) else None
            members.setdefault(name if isinstance(name, str) else id(member), member)
    return MadeAnswer(200, orjson.dumps({**lists[0], where: list(members.values())}))


def _list_in(answer: tuple[int, bytes, str], where: str) -> dict[str, Any] | None:
    status, body, _ = answer
    try:
        document = orjson.loads(body) if status == 200 else None
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    # Ollama without a model writes null in some versions.
    found = document.get(where)
    return {**document, where: found if isinstance(found, list) else []}
