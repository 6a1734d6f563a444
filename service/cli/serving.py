"""``serve`` with its options; without any, ``__main__`` runs the recorder without this."""

from enum import StrEnum
from typing import Annotated

from service.cli.command_line import option
from service.serve_process import run


class LogFormat(StrEnum):
    """How the log is written; without one of these, LOG_FORMAT decides."""

    TEXT = "text"
    JSON = "json"


Format = Annotated[LogFormat | None, option("--log-format", help="Default: LOG_FORMAT.", show_default=False)]


def serve(log_format: Format = None) -> None:
    """Run the recorder until SIGTERM or Ctrl-C. On a terminal it writes a line an exchange, else JSON lines.

    A second signal ends it within a second. SIGHUP ends it on a terminal; as a service it reads
    API_KEYS_FILE, LIMITS_FILE, MASK_FILE and READERS_FILE again.
    """
    run(log_format or "")
