"""``replay``: the prompt once more, through a recorder that runs, and what came out differently."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.cli.replaying import read_options
from service.cli.screen import inert
from tests.cli.answering import Answering, Said
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE
from tests.integration.watching import call, records
from tests.servers.process import RunningServer, running
from tests.servers.recorder import PROJECT

OLD, NEW = "a" * 32, "b" * 32


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[RunningServer]:
    """The stand-in for Ollama as a process."""

    def command(port: int) -> list[str | Path]:
        return [sys.executable, "-m", "tests.fakes.ollama", "--port", str(port)]

    environment = {"PYTHONPATH": str(PROJECT)}
    with running(command, folder=tmp_path / "ollama", ready="/api/version", environment=environment) as server:
        yield server


def told(identifier: str, answer: str, **facts: Any) -> dict[str, Any]:
    """``/exchanges/ID.json``."""
    said = {"exchange": identifier, "api": "ollama", "operation": "chat", "response_text": answer, **facts}
    return {"record": said, "summary": {"exchange": identifier}}


def recorder_with(old: dict[str, Any], new: dict[str, Any], replayed: Said) -> dict[str, Any]:
    """What a recorder answers."""
    return {f"/exchanges/{OLD}.json": old, f"/exchanges/{NEW}.json": new, f"/exchanges/{OLD}/replay": replayed}


def test_the_recorder_repeats_it_with_changes_and_the_new_one_says_whose_it_is(
    run: Run, start_recorder: Callable[..., RunningServer], scripted: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=scripted.url)
    folder = recorder.log.parent
    asked = {"model": "tiny", "messages": [{"role": "user", "content": "Why?"}], "options": {"seed": 1}}
    first = call(recorder, "/api/ollama/api/chat", asked).exchange
    records(folder, 1)
    monkeypatch.setenv("DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("LISTEN", f"127.0.0.1:{recorder.port}")
    words = ["--model", "other", "--option", "temperature=0", "--system", "Be brief."]
    done = run("replay", first[:20], *words)
    assert done.exit_code == 0, done.output
    assert "100 % of the words are the same" in done.stdout
    new = records(folder, 2)[-1]
    said, body = json.loads(new.row.line), json.loads(new.request)
    assert said["replay_of"] == first
    assert body["model"] == "other"
    assert body["options"] == {"seed": 1, "temperature": 0}
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert done.stdout.startswith(inert(said["response_text"], keeps_lines=True))
    report = json.loads(run("replay", first, "--json").stdout)
    assert (report["status"], report["likeness"], report["old"]["exchange"]) == (200, 1.0, first)
    assert report["new"]["replay_of"] == first


def test_both_answers_are_compared_with_their_times(run: Run, answers: Callable[..., Answering]) -> None:
    stream = b'{"message": {"content": "It was "}}\n{"message": {"content": "red."}, "done": true}\n'
    replayed = Said(stream, 200, {"Content-Type": "application/x-ndjson", "X-Exchange-Id": NEW})
    old = told(OLD, "It is red.", model="tiny", request_time=41.0, completion_tokens=4)
    new = told(NEW, "It was red.", model="phi4", request_time=2.5, completion_tokens=5)
    server = answers(recorder_with(old, new, replayed))
    done = run("replay", OLD, "--url", server.url)
    assert done.exit_code == 0
    assert done.stdout.startswith("It was red.\n")
    assert "It [-is-]{+was+} red." in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["seconds", "41s", "2.5s"] in lines
    assert ["model", "tiny", "phi4"] in lines
    assert json.loads(server.asked[1].body) == {}


def test_the_times_of_both_are_those_of_their_phases(run: Run, answers: Callable[..., Answering]) -> None:
    def measured(identifier: str, wait: float) -> dict[str, Any]:
        phases = [{"name": "wait", "seconds": wait}, {"name": "generation", "seconds": 0.2}]
        recorded = told(identifier, "Yes.", request_time=0.3, wait_time=0.01, prompt_time=0.0, generation_time=0.2)
        return recorded | {"explanation": {"phases": phases}}

    sent_slowly = measured(OLD, 0.093)
    sent_slowly["record"]["upload_time"] = 3.0
    replayed = Said({"done": True}, headers={"X-Exchange-Id": NEW})
    server = answers(recorder_with(sent_slowly, measured(NEW, 0.075), replayed))
    lines = [line.split() for line in run("replay", OLD, "--url", server.url).stdout.splitlines()]
    assert ["sending", "3.0s", "–"] in lines
    assert ["waiting", "93ms", "75ms"] in lines
    assert ["generating", "200ms", "200ms"] in lines
    assert not [line for line in lines if line[:1] == ["prompt"]]


def test_answers_without_words_are_not_called_the_same(run: Run, answers: Callable[..., Answering]) -> None:
    replayed = Said({"embeddings": [[0.1]]}, headers={"X-Exchange-Id": NEW})
    server = answers(recorder_with(told(OLD, ""), told(NEW, ""), replayed))
    shown = run("replay", OLD, "--url", server.url).stdout
    assert "neither answer has words" in shown
    assert "%" not in shown


@pytest.mark.parametrize(
    ("old", "new", "told_so"),
    [
        (told(OLD, "Yes."), told(NEW, "", failed=True, error="model 'x' not found"), "the new call failed"),
        (told(OLD, "", failed=True, error="gone"), told(NEW, "Yes."), "the old call failed"),
        (told(OLD, "", failed=True, error="a"), told(NEW, "", failed=True, error="a"), "both calls failed"),
    ],
)
def test_an_error_is_not_compared_as_if_it_was_an_answer(
    old: dict[str, Any], new: dict[str, Any], told_so: str, run: Run, answers: Callable[..., Answering]
) -> None:
    server = answers(recorder_with(old, new, Said({"done": True}, headers={"X-Exchange-Id": NEW})))
    shown = run("replay", OLD, "--url", server.url).stdout
    assert told_so in shown
    assert "%" not in shown


def test_what_had_come_before_a_failure_is_compared(run: Run, answers: Callable[..., Answering]) -> None:
    new = told(NEW, "Yes, bec", failed=True, error="broke off")
    server = answers(recorder_with(told(OLD, "Yes."), new, Said({"done": True}, headers={"X-Exchange-Id": NEW})))
    assert "of the words are the same" in run("replay", OLD, "--url", server.url).stdout


def calling(city: str, identifier: str) -> str:
    """``tool_calls`` of a record."""
    function = {"name": "get_weather", "arguments": {"city": city}}
    return json.dumps([{"id": identifier, "function": function}], separators=(",", ":"))


@pytest.mark.parametrize("text", [" ", "I look it up." * 99])
def test_what_tools_are_called_for_is_a_part_of_both_answers(
    text: str, run: Run, answers: Callable[..., Answering]
) -> None:
    old, new = (told(OLD, text, tool_calls=calling(city, city)) for city in ("Oslo", "Bergen"))
    server = answers(recorder_with(old, new, Said({"done": True}, headers={"X-Exchange-Id": NEW})))
    shown = run("replay", OLD, "--url", server.url).stdout
    assert 'get_weather({"city":"[-Oslo-]{+Bergen+}"})' in shown.replace("\n", "")
    assert "100 %" not in shown
    report = json.loads(run("replay", OLD, "--url", server.url, "--json").stdout)
    assert [piece for piece in report["difference"] if piece[0] != "same"] == [["gone", "Oslo"], ["new", "Bergen"]]


def test_the_same_call_under_another_id_is_the_same(run: Run, answers: Callable[..., Answering]) -> None:
    old, new = (told(OLD, text, tool_calls=calling("Oslo", text)) for text in ("", "\n"))
    server = answers(recorder_with(old, new, Said({"done": True}, headers={"X-Exchange-Id": NEW})))
    shown = run("replay", OLD, "--url", server.url).stdout
    assert "100 % of the words are the same" in shown
    assert 'get_weather({"city":"Oslo"})' in shown


@pytest.mark.parametrize(
    ("replayed", "sentence"),
    [
        (Said({"error": "INSPECTOR_REPLAY is off."}, 403), "INSPECTOR_REPLAY is off."),
        (Said({"error": "The request was not kept whole."}, 409), "not kept whole"),
        (Said({"error": "model not found"}, 404, {"X-Exchange-Id": NEW}), "model not found"),
        (Said(b"half", 200, {"X-Exchange-Id": NEW}, is_cut=True), "broke off"),
        (Said(b"", 502), "answers 502"),
    ],
)
def test_a_failure_is_told_and_is_exit_code_1(
    replayed: Said, sentence: str, run: Run, answers: Callable[..., Answering]
) -> None:
    old, new = told(OLD, "yes"), told(NEW, "")
    server = answers(recorder_with(old, new, replayed))
    done = run("replay", OLD, "--url", server.url)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.output


def test_an_answer_is_text_to_the_terminal(run: Run, answers: Callable[..., Answering]) -> None:
    stream = json.dumps({"response": HOSTILE}).encode() + b"\n"
    replayed = Said(stream, 200, {"Content-Type": "application/x-ndjson", "X-Exchange-Id": NEW})
    old, new = told(OLD, HOSTILE, model=HOSTILE), told(NEW, HOSTILE + "x", model=HOSTILE)
    server = answers(recorder_with(old, new, replayed))
    shown = run("replay", OLD, "--url", server.url).stdout
    assert all(line.isprintable() for line in shown.splitlines())


def test_options_are_json_where_they_can_be() -> None:
    assert read_options(["temperature=0", "stop=a=b", 'stop2=["x"]', "n=1.5"]) == {
        "temperature": 0,
        "stop": "a=b",
        "stop2": ["x"],
        "n": 1.5,
    }


@pytest.mark.parametrize("word", ["temperature", "=1", ""])
def test_an_option_without_name_or_value_is_a_mistake(word: str, run: Run) -> None:
    done = run("replay", OLD, "--option", word)
    assert done.exit_code == 2
    assert "NAME=VALUE" in done.stderr
