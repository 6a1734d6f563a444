"""The backup of docs/deploy.md, taken while exchanges go on, and restored."""

import asyncio
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from service.journal.check import check
from tests.fakes.ollama import FakeOllama
from tests.integration.watching import call, records, started
from tests.servers.process import RunningServer, require

DOCUMENTED = re.compile(r"^sqlite3 (-readonly) /var/lib/ollama-recorder/journal.sqlite3 \"(.*)\"$", re.MULTILINE)


async def test_a_backup_of_a_running_recorder_is_whole_and_can_be_gone_on_with(
    start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> None:
    program = require("sqlite3", "apt-get install sqlite3")
    flag, statement = DOCUMENTED.findall((Path(__file__).parents[2] / "docs" / "deploy.md").read_text())[0]
    restored = tmp_path / "restored"
    (restored / "data").mkdir(parents=True)
    copy = restored / "data" / "journal.sqlite3"
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, OLLAMA_URL=ollama.url)

        async def ask(times: int) -> None:
            for _ in range(times):
                await asyncio.to_thread(call, recorder, "/api/ollama/api/tags")

        await ask(100)
        asking = asyncio.create_task(ask(100))
        command = [program, flag, tmp_path / "recorder/data/journal.sqlite3"]
        command.append(statement.replace("/backup/journal.sqlite3", str(copy)))
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
        await asking
        await asyncio.to_thread(recorder.stop)
        report = await asyncio.to_thread(check, copy.parent)
        assert not report.problems
        assert 100 <= report.records <= 200
        again = await started(start_recorder, folder=restored, OLLAMA_URL=ollama.url)
        await asyncio.to_thread(call, again, "/api/ollama/api/tags")
        kept = await asyncio.to_thread(records, restored, report.records + 1)
        assert len({one.row.number for one in kept}) == report.records + 1
