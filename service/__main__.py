"""``python -m service``, and the installed ``ollama-recorder``: what has to be told before anything is loaded."""

import sys
from types import TracebackType


def start() -> None:
    """Run the command that the arguments name."""
    sys.excepthook = _tell_error
    if sys.platform == "win32":
        sys.exit(
            "ollama-recorder runs on Linux and macOS: it locks files in ways that Windows does not have. On Windows,"
            " run it in WSL or in Docker."
        )
    from service.cli import main

    main()


def _tell_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while modules are still being loaded ends the process without a word."""
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, trace)


if __name__ == "__main__":
    start()
