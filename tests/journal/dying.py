"""Do something in a process that kills itself at a named place.

The process comes from ``multiprocessing``'s fork server, which has one thread. A fork of the test's own process could
copy a lock that another of its threads holds, and nobody would ever let go of it.
"""

import os
import pkgutil
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

SECONDS = 120.0
_processes = get_context("forkserver")
_processes.set_forkserver_preload(["service.journal", "service.search.compacting", "service.search.indexing", __name__])


def killed_at(point: str, when: str, work: Callable[[], object]) -> bool:
    """Do ``work``, which can be pickled, in a process that dies at the first call of ``point``.

    ``point`` is a function as ``module:name`` or ``module:Class.name``. ``when`` is "before", or "after" it returned.
    Says whether it died: where the work does not get so far, it ends by itself. Raises AssertionError where it hangs.
    """
    process = _processes.Process(target=_die_at, args=(point, when, work))
    process.start()
    process.join(SECONDS)
    status = process.exitcode
    if status is None:
        process.kill()
        process.join()
    assert status in (-signal.SIGKILL, 0), f"{point} {when}: {status}"
    return status != 0


def _die_at(point: str, when: str, work: Callable[[], object]) -> None:
    path, _, name = point.rpartition("." if "." in point.partition(":")[2] else ":")
    place = pkgutil.resolve_name(path)
    original = getattr(place, name)

    def die(*given: Any, **named: Any) -> None:
        if when == "after":
            original(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, die)
    with suppress(BaseException):
        work()
    os._exit(0)
