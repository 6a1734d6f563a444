"""A file that a setting names is read again when it changes; a mistake in it is told, and the old rules stay."""

import asyncio
import logging
from pathlib import Path

import pytest

from service import settings_file
from service.settings_file import SettingsFile
from service.sharing.limits import Rules, read_rules
from tests.running_app import until

ONE = '[user."Ann"]\nmax_active = 1\n'
TWO = ONE + '[user."Bob"]\nmax_active = 1\n'


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"[default", "no TOML"), (b"\xff", "it is not UTF-8"), (b"#" * (1 << 21), "longer than 1 MiB")],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "limits.toml").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        SettingsFile("LIMITS_FILE", tmp_path / "limits.toml", read_rules).read()
    with pytest.raises(ValueError, match="cannot be read"):
        SettingsFile("LIMITS_FILE", tmp_path / "none.toml", read_rules).read()


async def test_it_is_read_again_when_it_changes_and_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(settings_file, "LOOK_SECONDS", 0.02)
    path = tmp_path / "limits.toml"
    path.write_text(ONE)
    file, used = SettingsFile("LIMITS_FILE", path, read_rules), list[Rules]()
    file.read()
    watching = asyncio.create_task(file.watch(used.append))

    async def has(count: int) -> bool:
        return len(used) == count

    try:
        with caplog.at_level(logging.INFO):
            path.write_text(TWO)
            await until(lambda: has(1))
            assert len(used[0].tables) == 2
            file.ask()
            await until(lambda: has(2))
            # Away, and wrong: told once each, and nothing changes.
            path.unlink()
            await asyncio.sleep(0.1)
            path.write_text(TWO + "[default")
            await asyncio.sleep(0.1)
            path.write_text(ONE)
            await until(lambda: has(3))
    finally:
        watching.cancel()
    assert [len(rules.tables) for rules in used] == [2, 2, 1]
    assert "A file that a setting names has a mistake in it: what was read from it before stays in use." in caplog.text
