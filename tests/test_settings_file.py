"""A file that a setting names is read again when it changes; a mistake in it is told, and the old rules stay."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from service import settings_file
from service.reloading import read_files_again
from service.settings_file import SettingsFile
from service.sharing.limits import Rules, read_rules
from tests.running_app import get, running, until

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


@pytest.mark.parametrize(
    ("variable", "content"),
    [
        ("LIMITS_FILE", ONE),
        ("MASK_FILE", '[[mask]]\nname = "project"\nregex = "Falcon"\n'),
        ("READERS_FILE", f'[reader."Ann"]\ntoken_sha256 = "{"a" * 64}"\n'),
        ("API_KEYS_FILE", f"ann {'a' * 64}\n"),
    ],
)
async def test_a_file_that_is_gone_or_wrong_is_named_in_readyz_until_it_is_right(
    variable: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_file, "LOOK_SECONDS", 0.02)
    path = tmp_path / "file"
    path.write_text(content)
    environment: dict[str, Any] = {variable: str(path)}
    async with running(tmp_path / "data", **environment) as app:

        async def degraded() -> Any:
            # What SIGHUP does; all but the keys are looked at without it.
            await read_files_again(app.reloads, app.refused_files)
            return json.loads((await get(app, "/readyz")).body)["degraded"].get(variable, "")

        async def is_told() -> bool:
            return "stays in use" in await degraded()

        async def is_well() -> bool:
            return not await degraded()

        assert await is_well()
        path.unlink()
        await until(is_told)
        path.write_text(content)
        await until(is_well)
        path.write_text("[secret words")
        await until(is_told)
        assert "secret" not in await degraded()
        path.write_text(content + "\n")
        await until(is_well)
