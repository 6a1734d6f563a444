"""Files that settings name are read at the start, and again when the recorder is told to (SIGHUP)."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from service.events import SettingsFileRead, SettingsFileRefused, emit
from service.gateway.admission import Policy, read_keys
from service.settings import Settings, SettingsError

Reload = tuple[str, Callable[[], Any], Callable[[Any], None]]
"""The variable that names a file, what reads it (on a thread), what takes it into use (in the event loop)."""


async def read_files_again(reloads: Iterable[Reload], refused: set[str]) -> None:
    """What a file holds is taken whole; with a mistake in it, not at all. Either is told, the latter in ``refused``."""
    for variable, read, take in reloads:
        try:
            take(await asyncio.to_thread(read))
        except (OSError, ValueError) as mistake:
            refused.add(variable)
            emit(SettingsFileRefused(variable, str(mistake)))
        else:
            refused.discard(variable)
            emit(SettingsFileRead(variable))


def reloads_of_keys(settings: Settings, take: Callable[[dict[str, str]], None]) -> list[Reload]:
    """How ``API_KEYS_FILE`` is read again; empty without one."""
    file = settings.api_keys_file
    return [] if file is None else [("API_KEYS_FILE", partial(read_keys, file), take)]


def read_policy(settings: Settings) -> Policy:
    """Raises SettingsError when the keys cannot be used."""
    keys = None
    if settings.api_keys_file is not None:
        try:
            keys = read_keys(settings.api_keys_file)
        except (OSError, ValueError) as mistake:
            raise SettingsError(f"API_KEYS_FILE={str(settings.api_keys_file)!r}: {mistake}") from mistake
    return Policy(frozenset(settings.allowed_hosts), frozenset(settings.cors_origins), settings.allow_management, keys)
