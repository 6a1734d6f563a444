"""A command loads what it needs. What is heavy stays away: it would be most of the time until the first line."""

import contextlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from service.cli import app
from service.cli.command_line import LazyGroup
from tests.cli.kept import chat, keep
from tests.journal.given import identifier

# Each takes from 10 to 200 ms of a command that takes 100.
HEAVY = {
    *("aiohttp", "asyncio", "uvloop", "opentelemetry", "google", "prometheus_client", "pydantic", "typer"),
    *(
        "backports",
        "httptools",
        "hashlib",
        "tempfile",
        "statistics",
        "pickle",
        "http.client",
        "email",
        "ssl",
        "logging",
    ),
}
# Of ours: what records that nobody asks for need, and what only the recorder itself does.
OURS = {
    *("service.events", "service.app", "service.gateway", "service.inspector", "service.shipping"),
    *("service.search.indexing", "service.search.search", "service.search.totals", "service.record.findings"),
}
_TELL = """
import atexit, json, sys
atexit.register(lambda: sys.stderr.write("\\n" + json.dumps(sorted(sys.modules))))
from service.__main__ import start
sys.argv = ["ollama-recorder", *sys.argv[1:]]
start()
"""


def loaded(*words: str, folder: Path, **environment: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", _TELL, *words],
        cwd=Path(__file__).parents[2],
        env={"DATA_DIR": str(folder), "LISTEN": "127.0.0.1:1", "PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def of(names: set[str], modules: set[str]) -> set[str]:
    """Which of ``names``, or what is inside them, are among ``modules``."""
    return {name for name in names if any(one == name or one.startswith(name + ".") for one in modules)}


@pytest.fixture
def kept(folder: Path) -> Path:
    keep(folder, chat(1, "the red house"), chat(2, "a house"))
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["version"],
        ["settings"],
        ["list"],
        ["list", "--limit", "1"],
        ["list", "--before", "2", "--json"],
        ["list", "--help"],
        ["tail", "--help"],
        ["erase", "--help"],
        ["doctor", "--help"],
        ["journal", "--help"],
        ["list", "--no-such-option"],
        ["no-such-command"],
    ],
)
def test_what_is_asked_most_loads_nothing_heavy(words: list[str], kept: Path) -> None:
    modules = loaded(*words, folder=kept)
    assert not of(HEAVY | OURS | {"rich"}, modules)


@pytest.mark.parametrize(
    "words",
    [
        ["search", "house"],
        ["list", "--model", "llama3.2"],
        ["show", identifier(1), "--raw", "request"],
        ["stats"],
        ["stats", "--json"],
        ["failures"],
        ["export", "csv"],
        ["export", "chat.jsonl"],
        ["report"],
        ["health"],
    ],
)
def test_no_command_that_reads_loads_a_server_or_a_validator(words: list[str], kept: Path) -> None:
    modules = loaded(*words, folder=kept)
    assert not of({"aiohttp", "asyncio", "uvloop", "opentelemetry", "pydantic", "typer", "prometheus_client"}, modules)


def test_a_terminals_colours_need_no_library(kept: Path) -> None:
    assert not of(HEAVY | OURS | {"rich"}, loaded("list", folder=kept, FORCE_COLOR="1"))


def test_completion_of_a_command_loads_no_other(kept: Path) -> None:
    asked = {"_OLLAMA_RECORDER_COMPLETE": "bash_complete", "COMP_WORDS": "ollama-recorder li", "COMP_CWORD": "1"}
    modules = loaded(folder=kept, **asked)
    assert not of(HEAVY | OURS | {"rich", "service.cli.listing"}, modules)


def places(group: LazyGroup) -> list[str]:
    return [
        word
        for name, place in group.places.items()
        for word in ([f"{name} {inner}" for inner in places(place)] if isinstance(place, LazyGroup) else [name])
    ]


# What a recorder takes memory for when somebody opens the page, ships, or has alerts posted. aiohttp alone is 12 MB.
LATE = {
    *("aiohttp", "attr", "yarl", "opentelemetry", "google", "mcp", "pydantic", "rich", "re2", "pickle"),
    *("service.inspector_setup", "service.inspector.pages", "service.dispatch", "service.mcp_over_http"),
    *("service.exports", "service.reporting", "service.loki_search", "service.search.search", "service.search.totals"),
    *("service.gateway.generate", "service.gateway.malformed", "service.shipping.sending", "service.alerting"),
    *("service.shipping.spans", "service.shipping.genai", "service.shipping.genai_metrics"),
    *("service.record.findings", "service.record.explanation", "click", "service.cli"),
}


def loaded_by_serve(*paths: str, folder: Path, words: tuple[str, ...] = ("serve",)) -> set[str]:
    """The modules that a recorder with the usual settings has loaded once it has answered these."""
    with subprocess.Popen(
        [sys.executable, "-c", _TELL, *words],
        cwd=Path(__file__).parents[2],
        env={"DATA_DIR": str(folder), "LISTEN": "127.0.0.1:0", "OLLAMA_URL": "http://127.0.0.1:1", "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as serving:
        try:
            assert serving.stdout is not None
            started = next(line for line in map(json.loads, serving.stdout) if line.get("event") == "RecorderStarted")
            for path in paths:
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(started["listen"] + path, timeout=20).close()
            serving.terminate()
            _, told = serving.communicate(timeout=30)
        finally:
            serving.kill()
    assert "Traceback" not in told
    return set(json.loads(told.splitlines()[-1]))


# Ollama is not there: its record is one of a failure, with as much to find out as any.
POLLED = ("/healthz", "/readyz?exclude=ollama", "/metrics", "/api/ollama/api/ps")


def test_a_recorder_that_nobody_looks_at_loads_neither_the_page_nor_aiohttp(folder: Path) -> None:
    assert not of(LATE, loaded_by_serve(*POLLED, folder=folder))


def test_options_of_serve_are_read_by_what_reads_those_of_all_commands(folder: Path) -> None:
    modules = loaded_by_serve("/healthz", folder=folder, words=("serve", "--log-format", "json"))
    assert of(LATE, modules) == {"click", "service.cli"}


@pytest.mark.parametrize("path", ["/", "/exchanges.json"])
def test_the_first_reader_has_them_loaded(path: str, folder: Path) -> None:
    modules = loaded_by_serve(path, folder=folder)
    assert {"aiohttp", "service.inspector.pages", "service.search.search"} <= modules


# `serve` is started once; others talk over HTTP or write files, and may load that at once.
_HEAVY_FOR_HELP = HEAVY - {"http.client", "email", "ssl", "logging", "tempfile"}


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in places(app) if name != "serve"])
def test_each_commands_help_loads_no_heavy_module(name: str, folder: Path) -> None:
    assert not of(_HEAVY_FOR_HELP, loaded(*name.split(), "--help", folder=folder))
