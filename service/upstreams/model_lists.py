"""One list of the models of several Ollamas, in the shape of Ollama's own."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from http import HTTPStatus
from http.client import responses
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from service.gateway.upstream import Failure, RequestBody, Send, UpstreamResponse
from service.gateway.whole_answer import fetch_answer
from service.json_writing import write_json
from service.record.bodies import document
from service.record.exchange import Outcome
from service.record.model_facts import listed_models

LISTS: Final[Mapping[str, str]] = {"/api/tags": "models", "/api/ps": "models", "/v1/models": "data"}
"""The paths of lists, and where the list is in their answers."""

MISSING: Final = "X-Recorder-Missing"
"""The header that names the Ollamas whose models are not in a list."""

SECONDS: Final = 5.0
SHORT_SECONDS: Final = 1.0
"""How long one is asked for its list, and one that was late or is ill."""

# What comes has to be read here.
_ENCODINGS: Final = re.compile(rb"^accept-encoding:[^\r\n]*\r\n", re.IGNORECASE | re.MULTILINE)


class MadeAnswer:
    """An answer of the recorder's own making. Fits ``UpstreamResponse``."""

    failure: str | None = None
    has_begun = True

    def __init__(self, status: int, body: bytes, missing: Sequence[str] = ()) -> None:
        """``missing``: the Ollamas that had no part in it."""
        self.status = status
        self.reason = responses.get(status, "").encode()
        self.length: int | None = len(body)
        self.headers: Sequence[tuple[bytes, bytes]] = (
            (b"Content-Type", b"application/json; charset=utf-8"),
            (b"Date", formatdate(usegmt=True).encode()),
            *(
                [(MISSING.encode(), ", ".join(quote(name, safe=":/[]") for name in missing).encode())]
                if missing
                else []
            ),
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


class AskedForList(NamedTuple):
    """One Ollama that is asked for its list, for so many ``seconds`` at most."""

    name: str
    send: Send
    seconds: float = SECONDS


async def list_of_all(
    asked: Sequence[AskedForList], target: str, lines: Sequence[bytes], away: Sequence[str] = ()
) -> UpstreamResponse | Failure:
    """The answer to ``target`` of all, each model once. Those that do not answer well are left out, as are those
    ``away``, and are named in a header.

    Where none answers well, it is the first one's answer, or why it cannot be asked.
    """
    plain = [_ENCODINGS.sub(b"", line) for line in lines]

    def with_lines(send: Send) -> Send:
        async def ask(
            method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
        ) -> UpstreamResponse | Failure:
            return await send(method, target, plain, body)

        return ask

    asking = [fetch_answer(with_lines(one.send), "GET", target, None, seconds=one.seconds) for one in asked]
    answers = dict(zip((one.name for one in asked), await asyncio.gather(*asking), strict=True))
    where = LISTS[target.partition("?")[0]]
    lists = {name: found for name, one in answers.items() if (found := _list_in(one, where)) is not None}
    if not lists:
        return _none_listed(list(answers.values()))
    first = next(iter(lists.values()))[0]
    members: dict[str, Any] = {}
    for _, named in lists.values():
        for name, member in named.items():
            members.setdefault(name, member)
    around = {key: value for key, value in first.items() if key != where and _can_be_written(value)}
    missing = [*(name for name in answers if name not in lists), *away]
    return MadeAnswer(200, write_json({**around, where: list(members.values())}), missing)


def _none_listed(answers: Sequence[tuple[int, bytes, str] | str]) -> UpstreamResponse | Failure:
    first = next((one for one in answers if not isinstance(one, str)), None)
    if first is not None:
        return MadeAnswer(first[0], first[1])
    reasons = dict.fromkeys(str(one).removeprefix("Ollama cannot be asked: ").rstrip(".") for one in answers)
    return Failure(Outcome.UPSTREAM_UNREACHABLE, "; ".join(reasons))


def _list_in(
    answer: tuple[int, bytes, str] | str, where: str
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """What stands around a list, and its members by their names; None: it is no list."""
    if isinstance(answer, str) or answer[0] != HTTPStatus.OK:
        return None
    found = document(answer[1])
    named = listed_models(found, where)
    return None if named is None else (found, {name: one for name, one in named.items() if _can_be_written(one)})


def _can_be_written(value: object) -> bool:
    """Whether it can stand in an answer: not with lone surrogates, nor nested over a hundred times."""
    try:
        write_json(value)
    except TypeError:
        return False
    return True
