"""What is no HTTP: one event instead of a traceback with an attacker's bytes in it."""

import logging

from service.events import DefectFound, RequestMalformed, emit

_LONGEST = 200


def server_logger() -> logging.Logger:
    """The logger for aiohttp's server: it logs through it when bytes make no request, or a handler raised."""
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
        emit(RequestMalformed(remote, f"{type(error).__name__}: {error}"[:_LONGEST].encode("unicode_escape").decode()))
    else:
        emit(DefectFound("http", repr(error)[:_LONGEST] if error else record.getMessage()[:_LONGEST]))
    return False
