"""What ``.env.example`` says, from the table of settings: ``make settings`` writes it, a test compares."""

import sys
import textwrap

from service.settings import TABLE

HEAD = """\
# Settings of Ollama Recorder. Copy this file to .env and take the # off the lines that you change.
# Read by docker compose and by make run. Values with spaces, $ or # go in 'single quotes'.
#
# docker compose itself sets LISTEN and DATA_DIR, and has other defaults for two:
#   OLLAMA_URL=http://host.docker.internal:11434   the Ollama of this machine, seen from a container
#   LOKI_URL=http://loki:3100                      the Loki of the stack
"""


def text() -> str:
    """The whole file: each variable with its default, commented out, below what it means."""
    parts = [HEAD]
    for variable in TABLE.values():
        meaning = textwrap.wrap(variable.meaning, 110, initial_indent="# ", subsequent_indent="# ")
        parts.append("\n".join([*meaning, f"#{variable.name}={variable.default}", ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(text())
