"""``stats``: what many exchanges add up to."""

import json
from pathlib import Path

import pytest

from service.cli import stats
from service.search import totals
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep


def test_calls_failures_and_durations_are_told_for_each_name(run: Run, folder: Path) -> None:
    keep(folder, *(chat(number, seconds=number) for number in range(1, 11)), chat(11, model="phi4", status=500))
    told = json.loads(run("stats", "--json").stdout)
    tiny, phi = told["groups"]
    assert told["by"] == "model"
    assert (tiny["name"], tiny["calls"], tiny["failed"], tiny["p50"], tiny["p95"]) == ("tiny", 10, 0, 5.0, 10.0)
    assert tiny["tokens_in"], tiny["tokens_out"] == (270, 400)
    assert (phi["calls"], phi["failed"]) == (1, 1)
    shown = run("stats").stdout
    assert "11 calls, 1 failed" in shown
    assert "1 (100 %)" in shown


@pytest.mark.parametrize(("by", "name"), [("workflow", "Invoices"), ("node", "Summarise"), ("operation", "chat")])
def test_it_counts_by_what_is_asked(by: str, name: str, run: Run, folder: Path) -> None:
    keep(folder, chat(1), chat(2))
    (group,) = json.loads(run("stats", "--by", by, "--json").stdout)["groups"]
    assert (group["name"], group["calls"]) == (name, 2)


def test_what_calls_waited_while_a_model_was_loaded_has_a_line_of_its_own(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    keep(folder, chat(1, seconds=200.0))
    assert json.loads(run("stats", "--json").stdout)["load_made_wait"] == 20.0
    (line,) = [line for line in run("stats").stdout.splitlines() if "a model was loaded" in line]
    assert line.split() == ["a", "model", "was", "loaded", "20", "s"]


def test_energy_says_of_how_many_calls_a_meter_told(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    keep(folder, chat(1, energy=20.0), chat(2, energy=21.0), chat(3), chat(4, model="phi4", energy=7.0))
    shown = run("stats").stdout
    assert "41 J of 2\n" in shown
    assert "7.0 J\n" in shown


def test_the_words_of_its_options_are_those_of_the_index() -> None:
    assert tuple(stats.By) == totals.STATS_FIELDS
    assert {*stats.Sort} == {*totals.GROUP_COLUMNS} - {"total_share", "model_share", "rate_median", "energy_calls"}


def test_it_counts_what_a_filter_lets_through_and_says_when_that_is_nothing(run: Run, folder: Path) -> None:
    keep(folder, chat(1), chat(2, model="phi4"))
    assert len(json.loads(run("stats", "--model", "phi4", "--json").stdout)["groups"]) == 1
    nothing = run("stats", "--model", "nobody")
    assert (nothing.exit_code, nothing.stderr) == (0, "Nothing matches.\n")
    assert run("stats", "--by", "colour").exit_code == 2


def test_names_are_text_and_fit_a_narrow_terminal(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(folder, chat(1, model=HOSTILE), chat(2, model="m" * 200))
    monkeypatch.setenv("COLUMNS", "60")
    shown = run("stats").stdout
    assert all(line.isprintable() for line in shown.splitlines())


def test_that_not_all_names_are_counted_is_said(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(folder, chat(1), chat(2, model="phi4"), chat(3, model="phi4"))
    assert "Only" not in run("stats").stderr
    monkeypatch.setattr(totals, "MOST_GROUPS", 2)
    assert "Only the 2 names with the most calls are shown and counted." in run("stats").stderr
