"""``python -m service`` is ``ollama-recorder``."""

import sys
from types import TracebackType


def _tell_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while modules are still being loaded ends the process without a word."""
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, trace)


if __name__ == "__main__":
    sys.excepthook = _tell_error

from service.cli import main  # noqa: E402 - Ctrl-C may come while it is loaded

main()
