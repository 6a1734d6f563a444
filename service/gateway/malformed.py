"""What is no HTTP: one event instead of a traceback with an attacker's bytes, and a sentence for its sender."""

import logging

from aiohttp import web
from aiohttp.http_exceptions import InvalidURLError, LineTooLong

from service.events import DefectFound, RequestMalformed, emit
from service.gateway.error_responses import error_body

_LONGEST = 200
_TOO_LONG = (
    "The address of this request, or one of its headers, is longer than 64 KiB. Cookies are a header:"
    " a browser sends those of all ports of localhost."
)
_NOT_ENCODED = "The address holds a character that has to be percent-encoded, as %C3%BC for ü."


class Server(web.Server):
    """aiohttp's server, which answers in our words where a person can do something about it."""

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        response = super().handle_error(request, status, exc, message)
        if advice := _advice(exc):
            response = web.Response(status=status, body=error_body("", status, advice), content_type="application/json")
            response.force_close()
        return response


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
