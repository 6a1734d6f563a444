"""The command in this process, with nothing of this process's settings."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import app
from service.settings import TABLE
from tests.cli.answering import Answering, answering

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """DATA_DIR of ``run``."""
    return tmp_path / "data"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """``run("list", "--json", input=None)``: exit code and output of the command."""
    for variable in TABLE.values():
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(folder))
    monkeypatch.setenv("LISTEN", "127.0.0.1:1")
    # A command that logs does so until its process ends.
    for name in ("handlers", "level"):
        monkeypatch.setattr(logging.getLogger(), name, getattr(logging.getLogger(), name))

    def invoke(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(app, list(words), input=input)

    return invoke


@pytest.fixture
def answers() -> Iterator[Callable[..., Answering]]:
    """``answers({"/path": body})``: a server of this test, until its end."""
    with ExitStack() as started:
        yield lambda *arguments, **named: started.enter_context(answering(*arguments, **named))
