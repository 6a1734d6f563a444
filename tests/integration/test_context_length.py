"""How much room a call had and whether its prompt was cut, with a real Ollama."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.asked_ollama import SECONDS, Record, ask, until
from tests.integration.grafana_queries import QUERIES
from tests.servers.loki import Loki
from tests.servers.ollama import Ollama
from tests.servers.process import RunningServer


def test_the_context_length_of_a_call_that_names_none_is_the_loaded_models(recorder: RunningServer) -> None:
    for path, prompt in (
        ("/api/generate", {"prompt": "Bonjour"}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Bonjour"}]}),
    ):
        record = until(lambda path=path, prompt=prompt: ask(recorder, path, prompt), "context_length")  # type: ignore[misc]
        # Ollama loads a model with 4096 unless told otherwise; this one was made for 2048.
        assert record["context_length"] == 2048
        assert record["prompt_truncated"] is False
    long = ask(recorder, "/api/generate", {"prompt": "which one would be made " * 600, "options": {"num_predict": 2}})
    assert (long["prompt_truncated"], long["prompt_truncated_by"]) == (True, "length")


def test_a_length_of_another_moment_is_never_believed(recorder: RunningServer) -> None:
    prompt = {"prompt": "which one would be made over time " * 36, "options": {"num_predict": 2}}
    small = prompt | {"options": {"num_ctx": 256, "num_predict": 2}}
    until(lambda: ask(recorder, "/api/generate", prompt), "context_length")
    for _ in range(2):
        assert ask(recorder, "/api/generate", small)["context_length"] == 256
        found = ask(recorder, "/api/generate", prompt)
        assert found.get("context_length") in (2048, None)
        assert found.get("prompt_truncated") in (False, None)
    ignored = ask(recorder, "/v1/completions", prompt | {"options": {"num_ctx": 64}})
    assert ignored.get("context_length") in (2048, None)
    assert ignored.get("prompt_truncated") in (False, None)
    missing = ask(recorder, "/api/chat", {"model": "none", "messages": [], "options": {"num_ctx": 64}})
    assert "context_length" not in missing


def test_a_second_name_of_the_same_weights_has_the_length_too(ollama: Ollama, recorder: RunningServer) -> None:
    prompt = {"prompt": "Bonjour", "options": {"num_predict": 2}}
    ask(recorder, "/api/generate", prompt)
    ollama.ask("/api/copy", {"source": "tiny", "destination": "second"})
    try:
        found = until(lambda: ask(recorder, "/api/generate", prompt | {"model": "second"}), "context_length")
    finally:
        ollama.remove("second")
    assert found["context_length"] == 2048


@pytest.fixture
def chat() -> Callable[[int], list[dict[str, str]]]:
    def messages(turns: int) -> list[dict[str, str]]:
        said = "which one over time"
        return [
            {"role": "assistant" if number % 2 else "user", "content": f"{number} {said}"}
            for number in range(2 * turns - 1)
        ]

    return messages


def left_out(ollama: Ollama, messages: list[dict[str, str]], num_ctx: int) -> int:
    """How many messages Ollama leaves out, as it shows itself where it is asked to run nothing."""
    asked = {"model": "tiny", "messages": messages, "stream": False, "options": {"num_ctx": num_ctx}}
    shown: str = ollama.ask("/api/chat", asked | {"_debug_render_only": True})["_debug_info"]["rendered_template"]
    return len(messages) - sum(line.startswith(("user: ", "assistant: ")) for line in shown.splitlines())


def outgrown(
    recorder: RunningServer, ollama: Ollama, turns: list[list[dict[str, str]]]
) -> Iterator[tuple[Record, int]]:
    for messages in turns:
        options = {"num_ctx": 1024, "num_predict": 2}
        yield ask(recorder, "/api/chat", {"messages": messages, "options": options}), left_out(ollama, messages, 1024)


@pytest.mark.long
def test_a_chat_of_thirty_turns_that_outgrows_its_context_shows_what_was_left_out(
    ollama: Ollama,
    loki: Loki,
    start_recorder: Callable[..., RunningServer],
    chat: Callable[[int], list[dict[str, str]]],
) -> None:
    recorder = start_recorder(OLLAMA_URL=ollama.url, LOKI_URL=loki.url)
    turns = [chat(count) for count in (*range(1, 25, 6), *range(25, 31))]
    called_cut = 0
    # The vocabulary is fetched once it is needed; the second time everything is known.
    for _ in range(2):
        told = [*outgrown(recorder, ollama, turns)]
        for said, lost in told:
            assert said.get("prompt_truncated") in (lost > 0, None), said
            assert said.get("prompt_lost_messages", 0) <= lost
            called_cut += said.get("prompt_truncated", False)
        time.sleep(1)
    assert sum(lost > 0 for _, lost in told) >= 6
    unknown = [said for said, _ in told if "prompt_truncated" not in said]
    assert len(unknown) <= 1, unknown
    last, lost = told[-1]
    assert (last["prompt_truncated_by"], last["context_length"]) == ("messages", 1024)
    assert lost - 1 <= last["prompt_lost_messages"] <= lost
    assert last["prompt_lost_tokens"] > 50
    shown_everywhere(recorder, last)
    in_loki(loki, last, called_cut)


def in_loki(loki: Loki, last: Record, called_cut: int) -> None:
    """The line, and what the alert counts."""
    [alert] = [query.expr for query in QUERIES if query.place == "alerts" and "prompt_truncated" in query.expr]
    end = time.monotonic() + SECONDS
    # The recorder ships beside the calls.
    while not (counted := loki.query(alert, at=time.time())) or float(counted[0]["value"][1]) < called_cut:
        assert time.monotonic() < end, counted
        time.sleep(0.2)
    assert [(one["metric"]["model"], float(one["value"][1])) for one in counted] == [("tiny", called_cut)]
    now = time.time()
    [found] = loki.query_range(
        f'{{job="nginx", service="ollama"}} | exchange="{last["exchange"]}"', start=now - 600, end=now
    )
    line = json.loads(found["values"][0][1])
    for name in ("prompt_truncated", "prompt_truncated_by", "prompt_lost_messages", "prompt_lost_tokens"):
        assert line[name] == last[name], name


def shown_everywhere(recorder: RunningServer, last: Record) -> None:
    """In the list, in the finding, on the command line and by its filter."""
    lost = last["prompt_lost_messages"]
    with urllib.request.urlopen(f"{recorder.url}/exchanges.json?truncated=true&limit=1", timeout=20) as answer:
        [listed] = json.load(answer)["exchanges"]
    assert (listed["exchange"], listed["prompt_lost_messages"]) == (last["exchange"], lost)
    read = f"{last['prompt_tokens']:,} tokens were read, and there was room for 1,024"
    sentence = f"59 messages were sent, {read}: Ollama left out at least the oldest {lost} messages"
    for words in (("show", last["exchange"]), ("list", "--truncated")):
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(recorder.log.parent / "data"), "COLUMNS": "300"}
        command = [sys.executable, "-m", "service", *words]
        done = subprocess.run(
            command,
            env=environment,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        if words[0] == "show":
            assert sentence in done.stdout
            assert f"messages lost, at least {lost} " in " ".join(done.stdout.split()) + " "
        else:
            assert last["exchange"][:12] in done.stdout


def test_the_same_chat_with_room_is_shown_to_be_read_whole(
    ollama: Ollama, recorder: RunningServer, chat: Callable[[int], list[dict[str, str]]]
) -> None:
    for count in (1, 15, 30):
        asked = {"messages": chat(count), "options": {"num_ctx": 2048, "num_predict": 2}}
        said = until(lambda asked=asked: ask(recorder, "/api/chat", asked), "prompt_truncated")  # type: ignore[misc]
        assert (said["prompt_truncated"], said["context_length"]) == (False, 2048)
        assert left_out(ollama, chat(count), 2048) == 0
