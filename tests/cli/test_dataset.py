"""``dataset``: a folder that Hugging Face's ``datasets`` loads as it is."""

import json
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from service.exports import dataset as written
from service.record.exchange import EncodedRecord
from service.record.line import make_record
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep
from tests.journal.given import ended, opened
from tests.servers.process import require

LOAD = """
import json, sys
from datasets import load_dataset
loaded = load_dataset(sys.argv[1])
print(json.dumps({name: [row for row in rows] for name, rows in loaded.items()}))
"""


def with_tools(number: int, tool: str, arguments: dict[str, Any]) -> EncodedRecord:
    """A chat in which ``tool`` was offered and called, and answered after its result."""
    parameters = {"type": "object", "properties": {name: {"type": "string"} for name in arguments}}
    call = {"function": {"name": tool, "arguments": arguments}}
    asked = {
        "model": "tiny",
        "messages": [
            {"role": "user", "content": f"use {tool} for {number}"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_name": tool, "content": "42"},
        ],
        "tools": [{"type": "function", "function": {"name": tool, "parameters": parameters}}],
    }
    said = {"model": "tiny", "message": {"role": "assistant", "content": "It is 42."}, "done": True}
    said |= {"done_reason": "stop", "prompt_eval_count": 61}
    request, response = json.dumps(asked).encode(), json.dumps(said).encode()
    exchange = ended(number, request, response)._replace(opened=opened(number, request))
    return make_record(exchange, context_length_of=lambda call: 32_768, mask=False)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def records(folder: Path) -> None:
    """Three hundred conversations, the last of them with tools whose arguments have nothing in common."""
    keep(
        folder,
        *(chat(number, f"question {number}", f"answer {number}" * (number % 5 + 1)) for number in range(1, 291)),
        *(with_tools(number, f"tool{number % 3}", {f"argument{number % 3}": "x"}) for number in range(291, 301)),
    )


@pytest.mark.usefixtures("records")
def test_the_loader_of_hugging_face_takes_the_folder_as_it_is(run: Run, tmp_path: Path) -> None:
    python = require("clients", "run make servers") / "bin" / "python"
    done = run("dataset", str(tmp_path / "set"), "--validation", "0.2")
    assert done.exit_code == 0, done.stderr
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}
    command = [str(python), "-c", LOAD, str(tmp_path / "set")]
    loaded = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert loaded.returncode == 0, loaded.stderr
    found = json.loads(loaded.stdout)
    assert found.keys() == {"train", "validation"}
    assert len(found["train"]) + len(found["validation"]) == 300
    assert 30 <= len(found["validation"]) <= 90
    for name, rows in found.items():
        for row, line in zip(rows, lines(tmp_path / "set" / f"{name}.jsonl"), strict=True):
            bare = [{key: value for key, value in message.items() if value is not None} for message in row["messages"]]
            assert bare == line["messages"]
            assert row["tools"] == line["tools"]
    called = next(row for rows in found.values() for row in rows if row["tools"])
    assert json.loads(called["tools"])[0]["function"]["parameters"]["properties"]
    assert list(json.loads(called["messages"][1]["tool_calls"][0]["function"]["arguments"])) in (
        ["argument0"],
        ["argument1"],
        ["argument2"],
    )


def test_no_part_of_a_conversation_stands_on_the_other_side(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder, *(chat(number, f"question {number % 20}", f"answer {number}") for number in range(1, 201)))
    assert run("dataset", str(tmp_path / "set"), "--validation", "0.5").exit_code == 0
    sides = [
        {line["messages"][0]["content"] for line in lines(tmp_path / "set" / name)}
        for name in ("train.jsonl", "validation.jsonl")
    ]
    assert all(sides)
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 20


@pytest.mark.usefixtures("records")
def test_filters_choose_and_the_card_says_what_was_chosen_and_left_out(run: Run, tmp_path: Path) -> None:
    options = ("--workflow", "Invoices", "--min-characters", "15", "--to", "2100-01-01", "--validation", "0")
    done = run("dataset", str(tmp_path / "set"), *options)
    assert done.exit_code == 0
    card = (tmp_path / "set" / "README.md").read_text()
    chosen = lines(tmp_path / "set" / "train.jsonl")
    assert 0 < len(chosen) < 290
    assert all(len(line["messages"][-1]["content"]) >= 15 for line in chosen)
    assert f"| examples for train | {len(chosen)} |" in card
    assert f"| too short | {290 - len(chosen)} |" in card
    assert "workflow=Invoices" in card
    assert not (tmp_path / "set" / "validation.jsonl").exists()
    assert "only train.jsonl was written" in done.stderr


@pytest.mark.usefixtures("records")
def test_only_its_owner_may_read_it(run: Run, tmp_path: Path) -> None:
    assert run("dataset", str(tmp_path / "deep" / "set")).exit_code == 0
    place = tmp_path / "deep" / "set"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "train.jsonl", "validation.jsonl"]


@pytest.mark.usefixtures("records")
def test_what_is_there_is_replaced_only_if_it_is_a_data_set_and_that_is_wanted(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "set"
    assert run("dataset", str(place), "--validation", "0.5").exit_code == 0
    refused = run("dataset", str(place))
    assert (refused.exit_code, "--force replaces it" in refused.stderr) == (2, True)
    assert run("dataset", str(place), "--force", "--validation", "0").exit_code == 0
    assert not (place / "validation.jsonl").exists()
    (place / "thesis.txt").write_text("three years")
    refused = run("dataset", str(place), "--force")
    assert (refused.exit_code, "thesis.txt" in refused.stderr) == (2, True)
    assert (place / "thesis.txt").read_text() == "three years"


@pytest.mark.usefixtures("records")
def test_broken_off_it_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(written, "side_of", fail)
    before = set(tmp_path.iterdir())
    assert run("dataset", str(tmp_path / "set")).exit_code != 0
    assert set(tmp_path.iterdir()) == before


def test_without_any_conversation_it_says_why_and_writes_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder, chat(1, answer=""))
    done = run("dataset", str(tmp_path / "set"))
    assert done.exit_code == 1
    assert "No conversation was found to learn from; left out: 1 no answer." in done.stderr
    assert not (tmp_path / "set").exists()


def test_a_place_that_is_a_file_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder, chat(1))
    (tmp_path / "set").write_text("mine")
    assert run("dataset", str(tmp_path / "set")).exit_code == 1
    assert (tmp_path / "set").read_text() == "mine"


def test_hostile_texts_break_neither_the_lines_nor_the_card(run: Run, folder: Path, tmp_path: Path) -> None:
    model = "a|b\n| ```<script>[x](y)"
    keep(folder, *(chat(number, f"{HOSTILE} {number}", HOSTILE, model=model) for number in range(1, 5)))
    assert run("dataset", str(tmp_path / "set"), "--validation", "0").exit_code == 0
    assert len(lines(tmp_path / "set" / "train.jsonl")) == 4
    card = (tmp_path / "set" / "README.md").read_text()
    (row,) = (line for line in card.splitlines() if "script" in line)
    assert row.count("|") == 3
    assert "<" not in row
    assert "`" not in row


@pytest.mark.usefixtures("records")
def test_a_link_to_a_folder_is_followed_and_the_working_folder_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for more in ((), ("--force",)):
        assert run("dataset", str(tmp_path / "link"), *more).exit_code == 0
    assert (tmp_path / "real" / "train.jsonl").is_file()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    refused = run("dataset", ".")
    assert (refused.exit_code, "where you are" in refused.stderr) == (2, True)


@pytest.mark.usefixtures("records")
def test_what_somebody_puts_there_meanwhile_stays(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "set"
    assert run("dataset", str(place)).exit_code == 0
    drawn = written.side_of

    def put(*arguments: Any) -> str:
        (place / "thesis.txt").write_text("three years")
        return drawn(*arguments)

    monkeypatch.setattr(written, "side_of", put)
    assert run("dataset", str(place), "--force").exit_code == 2
    assert sorted(path.name for path in place.iterdir()) == [
        "README.md",
        "thesis.txt",
        "train.jsonl",
        "validation.jsonl",
    ]


@pytest.mark.usefixtures("records")
def test_when_the_new_one_cannot_take_its_place_the_older_one_stays(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "set"
    assert run("dataset", str(place)).exit_code == 0
    older = (place / "train.jsonl").read_bytes()
    rename = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".part":
            raise PermissionError(1, "not permitted")
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    assert run("dataset", str(place), "--force", "--validation", "0").exit_code == 1
    assert (place / "train.jsonl").read_bytes() == older
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".set")] == []


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_ended_leaves_no_prompts_behind(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(written, "side_of", lambda *_: os.kill(os.getpid(), number))
    before = set(tmp_path.iterdir())
    assert run("dataset", str(tmp_path / "set")).exit_code == 128 + number
    assert set(tmp_path.iterdir()) == before


def test_one_conversation_is_not_several(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder, chat(1))
    done = run("dataset", str(tmp_path / "set"), "--validation", "0")
    assert "1 conversation for training, 0 for validation" in done.stderr
