"""Files that settings name, read again."""

import hashlib
from pathlib import Path

import pytest

from service.reloading import read_files_again, read_policy, reloads_of_keys
from service.settings import SettingsError, read_settings


def line(key: str) -> str:
    return f"somebody {hashlib.sha256(key.encode()).hexdigest()}\n"


async def test_new_keys_are_taken_whole_and_a_file_with_a_mistake_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(line("first"))
    settings = read_settings({"API_KEYS_FILE": str(file)})
    taken: list[dict[str, str]] = []
    reloads = reloads_of_keys(settings, taken.append)

    file.write_text(line("second"))
    refused: set[str] = set()
    await read_files_again(reloads, refused)
    assert taken == [{hashlib.sha256(b"second").hexdigest(): "somebody"}]

    for content in ("", "no key\n", line("third") + "half a li"):
        file.write_text(content)
        await read_files_again(reloads, refused)
        assert (len(taken), refused) == (1, {"API_KEYS_FILE"})
    file.unlink()
    await read_files_again(reloads, refused)
    assert (len(taken), refused) == (1, {"API_KEYS_FILE"})
    file.write_text(line("third"))
    await read_files_again(reloads, refused)
    assert (len(taken), refused) == (2, set())


def test_without_a_file_nothing_is_read_again_and_a_wrong_one_stops_the_start(tmp_path: Path) -> None:
    settings = read_settings({})
    assert reloads_of_keys(settings, list[dict[str, str]]().append) == []
    assert read_policy(settings).keys is None
    (tmp_path / "keys").write_text("n8n 123\n")
    with pytest.raises(SettingsError, match="API_KEYS_FILE"):
        read_policy(read_settings({"API_KEYS_FILE": str(tmp_path / "keys")}))
