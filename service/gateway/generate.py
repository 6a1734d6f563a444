"""``POST /generate``: one prompt in, its text out, for web pages that need not know Ollama.

It calls ``/api/generate`` through this recorder's own gateway, as any client would. So the exchange is admitted,
relayed, recorded and ended like all others. Bytes have one path, not two.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from aiohttp import web

from service.gateway.admission import Policy, check_host, check_origin
from service.gateway.call import AlreadySent
from service.gateway.callers import CALLER_HEADERS, Network, client_address
from service.gateway.cors import answer_preflight, cors
from service.gateway.error_responses import Refusal, stopped_arriving
from service.gateway.gateway import UPSTREAM_HEADER, Gateway
from service.gateway.headers import header
from service.gateway.malformed import BodyBroken
from service.gateway.request import Request
from service.gateway.request_body import EMPTY
from service.gateway.request_head import RequestHead
from service.gateway.response_writer import ResponseWriter
from service.gateway.upstream import Failure, RequestBody, Send, UpstreamResponse
from service.json_writing import write_json
from service.record.exchange import GATEWAY_PREFIX
from service.record.json_body import JsonForm, read_fields
from service.record.json_text import as_text
from service.record.streamed import AnswerDelta, StreamedAnswer

PATH: Final = "/generate"
_TARGET: Final = f"{GATEWAY_PREFIX}/api/generate"
_LONGEST: Final = 1 << 20
_FORM: Final = JsonForm(
    {
        "prompt": (str, "a string"),
        "model": (str, "a string"),
        "system": (str, "a string"),
        "options": (dict, "an object, as Ollama's own options"),
        "stream": (bool, "true or false"),
    },
    unknown='{name} is not known here; parameters of the model go into "options".',
    mistyped='"{name}" has to be {expected}.',
)
_EXAMPLE: Final = 'Send {"prompt": "..."} as JSON; "model", "system", "options" and "stream" are optional.'
_NO_ANSWER: Final = "Ollama broke off, or answered something that is not JSON."
# These name the caller or one of several Ollamas, or are credentials that the gateway checks.
_PASSED_ON: Final = frozenset(
    {b"user-agent", b"authorization", b"x-api-key", b"traceparent"}
    | {name.lower().encode() for name in CALLER_HEADERS | {UPSTREAM_HEADER}}
)


class _StreamedText:
    """The text of Ollama's stream, as far as it has come. ``error`` is set once the stream carries one."""

    def __init__(self) -> None:
        self._answer = StreamedAnswer("ollama", "generate", "application/x-ndjson")
        self._new: list[str] = []
        self.error = ""

    @property
    def has_begun(self) -> bool:
        """Whether what came is an answer at all, be it without a word so far."""
        return self._answer.is_understood

    @property
    def is_finished(self) -> bool:
        return self._answer.is_finished

    def add(self, piece: bytes) -> None:
        self._take_in(self._answer.add(piece))

    def end(self) -> None:
        """The answer came whole: its last line is one also without a newline."""
        self._take_in(self._answer.end())

    def take(self) -> bytes:
        """The text that has come since the last call."""
        new, self._new = self._new, []
        return "".join(new).encode("utf-8", "replace")

    def _take_in(self, delta: AnswerDelta) -> None:
        self._new.append(delta.text)
        self.error = self.error or delta.error


class Generate:
    """Handles ``/generate``.

    ``send`` reaches this recorder's own socket. ``choose_model`` names the model for a request that names none, or
    refuses. A request of which nothing came for ``idle_seconds`` (0: never) is given up.
    """

    def __init__(
        self,
        gateway: Gateway,
        policy: Policy,
        trusted_proxies: tuple[Network, ...],
        send: Send,
        choose_model: Callable[[], Awaitable[str | Refusal]],
        idle_seconds: float,
    ) -> None:
        self._gateway = gateway
        self._policy = policy
        self._trusted_proxies = trusted_proxies
        self._send = send
        self._choose_model = choose_model
        self._idle_seconds = idle_seconds

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse | AlreadySent:
        """Answer one request."""
        preflight = answer_preflight(request.method, request.headers, self._policy)
        if preflight is not None:
            return web.Response(status=204, headers=dict(preflight))
        origin, host = request.headers.get("Origin"), request.headers.get("Host")
        refusal = check_host(host, self._policy) or check_origin(origin, host or "", self._policy)
        if refusal is not None:
            return await self._gateway.refuse(_as_asked(request), PATH, refusal)
        if request.method != "POST":
            refusal = Refusal(405, f"{PATH} is asked with POST. {_EXAMPLE}", None, (("Allow", "POST, OPTIONS"),))
            return await self._gateway.refuse(_as_asked(request), PATH, refusal)
        body = await self._body(request)
        if isinstance(body, Refusal):
            return await self._gateway.refuse(_as_asked(request), PATH, body)
        fields = _read(body)
        if isinstance(fields, str):
            return await self._gateway.refuse(_as_asked(request), PATH, Refusal(400, f"{fields} {_EXAMPLE}"), body)
        if "model" not in fields:
            model = await self._choose_model()
            if isinstance(model, Refusal):
                return await self._gateway.refuse(_as_asked(request), PATH, model, body)
            fields["model"] = model
        return await self._ask(request, fields, cors(origin))

    async def _body(self, request: web.BaseRequest) -> bytes | Refusal:
        too_long = Refusal(413, f"{PATH} takes prompts up to 1 MiB; {_TARGET} takes longer ones.")
        if (request.content_length or 0) > _LONGEST:
            return too_long
        ResponseWriter(_as_asked(request)).invite()
        try:
            body = await _read_short(request, _LONGEST, self._idle_seconds)
        except TimeoutError:
            return Refusal(408, stopped_arriving(self._idle_seconds))
        except BodyBroken as broken:
            return Refusal(broken.status, broken.message)
        return too_long if body is None else body

    async def _ask(
        self, request: web.BaseRequest, fields: dict[str, Any], more: tuple[tuple[str, str], ...]
    ) -> web.StreamResponse:
        streams = fields.setdefault("stream", False)
        content = write_json(fields)
        answer = await self._send("POST", _TARGET, self._header_lines(request), RequestBody(content, len(content)))
        if isinstance(answer, Failure):
            return _json(500, {"error": f"The recorder cannot reach itself: {answer.reason}."}, more)
        try:
            exchange = header(answer.headers, b"x-exchange-id")
            headers = (*more, ("X-Exchange-Id", exchange), *_advice(answer))
            if answer.status == 200 and streams:
                return await self._stream(request, answer, headers)
            return _whole(answer.status, await _read_all(answer), exchange, headers, str(fields["model"]))
        finally:
            # A client that leaves ends this task: hanging up here ends the generation too.
            answer.abort()

    def _header_lines(self, request: web.BaseRequest) -> list[bytes]:
        lines = [b"%b: %b\r\n" % pair for pair in request.raw_headers if pair[0].lower() in _PASSED_ON]
        address = client_address(request.remote or "", request.headers, self._trusted_proxies)
        return [*lines, b"Content-Type: application/json\r\n", f"X-Forwarded-For: {address}\r\n".encode()]

    async def _stream(
        self, request: web.BaseRequest, answer: UpstreamResponse, headers: tuple[tuple[str, str], ...]
    ) -> web.StreamResponse:
        texts = _StreamedText()
        response = web.StreamResponse(headers=dict(headers))
        response.content_type, response.charset = "text/plain", "utf-8"

        def take(piece: bytes) -> bool:
            texts.add(piece)
            return True

        is_going_on = True
        while is_going_on:
            is_going_on = await answer.forward(take)
            if not is_going_on and answer.failure is None:
                texts.end()
            text = texts.take()
            if texts.error and not response.prepared:
                return _json(500, {"error": texts.error}, headers)
            if texts.has_begun and not response.prepared:
                await response.prepare(request)
            if text:
                await response.write(text)
        if not response.prepared:
            return _json(502, {"error": _NO_ANSWER}, headers)
        if answer.failure is not None or texts.error or not texts.is_finished:
            # Half a text must not look like a whole one: the connection ends without the final chunk.
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response


class _AiohttpClient:
    """The client of a request that aiohttp read."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self.remote = request.remote or ""

    @property
    def transport(self) -> asyncio.Transport | None:
        return self._request.transport

    async def drain(self) -> None:
        await self._request.writer.drain()


def _as_asked(request: web.BaseRequest) -> Request:
    """The request as the gateway reads those that come to it: this one is refused in its words, and recorded."""
    minor = int(request.version >= (1, 1))
    head = RequestHead(request.method, request.raw_path, minor, request.headers, request.keep_alive)
    return Request(head, 0, EMPTY, _AiohttpClient(request))


async def _read_short(request: web.BaseRequest, most_bytes: int, idle_seconds: float) -> bytes | None:
    """A body that is of use only as a whole; None when it has more than ``most_bytes``.

    Raises TimeoutError after ``idle_seconds`` (0: never) in which nothing of it came.
    """
    pieces: list[bytes] = []
    length = 0
    while True:
        async with asyncio.timeout(idle_seconds or None):
            piece = await request.content.readany()
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        length += len(piece)
        if length > most_bytes:
            return None


def _read(body: bytes) -> dict[str, Any] | str:
    """The fields of the body, or what is wrong with it in one sentence. A blank model counts as none."""
    fields = read_fields(body, _FORM)
    if isinstance(fields, str):
        return fields
    if not fields.get("prompt", "").strip():
        return '"prompt" is empty.' if "prompt" in fields else '"prompt" is missing.'
    if not fields.get("model", "-").strip():
        del fields["model"]
    return fields


def _advice(answer: UpstreamResponse) -> tuple[tuple[str, str], ...]:
    """What a refusal says beside its body."""
    named = ((name, header(answer.headers, name.lower().encode())) for name in ("Retry-After", "WWW-Authenticate"))
    return tuple((name, value) for name, value in named if value)


async def _read_all(answer: UpstreamResponse) -> bytes:
    """The whole body; nothing where it broke off."""
    pieces: list[bytes] = []

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return False

    await answer.forward(take)
    return b"".join(pieces) if answer.failure is None else b""


def _whole(
    status: int, body: bytes, exchange: str, headers: tuple[tuple[str, str], ...], model: str
) -> web.StreamResponse:
    try:
        answer = orjson.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return _json(502, {"error": _NO_ANSWER}, headers)
    if status != 200 or answer.get("error"):
        told = {"error": as_text(answer.get("error") or body[:200].decode("utf-8", "replace"))}
        if isinstance(setting := answer.get("setting"), str):
            told["setting"] = setting
        return _json(status if status >= 400 else 500, told, headers)
    if answer.get("done") is False:
        return _json(502, {"error": _NO_ANSWER}, headers)
    content = {"text": as_text(answer.get("response") or ""), "model": as_text(answer.get("model") or model)}
    content["exchange"] = exchange
    return _json(200, content, headers)


def _json(status: int, value: dict[str, Any], headers: tuple[tuple[str, str], ...]) -> web.Response:
    return web.Response(status=status, body=write_json(value), content_type="application/json", headers=dict(headers))
