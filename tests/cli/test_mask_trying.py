"""``mask --try``: what masks leave of a text, without a recorder."""

from pathlib import Path

from tests.cli.conftest import Run


def test_a_text_is_shown_as_the_packs_leave_it(run: Run) -> None:
    told = run("mask", "--pack", "email,card", "--try", '{"m": "joe\\u0040example.org", "n": 4111111111111111}')
    assert told.exit_code == 0
    assert told.stdout == '{"m": "***", "n": "***"}\n'
    assert told.stderr == "email: 1 hit\ncard: 1 hit\n"


def test_the_masks_of_a_file_say_where_they_are_not_for(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "masks.toml"
    file.write_text('[[pack]]\nname = "email"\nwhere = ["answers"]\n[[pack]]\nname = "iban"\n')
    told = run("mask", "--file", str(file), "--try", "joe@example.org")
    assert told.stdout == "joe@example.org\n"
    assert told.stderr == "email: not for prompts\niban: 0 hits\n"
    assert run("mask", "--file", str(file), "--where", "answers", "--try", "joe@example.org").stdout == "***\n"


def test_mistakes_say_what_to_do(run: Run, tmp_path: Path) -> None:
    assert "There are no masks" in run("mask", "--try", "a").stderr
    assert "expected one of email, iban" in run("mask", "--pack", "emails", "--try", "a").stderr
    told = run("mask", "--file", str(tmp_path / "none"), "--try", "a")
    assert told.exit_code == 2
    assert "it cannot be read" in told.stderr
