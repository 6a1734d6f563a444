"""Where the journal is when nobody says: none is lost from sight, and nothing is made in a strange folder."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.data_folder import default_data_dir
from service.journal.folder import JOURNAL
from service.settings import read_settings
from tests.servers.recorder import PROJECT

HOME = {"HOME": "/home/ada"}
OWN = "/home/ada/.local/share/ollama-recorder"


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        (HOME, "linux", OWN),
        (HOME | {"XDG_DATA_HOME": ""}, "linux", OWN),
        (HOME | {"XDG_DATA_HOME": "share"}, "linux", OWN),
        (HOME | {"XDG_DATA_HOME": "~/share"}, "linux", OWN),
        (HOME | {"XDG_DATA_HOME": "/srv/share"}, "linux", "/srv/share/ollama-recorder"),
        ({"XDG_DATA_HOME": "/srv/share"}, "linux", "/srv/share/ollama-recorder"),
        (HOME | {"XDG_DATA_HOME": "/srv/share"}, "darwin", "/home/ada/Library/Application Support/ollama-recorder"),
        ({}, "linux", "data"),
        ({"HOME": ""}, "linux", "data"),
        ({"HOME": "ada"}, "darwin", "data"),
    ],
)
def test_outside_a_checkout_it_is_the_users_own_folder(
    environment: Mapping[str, str], platform: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_data_dir(environment, platform) == Path(expected)


def test_in_the_checkout_it_is_data_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    assert default_data_dir(HOME) == Path("data")


def test_a_journal_that_is_here_is_gone_on_with_and_another_programs_data_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert default_data_dir(HOME) == Path(OWN)
    (tmp_path / "data" / JOURNAL).touch()
    assert default_data_dir(HOME) == Path("data")


def test_what_is_set_counts_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(HOME).data_dir == Path(OWN)
    assert read_settings(HOME | {"DATA_DIR": " "}).data_dir == Path(OWN)
    assert read_settings(HOME | {"DATA_DIR": "here"}).data_dir == Path("here")


def test_the_command_shows_which_folder_it_is(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "HOME": str(tmp_path)}
    words = [sys.executable, "-m", "service", "settings"]
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert f"DATA_DIR={tmp_path}/.local/share/ollama-recorder\n" in ran.stdout
    assert not (tmp_path / ".local").exists()
