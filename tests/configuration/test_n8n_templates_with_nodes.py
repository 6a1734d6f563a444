"""The templates with our nodes: written by their program, complete, and free of what only HTTP Request nodes need."""

import json
import re
from pathlib import Path

import pytest

from n8n.use_our_nodes import PACKAGE
from n8n.with_nodes import CREDENTIAL, workflows, written

SHIPPED = Path(__file__).parents[2] / "n8n"
FOLDER = SHIPPED / "workflows-with-nodes"
WORKFLOWS = workflows()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_committed_template_is_what_its_program_writes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == written(WORKFLOWS[name]), "run make written"


def test_every_template_has_a_second_form() -> None:
    first = {path.name for path in (SHIPPED / "workflows").iterdir()}
    assert {path.name for path in FOLDER.iterdir()} == WORKFLOWS.keys()
    assert WORKFLOWS.keys() - first == {"compare-over-a-sheet.json", "failures-by-mail.json"}
    assert first <= WORKFLOWS.keys()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_template_calls_by_our_nodes_only_with_the_shipped_credential(name: str) -> None:
    text = json.dumps(WORKFLOWS[name])
    ours = [node for node in WORKFLOWS[name]["nodes"] if node["type"].startswith(f"{PACKAGE}.")]
    assert ours
    assert [node["credentials"] for node in ours] == [{"ollamaRecorderApi": CREDENTIAL}] * len(ours)
    left = (
        "httpRequest",
        "lmChatOllama",
        "X-N8N-",
        "nginx",
        "/api/ollama",
        "eval_count",
        "json.response",
        "duration",
        "reads whole answers",
        "Base URL",
        "through the recorder*",
        "GET /api",
        "no headers",
    )
    assert not [word for word in left if word in text]
    (credential,) = json.loads((SHIPPED / "credentials-with-nodes.json").read_text())
    assert {name: credential[name] for name in CREDENTIAL} == CREDENTIAL


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_connection_of_a_template_leads_from_a_node_to_a_node(name: str) -> None:
    names = {node["name"] for node in WORKFLOWS[name]["nodes"]}
    assert len(names) == len(WORKFLOWS[name]["nodes"])
    assert len({node["id"] for node in WORKFLOWS[name]["nodes"]}) == len(names)
    for source, kinds in WORKFLOWS[name]["connections"].items():
        assert source in names
        assert {end["node"] for outputs in kinds.values() for ends in outputs for end in ends} <= names


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_note_names_only_nodes_that_are_there(name: str) -> None:
    nodes = {node["name"]: node for node in WORKFLOWS[name]["nodes"]}
    notes = [node["parameters"]["content"] for node in nodes.values() if node["type"].endswith("stickyNote")]
    named = {found for note in notes for found in re.findall(r"\*\*?([A-Z][^*]+)\*", note)}
    others = {"The address", "one item", "Tool", "Ollama Recorder", "Settings" if "Settings" in nodes else ""}
    assert notes
    assert named <= nodes.keys() | others, named - nodes.keys()
