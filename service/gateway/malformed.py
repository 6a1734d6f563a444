"""What is no HTTP: one event instead of a traceback with an attacker's bytes, and a sentence for its sender."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import InvalidURLError, LineTooLong

from service.events import DefectFound, RequestMalformed, emit
from service.gateway.call import AlreadySent
from service.gateway.error_responses import FAULT, error_body, last_answer
from service.gateway.request_head import LONGEST_LINE, MOST_FIELDS

# How aiohttp's server is set up for the requests that it answers.
_OPTIONS: Final[dict[str, Any]] = {
    # A reader that leaves ends what was asked for.
    "handler_cancellation": True,
    "auto_decompress": False,
    "access_log": None,
    "max_line_size": LONGEST_LINE,
    "max_field_size": LONGEST_LINE,
    "max_headers": MOST_FIELDS,
    # How long a body that was answered early is read on, so that its sender sees the answer.
    "lingering_time": 5.0,
    # The connection ends itself when nobody uses it: it may be in use where aiohttp sees nothing.
    "keepalive_timeout": 365 * 24 * 3600.0,
}
_LONGEST = 200
# What aiohttp raises where a body is asked for whose connection is over.
_LEFT: Final = "Connection closed."
_TOO_LONG = (
    "The address of this request, or one of its headers, is longer than 64 KiB. Cookies are a header:"
    " a browser sends those of all ports of localhost."
)
_NOT_ENCODED = "The address holds a character that has to be percent-encoded, as %C3%BC for ü."
_UNUSUAL = "This request is not in the form that HTTP asks for (RFC 9112), or not in HTTP/1.1."


class BodyBroken(web.HTTPBadRequest):
    """Raised to whoever reads a body that is malformed (``status`` 400) or did not go on (408); ``message`` says it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(text=error_body("", status, message).decode(), content_type="application/json")
        self.set_status(status)
        self.message = message


class AiohttpServer(web.Server):
    """aiohttp's server, which answers in our words where a person can do something about it."""

    def __init__(self, handle: Callable[[web.BaseRequest], Awaitable[Any]]) -> None:
        super().__init__(self._answer, logger=server_logger(), **_OPTIONS)
        self._handle = handle

    def protocol(self, answered: Callable[[bool], None]) -> "AiohttpProtocol":
        """The protocol of one connection. ``answered`` is called after each answer: whether the connection goes on."""
        return AiohttpProtocol(self, answered, loop=self._loop, **self._kwargs)

    async def _answer(self, request: web.BaseRequest) -> Any:
        protocol = request.protocol
        if isinstance(protocol, AiohttpProtocol) and protocol.refuses:
            return _refuse(request)
        if isinstance(protocol, AiohttpProtocol) and protocol.broken is not None:
            _end_body(request, protocol.broken)
        return await self._handle(request)


class AiohttpProtocol(web.RequestHandler):
    """aiohttp's side of a connection. ``refuses``: whatever it can read is refused nevertheless.

    ``broken``: why the last request's body has no end; None where it has.
    """

    __slots__ = ("_answered", "broken", "refuses")

    def __init__(self, server: AiohttpServer, answered: Callable[[bool], None], **options: Any) -> None:
        super().__init__(server, **options)
        self._answered = answered
        self.refuses = False
        self.broken: BodyBroken | None = None

    def refuse_body(self, status: int, fault: str) -> None:
        """What came is no whole body: who reads the last request's gets BodyBroken. aiohttp's parser lets it wait."""
        self.broken = BodyBroken(status, fault)
        if self._current_request is not None:
            _end_body(self._current_request, self.broken)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        response, is_lost = await super().finish_response(request, resp, start_time)
        if self.refuses or self.broken is not None:
            if self.transport is None:
                # aiohttp met the same body again, behind its answer.
                return response, is_lost
            # The connection ends itself, when its client had time to read why.
            self.transport = None
        self._answered(not is_lost and bool(response.keep_alive))
        return response, is_lost

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        response = super().handle_error(request, status, exc, message)
        if advice := _advice(exc) or (FAULT if status == web.HTTPInternalServerError.status_code else None):
            response = web.Response(status=status, body=error_body("", status, advice), content_type="application/json")
            response.force_close()
        return response


def _refuse(request: web.BaseRequest) -> AlreadySent:
    emit(RequestMalformed(request.remote or "", _UNUSUAL))
    if request.transport is not None:
        # aiohttp would repeat the version of the request, whichever it was.
        request.transport.write(last_answer(400, _UNUSUAL))
    return AlreadySent(keep_alive=False)


def _end_body(request: web.BaseRequest, broken: BodyBroken) -> None:
    request.content.set_exception(broken)
    # Whoever only waits for its end need not wait.
    request.content.feed_eof()


def _advice(error: BaseException | None) -> str | None:
    if isinstance(error, LineTooLong):
        return _TOO_LONG
    if isinstance(error, InvalidURLError) and error.message.startswith("Invalid char in url "):
        return _NOT_ENCODED
    return None


def server_logger() -> logging.Logger:
    """The logger that aiohttp's server logs through when bytes make no request, or a handler raised."""
    logger = logging.Logger("ollama_recorder.http")
    logger.addFilter(_note)
    return logger


def _note(record: logging.LogRecord) -> bool:
    """Turn a record into an event; the record itself goes nowhere."""
    if record.levelno < logging.ERROR:
        return False
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, ConnectionError) or (type(error) is RuntimeError and str(error) == _LEFT):
        # Who asked left before the answer began.
        return False
    is_their_fault = type(error).__module__ in ("aiohttp.http_exceptions", "aiohttp.http")
    if is_their_fault:
        remote = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
        # Behind an empty line aiohttp quotes what came, and that can be a credential.
        sentence = _advice(error) or str(error).partition("\n\n")[0]
        reason = f"{type(error).__name__}: {sentence}"[:_LONGEST]
        emit(RequestMalformed(remote, reason.encode("unicode_escape").decode()))
    else:
        emit(DefectFound("http", repr(error)[:_LONGEST] if error else record.getMessage()[:_LONGEST]))
    return False
