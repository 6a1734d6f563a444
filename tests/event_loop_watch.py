"""Notices when something keeps an event loop from running, and where.

Time in which the whole process waited for a processor, or the machine itself did as another had it, is not counted,
and what keeps the loop must have been seen twice, or have computed: on a machine that many share, a single look and the
clock alone would accuse the innocent.
"""

import asyncio
import os
import selectors
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_SECONDS = 0.5
_BEAT_SECONDS = 0.02


class EventLoopWatch:
    """Beats in an event loop; a thread looks whether the beat comes and, when it does not, where the loop is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.blocked: list[str] = []
        self._loop = loop
        self._thread = threading.current_thread().ident or 0
        self._over = threading.Event()
        self._due = time.monotonic() + _BEAT_SECONDS
        self._waited_before = _seconds_waited_for_a_processor()
        self._computed_before = time.process_time()
        self._suspected: float | None = None
        self._noted: float | None = None

    def beat(self) -> None:
        """Run by the loop, every ``_BEAT_SECONDS`` when nothing blocks it."""
        if time.process_time() - self._computed_before > LIMIT_SECONDS:
            # Whoever computes and keeps Python's global lock is never seen by the other thread.
            self._note("(it has gone on since: nobody knows where it was)")
        if not self._over.is_set():
            self._waited_before = _seconds_waited_for_a_processor()
            self._computed_before = time.process_time()
            self._due = time.monotonic() + _BEAT_SECONDS
            self._loop.call_later(_BEAT_SECONDS, self.beat)

    def look(self) -> None:
        """Run by a thread until the watch ends."""
        while not self._over.wait(_BEAT_SECONDS):
            frame = sys._current_frames().get(self._thread)
            if frame is None or time.monotonic() - self._due <= LIMIT_SECONDS:
                continue
            due = self._due
            if frame.f_code.co_filename == selectors.__file__:
                # It waits for the system to wake it, and nothing keeps it: the system has other things to do.
                self._noted = due
            elif self._suspected == due:
                self._note("".join(traceback.format_stack(frame)[-6:]))
            self._suspected = due

    def end(self) -> None:
        """Stop beating and looking."""
        self._over.set()

    def _note(self, where: str) -> None:
        due = self._due
        # Threads that have ended are not in the sum any more.
        waited = max(0.0, _seconds_waited_for_a_processor() - self._waited_before)
        late = time.monotonic() - due - waited
        if late > LIMIT_SECONDS and self._noted != due:
            self._noted = due
            self.blocked.append(f"blocked for {late * 1000:.0f} ms or more at\n{where}")


def _seconds_waited_for_a_processor() -> float:
    """How long all threads of this process together were ready to run but did not get a processor, and what others
    had of this machine's processors (``steal`` in /proc/stat, counted in hundredths)."""
    waited = 0
    for schedstat in Path("/proc/self/task").glob("*/schedstat"):
        try:
            waited += int(schedstat.read_text().split()[1])
        except (OSError, IndexError):  # a thread that has just ended, or a kernel without these counters
            continue
    return waited / 1e9 + _seconds_stolen()


def _seconds_stolen() -> float:
    try:
        return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


@contextmanager
def watched_event_loop() -> Iterator[EventLoopWatch]:
    """Watch the running event loop until the block ends."""
    loop = asyncio.get_running_loop()
    watch = EventLoopWatch(loop)
    looking = threading.Thread(target=watch.look, name="event loop watch", daemon=True)
    looking.start()
    loop.call_later(_BEAT_SECONDS, watch.beat)
    try:
        yield watch
    finally:
        watch.end()
        looking.join()
