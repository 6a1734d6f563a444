"""The backup of docs/deploy.md, taken while exchanges go on, and restored by the command beside it."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.journal.check import check
from tests.fakes.ollama import FakeOllama
from tests.integration.watching import call, records, started
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long

DEPLOY = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
DOCUMENTED = re.compile(r"^ollama-recorder ((?:backup|restore) /backup/journal\.sqlite3)\b", re.MULTILINE)


def run_as_documented(command: str, folder: Path, copy: Path) -> str:
    """What the documented command prints, with ``copy`` for the file that it names."""
    words = [str(copy) if word == "/backup/journal.sqlite3" else word for word in shlex.split(command)]
    environment = {**os.environ, "DATA_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "service", *words], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


async def test_a_backup_of_a_running_recorder_is_whole_and_can_be_gone_on_with(
    start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> None:
    back_up, restore = DOCUMENTED.findall(DEPLOY)
    copy, restored = tmp_path / "journal.backup", tmp_path / "restored"
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, OLLAMA_URL=ollama.url)

        async def ask(times: int) -> None:
            for _ in range(times):
                await asyncio.to_thread(call, recorder, "/api/ollama/api/tags")

        await ask(100)
        asking = asyncio.create_task(ask(100))
        await asyncio.to_thread(run_as_documented, back_up, tmp_path / "recorder" / "data", copy)
        await asking
        await asyncio.to_thread(recorder.stop)
        told = await asyncio.to_thread(run_as_documented, restore, restored / "data", copy)
        report = await asyncio.to_thread(check, restored / "data")
        assert not report.problems
        assert 100 <= report.records <= 200
        assert told == f"{report.records} records are in the journal now. Start the recorder.\n"
        again = await started(start_recorder, folder=restored, OLLAMA_URL=ollama.url)
        await asyncio.to_thread(call, again, "/api/ollama/api/tags")
        kept = await asyncio.to_thread(records, restored, report.records + 1)
        assert len({one.row.number for one in kept}) == report.records + 1
