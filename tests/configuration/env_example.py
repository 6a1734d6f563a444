"""What ``.env.example`` says, from the table of settings: ``make written`` writes it, a test compares."""

import textwrap
from dataclasses import dataclass

from service.settings import TABLE

HEAD = """\
# Settings of Ollama Recorder. make up writes a .env with random passwords; add what you change from here to it.
# Without Docker, copy this file to .env and take the # off the lines that you change.
# Read by docker compose and by make run. Values with spaces, $ or # go in 'single quotes'.
#
# docker compose itself sets LISTEN and DATA_DIR, and has other defaults for four:
#   OLLAMA_URL=http://host.docker.internal:11434    the Ollama of this machine, seen from a container
#   LOKI_URL=http://loki:3100                       the Loki of the stack
#   OTEL_EXPORTER_OTLP_ENDPOINT=http://tempo:4318   the Tempo of the stack
#   ALLOWED_HOSTS=recorder                          by which Prometheus calls; yours are added
# RETENTION_DAYS has to be whole days there: Loki, Tempo and Prometheus keep theirs as long.
"""
FOR_THE_STACK = """\
# ---- For docker compose only -------------------------------------------------------------------------------
# There, INSPECTOR_TOKEN is needed as well: Prometheus shows it.
"""


@dataclass(frozen=True, slots=True)
class StackVariable:
    """A variable that docker-compose.yml reads and the recorder does not."""

    name: str
    default: str
    meaning: str


STACK_VARIABLES = (
    StackVariable(
        "GRAFANA_PASSWORD",
        "",
        "password of Grafana's user admin, for its very first start; nothing starts without one",
    ),
    StackVariable(
        "COMPOSE_PROFILES",
        "",
        "what else starts, separated by commas: n8n (127.0.0.1:5678), webui (Open WebUI, 127.0.0.1:3001), and for"
        " machines without an Ollama of their own ollama (CPU) or ollama-gpu (NVIDIA), with"
        " OLLAMA_URL=http://ollama:11434",
    ),
    StackVariable(
        "COMPOSE_FILE",
        "docker-compose.yml",
        "docker-compose.yml:docker-compose.amd.yml runs the ollama profile on an AMD card",
    ),
    StackVariable("OLLAMA_MEMORY", "16g", "memory that an Ollama in a container may take"),
    StackVariable("OLLAMA_KEEP_ALIVE", "5m", "how long an Ollama in a container keeps a model loaded"),
)


def text() -> str:
    """The whole file: each variable with its default, commented out, below what it means."""
    parts = [HEAD]
    parts += [_lines(variable.name, variable.default, variable.meaning) for variable in TABLE.values()]
    parts.append(FOR_THE_STACK)
    parts += [_lines(variable.name, variable.default, variable.meaning) for variable in STACK_VARIABLES]
    return "\n".join(parts)


def _lines(name: str, default: str, meaning: str) -> str:
    comment = textwrap.wrap(meaning, 110, initial_indent="# ", subsequent_indent="# ")
    return "\n".join([*comment, f"#{name}={default}", ""])
