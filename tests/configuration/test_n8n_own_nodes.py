"""n8n's own Ollama nodes in a workflow become ours, and nothing else of it changes."""

import json
from pathlib import Path

import pytest

from n8n.use_our_nodes import OURS, rewritten

WORKFLOWS = sorted((Path(__file__).parents[2] / "n8n" / "workflows").glob("*.json"))
CREDENTIAL = {"id": "7", "name": "Ours"}


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
