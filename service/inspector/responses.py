"""What the answers of the recorder's own addresses share: JSON, errors, headers that keep it private."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from service.events import DefectFound, emit
from service.inspector.private_headers import PRIVATE_HEADERS
from service.journal import JournalError
from service.json_writing import write_json
from service.loki_search.loki_answers import LokiError


@contextmanager
def begun(request: web.BaseRequest) -> Iterator[None]:
    """Around the rest of an answer whose head was sent: trouble from here on ends the connection.

    Half an answer must not look like a whole one, and an error would be a second head amid the first's body.
    """
    try:
        yield
    except (JournalError, LokiError, TimeoutError):
        _hang_up(request)
    except ValueError as error:
        emit(DefectFound("inspector", repr(error)))
        _hang_up(request)


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def say(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """``value`` as JSON."""
    return web.Response(
        status=status,
        body=write_json(value),
        content_type="application/json",
        headers=PRIVATE_HEADERS | dict(headers or {}),
    )


def refuse(status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> web.Response:
    """``message`` says what is wrong and what to do."""
    return say({"error": message, **more}, status, headers)
