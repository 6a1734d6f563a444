"""``POST /generate``: one prompt in, its text out, for web pages that shall not know Ollama.

It calls ``/api/generate`` through this recorder's own gateway, as any client would. So the exchange is admitted,
relayed, recorded and ended like all others, and there is one path for bytes, not two.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import web

from service.gateway.admission import Policy, check_host, check_origin
from service.gateway.call import AlreadySent
from service.gateway.callers import Network, client_address
from service.gateway.cors import answer_preflight, cors
from service.gateway.error_responses import Refusal
from service.gateway.gateway import Gateway
from service.gateway.headers import header
from service.gateway.request_body import read_short
from service.gateway.response_writer import ResponseWriter
from service.gateway.upstream import Failure, RequestBody, Send, UpstreamResponse
from service.record.exchange import GATEWAY_PREFIX

PATH: Final = "/generate"
_TARGET: Final = f"{GATEWAY_PREFIX}/api/generate"
_LONGEST: Final = 1 << 20
_FIELDS: Final[dict[str, tuple[type, str]]] = {
    "prompt": (str, "a string"),
    "model": (str, "a string"),
    "system": (str, "a string"),
    "options": (dict, "an object, as Ollama's own options"),
    "stream": (bool, "true or false"),
}
_EXAMPLE: Final = 'Send {"prompt": "..."} as JSON; "model", "system", "options" and "stream" are optional.'
# Who asks is told on; so are the credentials that the gateway checks.
_TOLD_ON: Final = frozenset(
    {b"user-agent", b"authorization", b"x-api-key", b"traceparent", b"x-caller", b"x-n8n-workflow-id"}
    | {b"x-n8n-workflow-name", b"x-n8n-execution-id", b"x-n8n-node", b"x-openwebui-user-name", b"x-openwebui-chat-id"}
)


@dataclass(slots=True)
class _Texts:
    """Takes apart the lines of Ollama's stream. ``error`` is set once a line carries one."""

    error: str = ""
    _rest: bytes = b""
    _texts: list[str] = field(default_factory=list)

    def add(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._read(line)

    def end(self) -> None:
        """The answer came whole: its last line is one also without a newline."""
        self._read(self._rest)
        self._rest = b""

    def _read(self, line: bytes) -> None:
        try:
            said = orjson.loads(line)
        except ValueError:
            return
        if isinstance(said, dict):
            self.error = self.error or str(said.get("error") or "")
            self._texts.append(str(said.get("response") or ""))

    def take(self) -> bytes:
        """The text that has come since the last call."""
        texts, self._texts = self._texts, []
        return "".join(texts).encode("utf-8", "replace")


class Generate:
    """Handles ``/generate``. ``send`` reaches this recorder's own socket; ``choose_model`` names the model to take
    when the request names none, None when Ollama has no model. A request of which nothing came for ``silence`` seconds
    (0: never) is given up."""

    def __init__(
        self,
        gateway: Gateway,
        policy: Policy,
        trusted_proxies: tuple[Network, ...],
        send: Send,
        choose_model: Callable[[], Awaitable[str | None]],
        silence: float,
    ) -> None:
        self._gateway = gateway
        self._policy = policy
        self._trusted_proxies = trusted_proxies
        self._send = send
        self._choose_model = choose_model
        self._silence = silence

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse | AlreadySent:
        """UpstreamResponse one request."""
        preflight = answer_preflight(request, self._policy)
        if preflight is not None:
            return preflight
        origin, host = request.headers.get("Origin"), request.headers.get("Host")
        refusal = check_host(host, self._policy) or check_origin(origin, host or "", self._policy)
        if refusal is not None:
            return await self._gateway.refuse(request, PATH, refusal)
        if request.method != "POST":
            refusal = Refusal(405, f"{PATH} is asked with POST. {_EXAMPLE}", None, (("Allow", "POST, OPTIONS"),))
            return await self._gateway.refuse(request, PATH, refusal)
        body = await self._body(request)
        if isinstance(body, Refusal):
            return await self._gateway.refuse(request, PATH, body)
        asked = _read(body)
        if isinstance(asked, str):
            return await self._gateway.refuse(request, PATH, Refusal(400, f"{asked} {_EXAMPLE}"), body)
        if "model" not in asked:
            model = await self._choose_model()
            if model is None:
                refusal = Refusal(503, "Ollama has no model yet. Fetch one: ollama pull llama3.2", "GENERATE_MODEL")
                return await self._gateway.refuse(request, PATH, refusal, body)
            asked["model"] = model
        return await self._ask(request, asked, cors(origin))

    async def _body(self, request: web.BaseRequest) -> bytes | Refusal:
        too_long = Refusal(413, f"{PATH} takes prompts up to 1 MiB; {_TARGET} takes longer ones.")
        if (request.content_length or 0) > _LONGEST:
            return too_long
        ResponseWriter(request).invite()
        try:
            body = await read_short(request, _LONGEST, self._silence)
        except TimeoutError:
            return Refusal(408, f"The request's body stopped arriving for {self._silence:g} s.")
        return too_long if body is None else body

    async def _ask(
        self, request: web.BaseRequest, asked: dict[str, Any], more: tuple[tuple[str, str], ...]
    ) -> web.StreamResponse:
        streams = asked.setdefault("stream", False)
        content = orjson.dumps(asked)
        answer = await self._send("POST", _TARGET, self._header_lines(request), RequestBody(content, len(content)))
        if isinstance(answer, Failure):
            return _json(500, {"error": f"The recorder cannot reach itself: {answer.reason}."}, more)
        try:
            exchange = header(answer.headers, b"x-exchange-id")
            headers = (*more, ("X-Exchange-Id", exchange))
            if answer.status == 200 and streams:
                return await self._stream(request, answer, headers)
            return _whole(answer.status, await _read_all(answer), exchange, headers, str(asked["model"]))
        finally:
            # A client that leaves ends this task: hanging up here ends the generation too.
            answer.abort()

    def _header_lines(self, request: web.BaseRequest) -> list[bytes]:
        lines = [b"%b: %b\r\n" % pair for pair in request.raw_headers if pair[0].lower() in _TOLD_ON]
        address = client_address(request.remote or "", request.headers, self._trusted_proxies)
        return [*lines, b"Content-Type: application/json\r\n", f"X-Forwarded-For: {address}\r\n".encode()]

    async def _stream(
        self, request: web.BaseRequest, answer: UpstreamResponse, headers: tuple[tuple[str, str], ...]
    ) -> web.StreamResponse:
        texts = _Texts()
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
            if not response.prepared:
                if texts.error:
                    return _json(500, {"error": texts.error}, headers)
                await response.prepare(request)
            if text:
                await response.write(text)
        if answer.failure is not None or texts.error:
            # Half a text must not look like a whole one: the connection ends without the final chunk.
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response


def _read(body: bytes) -> dict[str, Any] | str:
    """What is asked for, or what is wrong with it in one sentence."""
    try:
        said = orjson.loads(body)
    except ValueError:
        return "The body is empty." if not body.strip() else "The body is not JSON."
    if not isinstance(said, dict):
        return "The body is JSON, but no object."
    # null is what a script sends for a value that it has not got.
    asked = {name: value for name, value in said.items() if value is not None}
    for name, value in asked.items():
        if name not in _FIELDS:
            return f'{name[:50]!r} is not known here; parameters of the model go into "options".'
        kind, expected = _FIELDS[name]
        if not isinstance(value, kind):
            return f'"{name}" has to be {expected}.'
    if not asked.get("prompt", "").strip():
        return '"prompt" is empty.' if "prompt" in asked else '"prompt" is missing.'
    if not asked.get("model", "-").strip():
        del asked["model"]
    return asked


async def _read_all(answer: UpstreamResponse) -> bytes:
    pieces: list[bytes] = []

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return False

    await answer.forward(take)
    return b"".join(pieces)


def _whole(
    status: int, body: bytes, exchange: str, headers: tuple[tuple[str, str], ...], model: str
) -> web.StreamResponse:
    try:
        said = orjson.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return _json(502, {"error": "Ollama broke off, or answered something that is not JSON."}, headers)
    if status != 200 or said.get("error"):
        error = str(said.get("error") or body[:200].decode("utf-8", "replace"))
        return _json(status if status >= 400 else 500, {"error": error}, headers)
    answered = {"text": said.get("response") or "", "model": said.get("model") or model, "exchange": exchange}
    return _json(200, answered, headers)


def _json(status: int, value: dict[str, Any], headers: tuple[tuple[str, str], ...]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json", headers=dict(headers))


async def choose_model(setting: str, send: Send) -> str | None:
    """GENERATE_MODEL, or the first model that Ollama lists; None when it has none.

    Without an Ollama the name is empty: asking it then fails, and that is told and recorded as any such failure.
    """
    if setting:
        return setting
    models = await _models(send)
    if models is None:
        return ""
    return models[0] if models else None


async def list_models(send: Send) -> list[str]:
    """The names of the models that Ollama has; none when it cannot be asked. A question of our own: not recorded."""
    return await _models(send) or []


async def _models(send: Send) -> list[str] | None:
    answer = await send("GET", "/api/tags", (), None)
    if isinstance(answer, Failure):
        return None
    try:
        said = orjson.loads(await _read_all(answer))
        return [str(model["name"]) for model in said["models"]]
    except (ValueError, KeyError, TypeError):
        return None
    finally:
        answer.abort()
