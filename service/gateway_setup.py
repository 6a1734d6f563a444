"""What the gateway needs, made of the settings: its bounds, and how calls share one Ollama."""

import os
from importlib.machinery import PathFinder
from math import inf
from typing import Final

from service.gateway.call import RelaySettings
from service.gateway.http_server import FILES_OF_OUR_OWN, Bounds, most_files
from service.settings import Settings, SettingsError
from service.settings_file import SettingsFile
from service.sharing.limits import Rules, read_rules
from service.sharing.sharing import Sharing

_HOLD_SECONDS: Final = 0.25
# Each of several Ollamas is asked for two lists at once, again and again.
_CONNECTIONS_TO_EACH: Final = 2
# Two for each exchange: sixteen at once are the least that is of use.
_FILES_OF_EXCHANGES: Final = 32


def relay_settings_of(settings: Settings) -> RelaySettings:
    """What each exchange is passed on with."""
    return RelaySettings(
        ollama_url=settings.ollama_url,
        idle_seconds=settings.ollama_timeout,
        body_seconds=settings.request_body_timeout,
        keep_body_bytes=settings.keep_body_bytes,
        hold={True: _HOLD_SECONDS, False: 0.0, "strict": inf}[settings.record_before_reply],
    )


def bounds_of(settings: Settings) -> Bounds:
    """How long clients' connections may stand still, and how many there may be."""
    return Bounds(
        settings.request_head_timeout,
        settings.request_body_timeout,
        settings.max_connections,
        settings.max_connections_per_address,
        settings.answer_read_timeout,
        kept_open=_kept_open(settings),
    )


def _kept_open(settings: Settings) -> int:
    ollamas = len(settings.ollama_urls)
    return _CONNECTIONS_TO_EACH * ollamas if ollamas > 1 else 0


def require_enough_files(settings: Settings) -> None:
    """Raises SettingsError where the Ollamas take all files that the system lets this process open."""
    needed, most = FILES_OF_OUR_OWN + _kept_open(settings) + _FILES_OF_EXCHANGES, most_files()
    if needed > most and len(settings.ollama_urls) > 1:
        raise SettingsError(
            f"OLLAMA_URL names {len(settings.ollama_urls):,} Ollamas, which takes {needed:,} open files, and the system"
            f" allows {most:,}: raise its hard limit (ulimit -Hn, LimitNOFILE= of a service, ulimits of a container)"
        )


def sharing_of(settings: Settings) -> tuple[Sharing | None, SettingsFile[Rules] | None]:
    """How calls share Ollama, and where its rules stand; None: as they come. Raises SettingsError.

    With several Ollamas calls are always counted: by that it is known who is busy.
    """
    file = None if settings.limits_file is None else SettingsFile("LIMITS_FILE", settings.limits_file, read_rules)
    if file is None and not settings.max_active and len(settings.ollama_urls) == 1:
        return None, None
    rules = None if file is None else file.read_at_start()
    ollamas = len(settings.ollama_urls)
    return Sharing(settings.max_active, settings.queue_length, settings.queue_timeout, rules, ollamas=ollamas), file


def require_strict_parser() -> None:
    """Most of the request smuggling that was found in aiohttp was in its parser written in Python."""
    # It is loaded later, if at all: whether it will be found is known before.
    package = PathFinder.find_spec("aiohttp")
    folders = [] if package is None else package.submodule_search_locations
    parser = PathFinder.find_spec("aiohttp._http_parser", folders)
    if parser is None or os.environ.get("AIOHTTP_NO_EXTENSIONS"):
        raise SettingsError(
            "aiohttp runs without its C parser here: install a wheel of it, and unset AIOHTTP_NO_EXTENSIONS"
        )
