"""LIMITS_FILE: read at the start, again when it changes and when somebody asks for it.

At the start a mistake in it stops the recorder, as a wrong setting does. Later it is told, and the old rules stay.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.events import SettingsFileRead, SettingsFileRefused, emit
from service.settings_file import read_settings_file
from service.sharing.limits import Rules, read_rules

LOOK_SECONDS: Final = 2.0

Stamp = tuple[int, int, int]


class RulesFile:
    """``path`` and what it held when it was last read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._asked = asyncio.Event()

    def read(self) -> Rules:
        """The rules. Blocks; raises ValueError that names every mistake."""
        try:
            self._stamp = self._look()
        except OSError as trouble:
            raise ValueError(f"it cannot be read: {trouble.strerror}") from None
        return read_rules(read_settings_file(self.path))

    def ask(self) -> None:
        """Read it again now, whether it seems changed or not."""
        self._asked.set()

    async def watch(self, use: Callable[[Rules], None]) -> None:
        """Read it again whenever it changes, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            is_asked = self._asked.is_set()
            self._asked.clear()
            if is_asked or await asyncio.to_thread(self._has_changed):
                await self._read_again(use)

    async def _read_again(self, use: Callable[[Rules], None]) -> None:
        try:
            rules = await asyncio.to_thread(self.read)
        except ValueError as mistake:
            emit(SettingsFileRefused("LIMITS_FILE", str(mistake)))
            return
        use(rules)
        emit(SettingsFileRead("LIMITS_FILE"))

    def _has_changed(self) -> bool:
        try:
            return self._look() != self._stamp
        except OSError:
            # Told once: an editor may be about to put the new file in its place.
            was_there, self._stamp = self._stamp is not None, None
            return was_there

    def _look(self) -> Stamp:
        found = self.path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
