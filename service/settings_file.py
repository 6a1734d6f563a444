"""A file that a setting names: read at the start, again when it changes and when somebody asks for it.

At the start a mistake in it stops the recorder, as a wrong setting does. Later it is told, and the old rules stay.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from service.events import SettingsFileRead, SettingsFileRefused, emit
from service.file_of_setting import read_file_of_setting
from service.settings import SettingsError

LOOK_SECONDS: Final = 2.0

Stamp = tuple[int, int, int]
T = TypeVar("T")


class SettingsFile(Generic[T]):
    """The file ``path``, named by ``variable``. ``understand`` makes of its text what is used, or raises ValueError."""

    def __init__(self, variable: str, path: Path, understand: Callable[[str], T]) -> None:
        self.path = path
        self.variable = variable
        self._understand = understand
        self._stamp: Stamp | None = None
        self._asked = asyncio.Event()
        self.is_refused = False
        """Whether it is gone or has a mistake, so that what was read before stays in use."""

    def read(self) -> T:
        """What it holds. Blocks; raises ValueError that names every mistake."""
        try:
            self._stamp = self._look()
        except OSError as trouble:
            raise ValueError(f"it cannot be read: {trouble.strerror}") from None
        return self._understand(read_file_of_setting(self.path))

    def read_at_start(self) -> T:
        """As ``read``; raises SettingsError."""
        try:
            return self.read()
        except ValueError as mistake:
            raise SettingsError(f"{self.variable}={str(self.path)!r}: {mistake}") from mistake

    def ask(self) -> None:
        """Read it again now, whether it seems changed or not."""
        self._asked.set()

    async def watch(self, use: Callable[[T], None]) -> None:
        """Read it again whenever it changes, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            is_asked = self._asked.is_set()
            self._asked.clear()
            if is_asked or await asyncio.to_thread(self._has_changed):
                await self._read_again(use)

    async def _read_again(self, use: Callable[[T], None]) -> None:
        try:
            held = await asyncio.to_thread(self.read)
        except ValueError as mistake:
            self.is_refused = True
            emit(SettingsFileRefused(self.variable, str(mistake)))
            return
        self.is_refused = False
        use(held)
        emit(SettingsFileRead(self.variable))

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
