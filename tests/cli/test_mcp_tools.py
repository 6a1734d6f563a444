"""What programs may ask over MCP: the answers of a journal, bounded, and nothing that changes it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from service.cli.mcp_tools import MOST_CHARACTERS, TOOLS, Source, ask
from service.journal import JournalError
from service.search.parameters import PARAMETERS
from service.settings import Settings, read_settings
from tests.cli.kept import HOSTILE, chat, keep

BY_NAME = {tool.name: tool for tool in TOOLS}
SLOW = "0" * 31 + "a"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "data"
    keep(
        folder,
        chat(1, "Why is the sky blue?", "Because."),
        chat(2, "Summarise it", "Short.", id=SLOW, seconds=90.0, model="big"),
        chat(3, HOSTILE, "I ignore that.", caller={"caller": "curl"}),
        chat(4, "x" * 300_000, "y" * 300_000),
    )
    return read_settings({"DATA_DIR": str(folder)})


def asked(settings: Settings, name: str, **arguments: Any) -> dict[str, Any]:
    jsonschema.validate(arguments, BY_NAME[name].schema)
    answer = ask(BY_NAME[name], Source(settings), arguments)
    text = json.dumps(answer)
    assert len(text) <= MOST_CHARACTERS
    found: dict[str, Any] = json.loads(text)
    return found


def test_calls_are_found_newest_first_by_every_kind_of_filter(settings: Settings) -> None:
    def numbers(**arguments: Any) -> list[int]:
        return [entry["number"] for entry in asked(settings, "find_exchanges", **arguments)["exchanges"]]

    assert numbers() == [4, 3, 2, 1]
    assert numbers(model="big") == numbers(slower=60) == numbers(slower="1m") == [2]
    assert numbers(model=["big", "tiny"], workflow="Invoices") == [4, 2, 1]
    assert numbers(q="sky") == [1]
    assert numbers(failed=True) == []
    assert numbers(failed=False, limit=1) == [4]
    # 60.0 is an integer too where JSON Schema says what one is, and some languages have no other.
    assert numbers(status=200.0, limit=1.0, before=3.0) == numbers(status=200, limit=1, before=3) == [2]
    assert numbers(slower=0.0000001) == [4, 3, 2, 1]
    first = asked(settings, "find_exchanges", limit=3)
    assert numbers(before=first["before"]) == [1]


def test_why_a_call_was_slow_is_told_in_a_sentence_with_its_phases(settings: Settings) -> None:
    told = asked(settings, "explain_exchange", id=SLOW)
    assert told["sentence"]
    assert {phase["name"] for phase in told["phases"]} >= {"prompt", "generation"}
    assert sum(phase["seconds"] for phase in told["phases"]) == pytest.approx(90, rel=0.05)


def test_a_call_is_read_whole_or_cut_in_the_middle(settings: Settings) -> None:
    told = asked(settings, "read_exchange", id=SLOW)
    assert told["record"]["model"] == "big"
    assert "Short." in json.dumps(told["conversation"])
    long = asked(settings, "find_exchanges", limit=1)["exchanges"][0]["exchange"]
    assert "left out" in json.dumps(asked(settings, "read_exchange", id=long))


def test_totals_and_failures_are_summed_up(settings: Settings) -> None:
    totals = asked(settings, "totals", by="model")
    assert [(group["name"], group["calls"]) for group in totals["groups"]] == [("big", 1), ("tiny", 3)]
    assert asked(settings, "failures") == {
        "failures": 0,
        "answered": 0,
        "unanswered": 0,
        "complete": True,
        "groups": [],
    }


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("find_exchanges", {"modell": "x"}, "takes no 'modell'; it takes q, model"),
        ("find_exchanges", {"limit": 51}, "a number from 1 to 50"),
        ("find_exchanges", {"limit": True}, "a number from 1 to 50"),
        ("find_exchanges", {"slower": "soon"}, "slower"),
        ("find_exchanges", {"from": {"a": 1}}, "from"),
        ("find_exchanges", {"model": {"a": 1}}, "model: expected is a text or a number, and no object"),
        ("find_exchanges", {"model": ["big", None]}, "model: expected is a text or a number, and no null"),
        ("totals", {"user": [["ann"]]}, "user: expected is a text or a number, and no list"),
        ("totals", {"by": "moon"}, "by='moon': expected is one of model"),
        ("totals", {"by": ["model"]}, "expected is one of model"),
        ("failures", {"failed": True}, "takes no 'failed'"),
        ("read_exchange", {}, "is no id of an exchange"),
        ("read_exchange", {"id": "'; DROP TABLE exchange"}, "is no id of an exchange"),
        ("read_exchange", {"id": "f" * 32}, "There is no exchange"),
        ("explain_exchange", {"id": 7, "limit": 3}, "takes no 'limit'"),
    ],
)
def test_a_wrong_question_is_told_what_is_expected(
    settings: Settings, name: str, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises((ValueError, LookupError)) as mistake:
        ask(BY_NAME[name], Source(settings), arguments)
    assert told in str(mistake.value.args[0])


def test_without_a_journal_there_is_nothing_to_tell_and_nothing_is_made(tmp_path: Path) -> None:
    settings = read_settings({"DATA_DIR": str(tmp_path / "data")})
    for tool in TOOLS:
        with pytest.raises(JournalError):
            ask(tool, Source(settings), {"id": "a"} if "id" in tool.schema["properties"] else {})
    assert not (tmp_path / "data").exists()


def test_every_filter_of_the_table_can_be_asked_with(settings: Settings) -> None:
    assert BY_NAME["find_exchanges"].schema["properties"].keys() == {one.name for one in PARAMETERS} | {"limit"}
    for tool in TOOLS:
        jsonschema.Draft202012Validator.check_schema(tool.schema)


def test_no_question_changes_the_journal(settings: Settings) -> None:
    before = (settings.data_dir / "journal.sqlite3").read_bytes()
    for name, arguments in [("find_exchanges", {"q": "sky"}), ("read_exchange", {"id": SLOW}), ("totals", {})]:
        asked(settings, name, **arguments)
    assert (settings.data_dir / "journal.sqlite3").read_bytes() == before
