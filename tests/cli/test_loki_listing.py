"""``--store loki``: the exchanges of all recorders, in a terminal."""

import json
from pathlib import Path

import pytest

from service.loki_search.loki_answers import LokiLines
from service.search.filters import Filter
from tests.cli.conftest import Run
from tests.loki_search.everywhere import everywhere


@pytest.mark.long
def test_lists_of_all_recorders_say_whose_each_is(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with everywhere(tmp_path, 5) as stores:
        monkeypatch.setenv("LOKI_URL", stores.loki_url)
        monkeypatch.setenv("RETENTION_DAYS", "4")
        listed = run("list", "--store", "loki", "--limit", "3", "--json")
        entries = [json.loads(line) for line in listed.stdout.splitlines()]
        assert len(entries) == 3
        assert {entry["instance"] for entry in entries} <= {"office", "garage"}
        assert "number" not in entries[0]
        found = run("search", "brulee", "--store", "loki")
        assert found.exit_code == 0
        assert "crème brûlée" in found.stdout
        assert all(line.startswith("office  ") for line in found.stdout.splitlines())
        assert "Nothing matches" in run("search", "nowhere-to-be-found", "--store", "loki").stderr
        assert "one recorder" in run("list", "--store", "loki", "--before", "3").stderr

        counted = json.loads(run("stats", "--store", "loki", "--by", "user", "--json").stdout)
        assert counted["complete"]
        assert "load_made_wait" not in counted
        assert "made_wait" not in counted["groups"][0]
        assert sum(group["calls"] for group in counted["groups"]) == len(stores.in_loki(Filter()))
        assert run("stats", "--store", "loki", "--csv").stdout.lstrip("\ufeff").startswith("name,calls")
        assert "calls" in run("stats", "--store", "loki").stdout
        assert run("stats", "--store", "loki", "--sort", "made_wait").exit_code == 2
        assert "Nothing matches" in run("stats", "--store", "loki", "--user", "nobody").stderr
        exported = run("export", "jsonl", "--store", "loki").stdout.splitlines()
        assert [json.loads(line)["exchange"] for line in exported] == stores.in_loki(Filter())


def test_what_may_lack_something_is_not_said_to_be_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    warned = LokiLines([], 7, ("one ingester is away",))
    monkeypatch.setattr("service.loki_search.all_recorders.ask_for_lines", lambda *_: warned)
    monkeypatch.setenv("LOKI_URL", "http://127.0.0.1:9")
    told = json.loads(run("stats", "--store", "loki", "--json").stdout)
    assert (told["complete"], told["warnings"], "since" in told) == (False, ["one ingester is away"], False)
    assert "one ingester is away" in run("stats", "--store", "loki").stderr
    for words in (("list",), ("search", "x"), ("stats", "--csv"), ("export", "jsonl")):
        asked = run(*words, "--store", "loki")
        assert (asked.exit_code, "one ingester is away" in asked.stderr) == (1, True)


@pytest.mark.long
def test_without_a_loki_it_says_what_to_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (("list",), ("search", "x"), ("stats",), ("export", "jsonl")):
        asked = run(*words, "--store", "loki")
        assert asked.exit_code == 1
        assert "LOKI_URL" in asked.stderr
    monkeypatch.setenv("LOKI_URL", "http://127.0.0.1:9")
    away = run("list", "--store", "loki")
    assert (away.exit_code, "could not be asked" in away.stderr) == (1, True)
