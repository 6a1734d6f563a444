"""``show --rendered``: what the running recorder tells of the prompt that a model got."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.answering import Said, answering
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep

FOUND = {"prompt": "user: c", "whole_characters": 30, "messages": 3, "left_out": [0], "context_length": 1024}


def shown(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, *words: str) -> Any:
    """The command on a journal with one exchange, beside a recorder that gives this ``answer``."""
    record = chat(1, HOSTILE)
    keep(folder, record)
    with answering({f"/exchanges/{record.id}/rendered": answer}) as recorder:
        done = run("show", record.id[:20], "--rendered", "--url", recorder.url, *words)
        assert [one.method for one in recorder.asked] == ["POST"]
    return done


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "Ollama leaves out 1 of 3 messages, as there is room for 1,024 tokens:"),
        ({"left_out": []}, "Ollama gives the model all of 3 messages; there is room for 1,024 tokens."),
        ({"left_out": None}, "Ollama leaves something out of 3 messages; which cannot be told."),
    ],
)
def test_it_says_what_was_left_out_and_prints_the_text(
    facts: dict[str, Any], sentence: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = shown(run, folder, monkeypatch, FOUND | facts | {"prompt": f"user: c\n{HOSTILE}"})
    assert done.exit_code == 0, done.output
    assert sentence in done.stderr
    assert done.stdout.startswith("user: c\n")
    assert "\x1b" not in done.output


def test_the_words_of_what_was_left_out_are_told(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = shown(run, folder, monkeypatch, FOUND)
    assert "     1  user  " in done.stderr
    # Places that the request has not got are told without words.
    assert "    10  ?" in shown(run, folder, monkeypatch, FOUND | {"left_out": [9]}).stderr


def test_programs_get_json(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(shown(run, folder, monkeypatch, FOUND, "--json").stdout) == FOUND


def test_why_it_cannot_be_looked_at_is_the_recorders_own_sentence(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = shown(run, folder, monkeypatch, Said({"error": "The model is not loaded now."}, 409))
    assert (done.exit_code, "The model is not loaded now." in done.stderr) == (1, True)


def test_the_kept_bytes_are_another_thing(run: Run, folder: Path) -> None:
    done = run("show", "0" * 32, "--rendered", "--raw", "request")
    assert done.exit_code == 2
    assert "leave --rendered out" in done.stderr
