"""``compare``: any two exchanges side by side."""

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.kept import chat, keep
from tests.journal.given import identifier


def test_what_was_asked_and_answered_differently_is_shown(run: Run, folder: Path) -> None:
    keep(folder, chat(1, "Why?", "It is red."), chat(2, "Why?", "It is blue.", model="big"))
    done = run("compare", identifier(1), identifier(2))
    assert done.exit_code == 0, done.output
    assert "The model is big; in the first it was tiny." in done.stdout
    assert "first and second answer:" in done.stdout
    assert "blue" in done.stdout
    told = json.loads(run("compare", identifier(1), identifier(2), "--json").stdout)
    assert [change["kind"] for change in told["changes"]] == ["model_changed"]
    assert ["new", "blue"] in told["difference"]


def test_what_is_not_there_is_told(run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    for words in (("compare", identifier(1), "ffff"), ("compare", "xyz", identifier(1)), ("compare", identifier(1))):
        done = run(*words)
        assert done.exit_code != 0
        assert done.stderr
