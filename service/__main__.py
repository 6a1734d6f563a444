"""``python -m service``, and the installed ``ollama-recorder``: what has to be told before anything is loaded."""

import os
import sys
from types import TracebackType
from typing import Final

_STREAMS: Final = ("stdin", "stdout", "stderr")


def start() -> None:
    """Run the command that the arguments name."""
    _open_missing_streams()
    sys.excepthook = _tell_error
    if sys.platform == "win32":
        sys.exit(
            "ollama-recorder runs on Linux and macOS: it locks files in ways that Windows does not have. On Windows,"
            " run it in WSL or in Docker."
        )
    if sys.argv[1:] == ["serve"]:
        # As services and containers start it: what reads options would stay in memory, and is not loaded.
        from service.guarded_command import run_guarded
        from service.serve_process import run

        run_guarded(run)
        return
    from service.cli import main

    main()


def _open_missing_streams() -> None:
    """Whoever is started without a standard stream gets the null device there.

    Else a connection takes its number, and libuv, which uvloop is made of, ends the process for that.
    """
    for number, name in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # It takes the lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115 - for as long as the process lives


def _tell_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while modules are still being loaded ends the process without a word."""
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, trace)


if __name__ == "__main__":
    start()
