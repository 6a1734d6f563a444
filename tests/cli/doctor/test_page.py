"""docs/troubleshooting.md says what doctor says, and its commands can be given."""

import shlex
import time
from pathlib import Path

import pytest

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from tests.cli.conftest import Run
from tests.cli.doctor.given_traffic import call, happened
from tests.cli.doctor.page import PAGE, blocks, chapters, compared
from tests.cli.doctor.place import Place
from tests.cli.doctor.situations import SITUATIONS

SIGNS = {Severity.NOTE: "·", Severity.ADVICE: "!", Severity.PROBLEM: "✗"}


def printed() -> list[tuple[str, str]]:
    """(chapter, sentence of doctor) in the order of the page."""
    return [
        (name, line)
        for name, text in chapters().items()
        for block in blocks("text", text)
        for line in block.splitlines()
    ]


def test_every_finding_has_its_chapter_and_every_chapter_says_whether_doctor_finds_it() -> None:
    claiming = {name for name, _ in printed()}
    assert claiming == {entry.value for entry in Chapter}
    silent = {name: text for name, text in chapters().items() if name not in claiming}
    assert silent
    assert [name for name, text in silent.items() if "doctor cannot see" not in text] == []
    assert len(chapters()) == PAGE.read_text().count("\n## "), "two chapters have the same heading"


def test_what_doctor_is_said_to_say_is_what_it_says(place: Place, tmp_path: Path) -> None:
    said: dict[str, set[str]] = {}
    for number, situation in enumerate(SITUATIONS):
        folder = tmp_path / str(number) / "data"
        folder.parent.mkdir()
        with pytest.MonkeyPatch.context() as patched:
            here = Place(
                lambda folder=folder, **more: place.settings(DATA_DIR=str(folder), **more),
                place.answers,
                folder,
                patched,
            )
            found: list[CheckResult] = situation.make(here)
        said.setdefault(situation.entry, set()).update(
            compared(f"{SIGNS[one.state]} {one.text}") for one in found if one.entry is situation.entry
        )
    assert [line for name, line in printed() if compared(line) not in said[name]] == []


def test_every_command_of_the_page_can_be_given(run: Run, folder: Path) -> None:
    happened(folder, [call(1, ago=60, prompt_truncated=True)])
    commands = [line for text in [PAGE.read_text()] for block in blocks("sh", text) for line in block.splitlines()]
    assert len(commands) > 8
    began = time.monotonic()
    for command in dict.fromkeys(commands):
        program, *words = shlex.split(command)
        assert program == "ollama-recorder"
        done = run(*words)
        # Without a recorder there is always something for doctor to say.
        assert done.exit_code == (1 if words == ["doctor"] else 0), f"{command}: {done.stderr}"
    assert time.monotonic() - began < 20
