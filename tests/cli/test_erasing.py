"""``erase``: looked at, asked, and gone to the byte; by the recorder when one runs, from the files when none does."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from service import event_log
from tests.cli.answering import Answering
from tests.cli.conftest import Run
from tests.cli.kept import chat, keep
from tests.integration.watching import call, records
from tests.journal.given import bytes_kept, identifier, kept_ids
from tests.servers.process import RunningServer

SECRET = "correcthorsebatterystaple"


def test_from_the_files_not_a_byte_stays_and_all_else_does(run: Run, folder: Path) -> None:
    keep(folder, *(chat(number, f"{SECRET} {number}" if number % 5 == 0 else "harmless") for number in range(1, 101)))
    run("list", "--q", SECRET)
    assert SECRET.encode() in bytes_kept(folder)
    done = run("erase", "--q", SECRET, "--yes")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "Erased 20 exchanges.")
    assert SECRET.encode() not in bytes_kept(folder)
    assert kept_ids(folder) == [number for number in range(1, 101) if number % 5]
    assert len(run("list", "--limit", "100", "--q", "harmless", "--json").stdout.splitlines()) == 80


def test_who_erased_what_is_an_event_without_a_recorder_too(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "_last_logged", {})
    keep(folder, chat(1))
    done = run("erase", "--model", "tiny", "--yes")
    event = next(json.loads(line) for line in done.stderr.splitlines() if line.startswith("{"))
    assert (event["event"], event["count"], event["by"]) == ("RecordsErased", 1, "command line")


@pytest.mark.parametrize("said", ["n\n", "\n", ""])
def test_nothing_is_erased_unless_yes_is_said(said: str, run: Run, folder: Path) -> None:
    keep(folder, *map(chat, range(1, 6)))
    done = run("erase", "--model", "tiny", input=said)
    assert done.exit_code == 1
    assert "5 exchanges match." in done.stderr
    # It was asked of no terminal, as in a job of cron.
    assert "Nothing was erased; --yes does it without asking." in done.stderr
    assert len(kept_ids(folder)) == 5
    assert run("erase", "--model", "tiny", input="y\n").exit_code == 0
    assert kept_ids(folder) == []


@pytest.mark.parametrize("words", [["--user", ""], ["--user=", "--workflow", ""], ["--user", "", "--before", "3"]])
def test_an_empty_name_alone_erases_nothing_unasked(words: list[str], run: Run, folder: Path) -> None:
    keep(folder, *map(chat, range(1, 4)))
    refused = run("erase", *words, "--yes")
    assert (refused.exit_code, "An empty name" in refused.stderr) == (2, True)
    assert len(kept_ids(folder)) == 3
    assert run("erase", "--user", "", "--model", "gone", "--yes").exit_code == 0
    assert run("erase", "--user", "", input="y\n").exit_code == 0
    assert kept_ids(folder) == []


def test_everything_is_erased_only_when_that_is_said(run: Run, folder: Path) -> None:
    keep(folder, *map(chat, range(1, 4)))
    for words in (["erase"], ["erase", "--yes"], ["erase", "--yes", "--before", "3"]):
        refused = run(*words)
        assert (refused.exit_code, "--all" in refused.stderr) == (2, True)
        assert "not --before or --after alone" in refused.stderr
    assert json.loads(run("erase", "--all", "--yes", "--before", "3", "--json").stdout)["erased"] == 2
    assert kept_ids(folder) == [3]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "1 exchange was under way when the recorder was killed."),
        (2, "2 exchanges match.\n1 more was under way when the recorder was killed."),
    ],
)
def test_everything_is_also_what_a_crash_left(count: int, said: str, run: Run, folder: Path) -> None:
    keep(folder, *map(chat, range(1, count + 1)), chat(count + 1, model="gone"))
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("INSERT INTO open_exchange VALUES ('a', '{}', ?, '')", (SECRET.encode(),))
    assert run("erase", "--model", "gone", "--yes").exit_code == 0
    assert SECRET.encode() in bytes_kept(folder)
    done = run("erase", "--all", input="y\n")
    assert said in done.stderr
    assert ("match" in done.stderr) is (count > 0)
    assert done.exit_code == 0
    assert f"Erased {count + 1} exchange" in done.stdout
    assert SECRET.encode() not in bytes_kept(folder)


def test_what_matches_nothing_erases_nothing(run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    done = run("erase", "--model", "nobody")
    assert (done.exit_code, done.stderr) == (0, "Nothing matches: nothing was erased.\n")
    assert json.loads(run("erase", "--model", "nobody", "--json").stdout)["erased"] == 0


def test_loki_is_asked_for_what_is_erased(
    run: Run, folder: Path, answers: Callable[..., Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    loki = answers({"/loki/api/v1/delete": b""})
    monkeypatch.setenv("LOKI_URL", loki.url)
    monkeypatch.setenv("LOKI_TENANT", "us")
    keep(folder, chat(1))
    assert "Loki was asked" in run("erase", "--model", "tiny", "--yes").stdout
    assert {asked.method for asked in loki.asked} == {"POST"}
    assert all(identifier(1) in asked.target and asked.headers["X-Scope-OrgID"] == "us" for asked in loki.asked)


def test_requests_that_loki_did_not_take_are_shown(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKI_URL", "http://127.0.0.1:1")
    keep(folder, chat(1))
    shown = run("erase", "--model", "tiny", "--yes").stdout
    assert "could not be asked" in shown
    assert "  POST /loki/api/v1/delete?query=" in shown


def test_a_recorder_that_runs_does_it(
    run: Run, start_recorder: Callable[..., RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL="http://127.0.0.1:1")
    folder = recorder.log.parent
    for name in ("one", "two", "one"):
        call(recorder, f"/api/ollama/~caller={name}/api/chat", {"model": "tiny", "messages": [{"content": SECRET}]})
    records(folder, 3)
    monkeypatch.setenv("DATA_DIR", str(folder / "data"))
    elsewhere = run("erase", "--caller", "one", "--yes")
    assert (elsewhere.exit_code, "--url" in elsewhere.stderr) == (1, True)
    done = run("erase", "--caller", "one", "--yes", "--url", recorder.url)
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "Erased 2 exchanges.")
    (left,) = records(folder, 1)
    assert json.loads(left.row.line)["caller"] == "two"
    assert '"event":"RecordsErased"' in recorder.log_text()


def test_a_recorder_of_another_journal_is_not_asked_to_erase(
    run: Run,
    tmp_path: Path,
    start_recorder: Callable[..., RunningServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = start_recorder(ready="/healthz", folder=tmp_path / "ours", OLLAMA_URL="http://127.0.0.1:1")
    theirs = start_recorder(ready="/healthz", folder=tmp_path / "theirs", OLLAMA_URL="http://127.0.0.1:1")
    for recorder in (ours, theirs):
        call(recorder, "/api/ollama/api/tags")
        records(recorder.log.parent, 1)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "ours" / "data"))
    refused = run("erase", "--all", "--yes", "--url", theirs.url)
    assert (refused.exit_code, "another journal" in refused.stderr) == (1, True)
    assert len(records(tmp_path / "theirs", 1)) == 1


def test_all_recorders_are_erased_from_by_the_one_that_runs(run: Run, answers: Callable[..., Answering]) -> None:
    look = {
        "count": 3,
        "filter": [["model", "tiny"], ["to", "2026-11-29T12:00:00Z"]],
        "loki": True,
        "recorders": [
            {"name": "office", "count": 2},
            {"name": "attic", "in_loki": 1, "trouble": "PEERS does not say where attic is."},
        ],
    }
    done = {
        "erased": 2,
        "is_overwritten": True,
        "loki": {"asked": True, "requests": [], "why": "Loki was asked."},
        "notes": ["PEERS does not say where attic is."],
        "recorders": [{"name": "office", "erased": 2}, {"name": "garage", "erased": 4}],
    }
    recorder = answers({"/erasing.json": look, "/exchanges": done})
    words = ("erase", "--store", "loki", "--model", "tiny", "--url", recorder.url)
    refused = run(*words, input="n\n")
    assert (refused.exit_code, "attic: 1 in Loki only. PEERS" in refused.stderr) == (1, True)
    erased = run(*words, "--yes")
    assert (erased.exit_code, erased.stdout.splitlines()[0]) == (0, "Erased 6 exchanges.")
    assert "attic" in erased.stdout
    assert [(one.method, one.target) for one in recorder.asked][-2:] == [
        ("GET", "/erasing.json?model=tiny&store=loki"),
        ("DELETE", "/exchanges?model=tiny&to=2026-11-29T12%3A00%3A00Z&store=loki&count=3"),
    ]
    nothing = answers({"/erasing.json": look | {"count": 0}})
    assert "Nothing matches" in run(*words[:-1], nothing.url, "--yes").stderr
