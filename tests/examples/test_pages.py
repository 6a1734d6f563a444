"""The pages of docs/ about the examples: what they tell to type is what there is."""

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from service.cli import app
from tests.integration.watching import records
from tests.servers.ollama import MODEL
from tests.servers.process import RunningServer
from tests.servers.recorder import PROJECT

DOCS = PROJECT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


@pytest.mark.long
def test_the_commands_of_the_web_page_ask_a_real_model_and_are_recorded(recorder: RunningServer) -> None:
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", page("web-front-end.md"), re.DOTALL) if "curl" in block]
    answers = []
    for block in blocks:
        command = block.replace("http://localhost:8080", recorder.url).replace("llama3.2", MODEL)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=True)
        answers.append(done.stdout)
    whole, streamed = answers
    said = [json.loads(kept.row.line) for kept in records(recorder.log.parent, 2)]
    assert json.loads(whole) == {"text": said[0]["response_text"], "model": MODEL, "exchange": said[0]["exchange"]}
    assert streamed == said[1]["response_text"]
    assert [one["failed"] for one in said] == [False, False]


@pytest.mark.long
def test_the_pages_name_every_command_and_every_part_of_the_programs() -> None:
    chat = (PROJECT / "examples" / "chat.py").read_text()
    told = page("terminal-chat.md")
    assert all(f"`{word}" in told or f", {word}" in told for word in re.findall(r"^/(?:\w+)", chat, re.MULTILINE))
    for program, name in (("chat.py", "terminal-chat.md"), ("openai_client.py", "openai-sdk.md")):
        command = [sys.executable, str(PROJECT / "examples" / program), "--help"]
        help_text = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        for option in re.findall(r"--[a-z][a-z-]+", page(name)):
            assert option in help_text
    parts = re.findall(r"^\| `(\w+)` \|", page("openai-sdk.md"), re.MULTILINE)
    assert f"{', '.join(parts)}" in " ".join(help_text.split())


def test_the_options_of_measure_are_those_that_its_page_names() -> None:
    help_text = CliRunner().invoke(app, ["measure", "--help"], env={"COLUMNS": "200"}).stdout
    options = set(re.findall(r"--[a-z]+", page("cpu-and-gpu.md").replace("--by model", "")))
    assert options >= {"--cpu", "--gpu", "--runs", "--context", "--json", "--markdown", "--url"}
    assert all(option in help_text for option in options)


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (PROJECT / "README.md").read_text()
    reached = set(re.findall(r"docs/([a-z-]+\.md)", readme))
    assert {path.name for path in DOCS.glob("*.md")} - reached == set()
