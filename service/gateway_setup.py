"""What the gateway needs, made of the settings: how calls share one Ollama."""

from aiohttp import http_parser

from service.settings import Settings, SettingsError
from service.sharing.rules_file import RulesFile
from service.sharing.sharing import Sharing


def sharing_of(settings: Settings) -> tuple[Sharing | None, RulesFile | None]:
    """How calls share Ollama, and where its rules stand; None: as they come. Raises SettingsError."""
    file = None if settings.limits_file is None else RulesFile(settings.limits_file)
    if file is None and not settings.max_active:
        return None, None
    try:
        rules = None if file is None else file.read()
    except ValueError as mistake:
        raise SettingsError(f"LIMITS_FILE={str(settings.limits_file)!r}: {mistake}") from mistake
    return Sharing(settings.max_active, settings.queue_length, settings.queue_timeout, rules), file


def require_strict_parser() -> None:
    """Most of the request smuggling that was found in aiohttp was in its parser written in Python."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise SettingsError(
            "aiohttp runs without its C parser here: install a wheel of it, and unset AIOHTTP_NO_EXTENSIONS"
        )
