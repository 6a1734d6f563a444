"""A recorded prompt sent again, perhaps to another model: through the gateway, and recorded like any call."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from service.inspector.client import Client
from service.inspector.one_exchange import target_of, why_not_whole
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import refuse
from service.journal.reader import KeptRecord, Reader
from service.record.bodies import first_document
from service.record.json_body import JsonForm, read_fields
from service.record.record import Record

_FIELDS: Final[dict[str, tuple[type, str]]] = {
    "model": (str, "a string"),
    "options": (dict, "an object"),
    "system": (str, "a string"),
    "stream": (bool, "true or false"),
}
_FORM: Final = JsonForm(
    _FIELDS,
    unknown=f"{{name}} cannot be changed; these can: {', '.join(_FIELDS)}.",
    mistyped="{name} has to be {expected}.",
)
_NATIVE: Final = "ollama"
_OFF: Final = (
    "Sending a prompt again is off here. INSPECTOR_REPLAY=true allows it to everybody who may see the page,"
    " INSPECTOR_REPLAY=loopback to this machine only."
)
_NOT_YOURS: Final = (
    "Sending a prompt again takes the rights 'replay' and 'bodies', and {} has not both in READERS_FILE."
)


class ReplayedResponse(Protocol):
    """The gateway's answer, whose head has come."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...
    @property
    def failure(self) -> str | None: ...
    async def forward(self, take: Callable[[bytes], bool]) -> bool: ...
    def abort(self) -> None: ...


Ask = Callable[[str, Sequence[tuple[str, str]], bytes], Awaitable[ReplayedResponse | str]]
"""POST these bytes with these headers to a path of our own gateway; a string says why that failed."""


@dataclass(frozen=True, slots=True)
class Replaying:
    """``allowed`` is INSPECTOR_REPLAY: ``true``, ``false``, or ``loopback`` for people on this machine only."""

    allowed: str
    ask: Ask

    def allows(self, client: Client) -> bool:
        if client.may_replay is not None and self.allowed != "false":
            return client.may_replay
        return self.allowed == "true" or (self.allowed == "loopback" and client.is_local)

    def why_not(self, client: Client) -> str | None:
        """The sentence for a ``client`` that is not allowed to; None for others."""
        if self.allows(client):
            return None
        if client.may_replay is False and self.allowed != "false":
            return _NOT_YOURS.format(client.reader)
        return _OFF

    async def replay(
        self, request: web.BaseRequest, identifier: str, client: Client, reader: Reader
    ) -> web.StreamResponse:
        """``POST /exchanges/ID/replay``."""
        if (why := self.why_not(client)) is not None:
            return refuse(403, why, setting="INSPECTOR_REPLAY")
        changes = read_changes(await request.read())
        if isinstance(changes, str):
            return refuse(400, changes)
        kept = await asyncio.to_thread(reader.record, identifier)
        if kept is None:
            return refuse(404, f"There is no exchange {identifier} here (any more).")
        reason = why_not_whole(kept, Record(kept.row.line))
        if reason is not None:
            return refuse(409, reason)
        record = Record(kept.row.line)
        path = target_of(record.request_uri or "")
        body = changed(kept, record.api or _NATIVE, changes)
        if isinstance(body, str):
            return refuse(409, body)
        headers = [("Content-Type", "application/json"), ("X-Replay-Of", identifier), ("X-Caller", "replay")]
        answer = await self.ask(path, [*headers, ("X-Forwarded-For", client.address)], body)
        if isinstance(answer, str):
            return refuse(502, f"The recorder cannot reach its own gateway: {answer}.")
        try:
            return await _pass_on(request, answer)
        finally:
            # Whoever closes the page ends the generation too.
            answer.abort()


def read_changes(body: bytes) -> dict[str, Any] | str:
    """What is to be different this time, or what is wrong with the request in a sentence."""
    return read_fields(body, _FORM) if body.strip() else {}


def changed(kept: KeptRecord, api: str, changes: dict[str, Any]) -> bytes | str:
    """The kept request with ``changes``, byte for byte the same without any; a sentence says why there is none."""
    if not changes:
        return kept.request
    body: dict[str, Any] = first_document(kept.request)
    for name in ("model", "stream"):
        if name in changes:
            body[name] = changes[name]
    if "options" in changes:
        if api == _NATIVE:
            options = body.get("options")
            body["options"] = {**(options if isinstance(options, dict) else {}), **changes["options"]}
        else:
            # OpenAI and Anthropic have what Ollama calls options beside all the rest.
            body.update(changes["options"])
    if "system" in changes:
        _set_system(body, api, changes["system"])
    try:
        # Not by orjson: it refuses half an emoji.
        return json.dumps(body).encode()
    except RecursionError:
        return "The request is nested too deeply to be changed: it can only be sent again as it was."


def _set_system(body: dict[str, Any], api: str, system: str) -> None:
    messages = body.get("messages")
    if "input" in body:
        body["instructions"] = system
    elif api == "anthropic" or not isinstance(messages, list):
        body["system"] = system
    else:
        others = [message for message in messages if not _is_of_system(message)]
        body["messages"] = [{"role": "system", "content": system}, *others] if system else others


def _is_of_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in ("system", "developer")


async def _pass_on(request: web.BaseRequest, answer: ReplayedResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=PRIVATE_HEADERS)
    for name, value in answer.headers:
        if name.lower() in (b"content-type", b"x-exchange-id", b"retry-after"):
            response.headers[name.decode()] = value.decode("latin-1")
    await response.prepare(request)
    pieces: list[bytes] = []

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return True

    is_going_on = True
    while is_going_on:
        is_going_on = await answer.forward(take)
        if pieces:
            await response.write(b"".join(pieces))
            pieces.clear()
    if answer.failure is not None:
        # Half an answer must not look like a whole one.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response
