"""``list`` and ``search``, on the files, with and without an index."""

import json
import stat
from pathlib import Path

import pytest

from service.search.index import INDEX
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep
from tests.journal.given import identifier


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_newest_come_first_and_the_limit_is_kept(run: Run, folder: Path) -> None:
    keep(folder, *(chat(number, f"prompt {number}") for number in range(1, 8)))
    listed = run("list", "--limit", "3", "--json")
    assert [entry["prompt"] for entry in lines(listed.stdout)] == ["prompt 7", "prompt 6", "prompt 5"]
    assert listed.stderr == ""
    shown = run("list", "--limit", "3").stdout.splitlines()
    assert len(shown) == 3
    assert "prompt 7 → Because." in shown[0]
    assert len(run("list", "--limit", "1000").stdout.splitlines()) == 7


def test_a_journal_without_an_index_gets_one_and_filters_work(run: Run, folder: Path) -> None:
    keep(folder, chat(1, model="phi4"), chat(2, model="tiny"), chat(3, model="phi4", status=500))
    assert not (folder / INDEX).exists()
    found = lines(run("list", "--model", "phi4", "--no-failed", "--json").stdout)
    assert [entry["number"] for entry in found] == [1]
    assert stat.S_IMODE((folder / INDEX).stat().st_mode) == 0o600
    keep(folder, chat(4, model="phi4"))
    assert [entry["number"] for entry in lines(run("list", "--model", "phi4", "--json").stdout)] == [4, 3, 1]


def test_words_are_found_in_prompts_and_answers(run: Run, folder: Path) -> None:
    keep(folder, chat(1, "the red house"), chat(2, "a house", "is red, not blue"), chat(3, "blue"))

    def found(*words: str) -> list[object]:
        return [entry["number"] for entry in lines(run("search", *words, "--json").stdout)]

    assert found("red", "house") == [2, 1]
    assert found('"red house"') == [1]
    assert found("hous*", "--before", "2") == [1]
    assert found("house -blue") == [1]


def test_the_digits_that_are_listed_name_an_exchange_in_a_filter_too(run: Run, folder: Path) -> None:
    keep(folder, *(chat(number, id=identifier(begin << 120)) for number, begin in enumerate((0x1A, 0x1B, 0x2F))))

    def found(*words: str) -> list[object]:
        options = [word for each in words for word in ("--exchange", each)]
        return [entry["exchange"] for entry in lines(run("list", *options, "--json").stdout)]

    assert found("2F") == found(" 2f") == found(identifier(0x2F << 120)) == [identifier(0x2F << 120)]
    assert len(found("1a", identifier(0x2F << 120))) == 2
    assert len(found("")) == 3
    several = run("erase", "--exchange", "1", "--yes")
    assert (several.exit_code, "beginning of several" in several.stderr) == (1, True)
    assert run("erase", "--exchange", "1a", "--yes").stdout.startswith("Erased 1 exchange.")


def test_a_malformed_search_is_one_sentence(run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    done = run("search", '"open')
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "no closing quotation mark" in done.stderr


def test_that_nothing_matches_is_said_to_people_and_not_to_programs(run: Run, folder: Path) -> None:
    keep(folder)
    assert run("list").stderr == "The journal is empty.\n"
    keep(folder, chat(1))
    done = run("list", "--model", "nobody")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "Nothing matches.\n")
    assert run("list", "--model", "nobody", "--json").output == ""
    for place in (["--before", "1"], ["--after", "9"]):
        assert run("list", *place).stderr == run("stats", *place).stderr == "Nothing matches.\n"


@pytest.mark.parametrize("words", [["list"], ["list", "--failed"], ["search", "x"], ["stats"], ["export", "csv"]])
def test_without_a_journal_it_says_so_and_makes_nothing(words: list[str], run: Run, folder: Path) -> None:
    done = run(*words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no journal" in done.stderr
    assert not folder.exists()


def test_what_was_recorded_is_text_and_nothing_else(run: Run, folder: Path) -> None:
    keep(folder, chat(1, HOSTILE, HOSTILE, model=HOSTILE, caller={"workflow": HOSTILE, "node": HOSTILE}))
    (line,) = run("list").stdout.splitlines()
    assert line.isprintable()
    assert "[bold]not markup[/bold] :smile:" in line
