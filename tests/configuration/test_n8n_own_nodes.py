"""n8n's own Ollama nodes in a workflow become ours, and nothing else of it changes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from n8n.use_our_nodes import OURS, PACKAGE, rewritten, summary

PROJECT = Path(__file__).parents[2]
WORKFLOWS = sorted((PROJECT / "n8n" / "workflows").glob("*.json"))
CREDENTIAL = {"id": "7", "name": "Ours"}
CHAT = "@n8n/n8n-nodes-langchain.lmChatOllama"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_only_types_and_credentials_of_ollama_nodes_change(path: Path) -> None:
    before = json.loads(path.read_text())
    after = rewritten(before, CREDENTIAL)
    assert after | {"nodes": 0} == before | {"nodes": 0}
    for old, new in zip(before["nodes"], after["nodes"], strict=True):
        if old["type"] not in OURS:
            assert new == old
            continue
        assert new["type"] == f"n8n-nodes-ollama-recorder.{OURS[old['type']]}"
        assert new["credentials"] == {"ollamaRecorderApi": CREDENTIAL}
        rest = ("type", "typeVersion", "credentials")
        assert {k: v for k, v in new.items() if k not in rest} == {k: v for k, v in old.items() if k not in rest}


def test_a_shipped_template_has_each_kind_that_is_rewritten_into_ours() -> None:
    types = {node["type"] for path in WORKFLOWS for node in json.loads(path.read_text())["nodes"]}
    assert "@n8n/n8n-nodes-langchain.lmChatOllama" in types & OURS.keys()


def a_node(kind: str, version: float = 1, name: str = "A", **parameters: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "typeVersion": version, "parameters": parameters}


def a_workflow(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "W", "nodes": [*nodes], "connections": {}, **more}


def kinds(workflow: dict[str, Any]) -> list[str]:
    return [node["type"].rpartition(".")[2] for node in rewritten(workflow, CREDENTIAL)["nodes"]]


def test_an_expression_in_the_model_and_pinned_data_stay() -> None:
    before = a_workflow(a_node(CHAT, model="={{ $json.model }}", options={"numCtx": 1}), pinData={"A": [{"json": {}}]})
    after = rewritten(before, CREDENTIAL)
    assert after["nodes"][0]["parameters"] == before["nodes"][0]["parameters"]
    assert after["pinData"] == before["pinData"]
    assert rewritten(after, CREDENTIAL) == after


def test_an_unknown_version_and_other_nodes_that_call_ollama_stay_and_are_told() -> None:
    other = [f"@n8n/n8n-nodes-langchain.{kind}" for kind in ("lmOllama", "ollama", "ollamaTool")]
    before = a_workflow(a_node(CHAT, 2, "New"), a_node(CHAT), *(a_node(kind, name=kind[-3:]) for kind in other))
    assert kinds(before) == ["lmChatOllama", "recordedOllamaChatModel", "lmOllama", "ollama", "ollamaTool"]
    told = list(summary([before]))
    assert told[0] == "1 node is ours now."
    assert "New stays: version 2 of n8n's lmChatOllama is not known." in told
    assert [one.split(" ")[0] for one in told[2:]] == ["ama", "ama", "ool"]


def test_a_workflow_inside_a_node_and_the_published_one_are_rewritten_too() -> None:
    inside = json.dumps(a_workflow(a_node(CHAT, name="Über")))
    outer = a_node("n8n-nodes-base.executeWorkflow", 1.2, "Call", source="parameter", workflowJson=inside)
    made = rewritten(a_workflow(outer, activeVersion=a_workflow(a_node(CHAT))), CREDENTIAL)
    held = json.loads(made["nodes"][0]["parameters"]["workflowJson"])
    assert held["nodes"][0]["type"] == made["activeVersion"]["nodes"][0]["type"] == f"{PACKAGE}.recordedOllamaChatModel"
    assert made["nodes"][0]["type"] == "n8n-nodes-base.executeWorkflow"
    assert list(summary([a_workflow(outer)])) == ["1 node is ours now."]


@pytest.mark.parametrize(
    "held", ["={{ $json.flow }}", "{", "[]", "7", None, {"nodes": []}, '{ "nodes": 1 }', '{"nodes": [1]}']
)
def test_a_node_that_holds_no_workflow_stays(held: object) -> None:
    before = a_workflow(a_node("n8n-nodes-base.executeWorkflow", workflowJson=held), {"name": "odd"})
    assert rewritten(before, CREDENTIAL) == before


def test_a_workflow_without_nodes_stays() -> None:
    assert rewritten(a_workflow(), CREDENTIAL) == a_workflow()
    assert list(summary([a_workflow()])) == ["0 nodes are ours now."]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("7", "no workflow"),
        ("null", "no workflow"),
        ("{}", "no workflow"),
        ('{"nodes": {}}', "no workflow"),
        ('[{"nodes": []}, {"data": []}]', "no workflow"),
        ('{"nodes": ["a"]}', "no workflow"),
    ],
)
def test_what_is_no_workflow_is_refused_in_a_sentence(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(text)
    done = ran(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("several", [False, True])
def test_the_command_writes_what_it_read_in_the_same_form(several: bool, tmp_path: Path) -> None:
    path = tmp_path / "workflow.json"
    one = a_workflow(a_node(CHAT, name="Über"))
    path.write_text("\ufeff" + json.dumps([one] if several else one, ensure_ascii=False), encoding="utf-8")
    done = ran(path, "--package", "CUSTOM")
    made = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "1 node is ours now.\n")
    assert (made[0] if several else made)["nodes"][0]["type"] == "CUSTOM.recordedOllamaChatModel"
    assert "Über" in done.stdout


def test_a_file_that_is_not_there_is_told() -> None:
    assert "No such file" in ran(Path("absent.json")).stderr


def ran(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The command, where the locale knows no letters beyond ASCII."""
    command = [sys.executable, "-m", "n8n.use_our_nodes", str(path), "--credential", "7", *more]
    plain = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    return subprocess.run(
        command, cwd=PROJECT, env=plain, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
