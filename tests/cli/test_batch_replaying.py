"""``replay-all`` and ``replays``, through a recorder that runs."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.cli.batch_replaying import both
from service.record.record import Record
from tests.cli.conftest import Run
from tests.integration.watching import SECONDS, call, records
from tests.servers.process import RunningServer, running
from tests.servers.recorder import PROJECT


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[RunningServer]:
    """The stand-in for Ollama as a process."""

    def command(port: int) -> list[str | Path]:
        return [sys.executable, "-m", "tests.fakes.ollama", "--port", str(port)]

    environment = {"PYTHONPATH": str(PROJECT)}
    with running(command, folder=tmp_path / "ollama", ready="/api/version", environment=environment) as server:
        yield server


def test_what_the_filters_find_is_sent_again_and_shown_as_a_table(
    run: Run, start_recorder: Callable[..., RunningServer], scripted: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=scripted.url)
    folder = recorder.log.parent
    for word in ("Why?", "How?", "Who?"):
        asked = {"model": "tiny", "messages": [{"role": "user", "content": word}]}
        call(recorder, "/api/ollama/api/chat", asked)
    records(folder, 3)
    monkeypatch.setenv("LISTEN", f"127.0.0.1:{recorder.port}")
    # Filters find what is in the index, which comes a moment later.
    until = time.monotonic() + SECONDS
    while len(call(recorder, "/exchanges.json?model=tiny").json()["exchanges"]) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    done = run("replay-all", "--model", "tiny", "--limit", "2", "--new-model", "big", "--option", "temperature=0")
    assert done.exit_code == 0, done.output
    assert "2 of 2 prompts got a new answer." in done.stdout
    assert "Who?" in done.stdout
    assert "Why?" not in done.stdout, "the newest"
    new = [Record(kept.row.line) for kept in records(folder, 5)[-2:]]
    assert [record.model for record in new] == ["big", "big"]
    assert all(record.replay_of and record.caller == "batch replay" for record in new)

    listed = run("replays").stdout
    assert "  2 prompts with big, temperature 0\n" in listed
    batch = listed.split()[0]
    assert batch in done.stderr
    told = json.loads(run("replays", batch, "--json").stdout)
    assert told["changes"] == {"model": "big", "options": {"temperature": 0}}
    assert '"Who?"' in run("replays", batch, "--csv").stdout
    assert "2 of 2" in run("replays", batch).stdout


@pytest.mark.parametrize(
    ("value", "text"), [(2676.4, "2,676"), (231.0, "231"), (99.94, "99.9"), (0.2818, "0.282"), (5, "5"), (None, "–")]
)
def test_numbers_are_written_as_people_write_them(value: float | None, text: str) -> None:
    row = {"old": {"speed": value}, "new": {}}
    assert both(row, "speed") == f"{text} → –"


def test_what_cannot_be_done_is_told(
    run: Run, start_recorder: Callable[..., RunningServer], scripted: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=scripted.url)
    monkeypatch.setenv("LISTEN", f"127.0.0.1:{recorder.port}")
    nothing = run("replay-all", "--workflow", "nobody")
    assert (nothing.exit_code, "No prompt that can be sent again" in nothing.stderr) == (1, True)
    assert run("replay-all", "--limit", "501").exit_code == 2
    assert "There is none yet" in run("replays").stderr
    for words in (("replays", "0123456789abcdef"), ("replays", "0123456789abcdef", "--csv")):
        done = run(*words)
        assert (done.exit_code, "There is no such batch" in done.stderr) == (1, True), words


@pytest.mark.parametrize("batch", ["a b", "../x", "?x", "0" * 15, "\x1b[2J"])
def test_what_is_no_id_of_a_batch_is_told(batch: str, run: Run) -> None:
    told = run("replays", batch)
    assert (told.exit_code, "is no id of a batch" in told.stderr, "\x1b" in told.stderr) == (2, True, False)
