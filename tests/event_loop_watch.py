"""Notices when something keeps an event loop from running, and where.

Time in which the whole process waited for a processor, or the machine itself did as another had it, is not counted,
and what keeps the loop must have been seen twice, or one thread must have computed for as long. On a machine that many
share, a single look and the clock alone would accuse the innocent. What the loop's own thread computes is certain.

The kernel counts a wait when it is over, so the loop is judged once it runs again, by its own thread.
"""

import asyncio
import math
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
        self._before, self._computed_before = _of_threads(), time.thread_time()
        self._stolen_before = _seconds_stolen()
        self._suspected: float | None = None
        self._seen: tuple[float, str] = 0.0, ""
        self._noted: float | None = None

    def beat(self) -> None:
        """Run by the loop, every ``_BEAT_SECONDS`` when nothing blocks it."""
        # The loop has got here: whatever keeps the beat itself, as a slow disk does, is no fault of what is tested.
        due, self._due = self._due, math.inf
        now, computed = _of_threads(), time.thread_time()
        seen = self._seen[1] if self._seen[0] == due else ""
        if computed - self._computed_before > LIMIT_SECONDS and self._noted != due:
            self._noted = due
            self.blocked.append(f"blocked: it computed for {(computed - self._computed_before) * 1000:.0f} ms\n{seen}")
        elif seen:
            self._note(f"at\n{seen}", due)
        elif max((self._since(now, name)[0] for name in now), default=0.0) > LIMIT_SECONDS:
            # A thread that computes and keeps Python's global lock is never seen by the other one.
            self._note("(it has gone on since: nobody knows where it was)", due)
        if not self._over.is_set():
            self._before, self._computed_before = now, computed
            self._stolen_before = _seconds_stolen()
            self._due = time.monotonic() + _BEAT_SECONDS
            self._loop.call_later(_BEAT_SECONDS, self.beat)

    def look(self) -> None:
        """Run by a thread until the watch ends."""
        while not self._over.wait(_BEAT_SECONDS):
            frame = sys._current_frames().get(self._thread)
            due = self._due
            if frame is None or time.monotonic() - due <= LIMIT_SECONDS:
                continue
            if frame.f_code.co_filename == selectors.__file__:
                # It waits for the system to wake it, and nothing keeps it: the system has other things to do.
                self._noted = due
            elif self._suspected == due:
                self._seen = due, "".join(traceback.format_stack(frame)[-6:])
            self._suspected = due

    def end(self) -> None:
        """Stop beating and looking; run by the loop, as ``beat`` is."""
        self._over.set()
        self.beat()

    def _since(self, now: dict[str, tuple[float, float]], thread: str) -> tuple[float, float]:
        """For how many seconds ``thread`` has computed since the last beat, and waited for a processor."""
        computed, waited = self._before.get(thread, (0.0, 0.0))
        return now[thread][0] - computed, now[thread][1] - waited

    def _seconds_waited(self) -> float:
        """For how long since the last beat threads together waited for a processor, or the machine itself did."""
        now = _of_threads()
        return sum(self._since(now, name)[1] for name in now) + _seconds_stolen() - self._stolen_before

    def _note(self, where: str, due: float) -> None:
        late = time.monotonic() - due - self._seconds_waited()
        if late > LIMIT_SECONDS and self._noted != due:
            self._noted = due
            self.blocked.append(f"blocked for {late * 1000:.0f} ms or more {where}")


def _of_threads() -> dict[str, tuple[float, float]]:
    """Of each thread of this process, the seconds in which it computed, and was ready to but got no processor."""
    found = {}
    for thread in Path("/proc/self/task").iterdir():
        try:
            computed, waited, _ = (thread / "schedstat").read_text().split()
        except (OSError, ValueError):  # a thread that has just ended, or a kernel without these counters
            continue
        found[thread.name] = int(computed) / 1e9, int(waited) / 1e9
    return found


def _seconds_stolen() -> float:
    """What others had of this machine's processors: ``steal`` in /proc/stat, counted in hundredths."""
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
