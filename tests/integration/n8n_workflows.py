"""Workflows for a real n8n out of a few of its nodes and of ours, and what they and the records say afterwards."""

import json
from pathlib import Path
from typing import Any

from tests.integration.watching import records
from tests.servers.process import RunningServer

CREDENTIAL = "the-recorder"
LANGCHAIN = "@n8n/n8n-nodes-langchain"


def credential(recorder: RunningServer) -> dict[str, Any]:
    data = {"address": recorder.url, "apiKey": "", "readerToken": ""}
    return {"id": CREDENTIAL, "name": "The recorder", "type": "ollamaRecorderApi", "data": data}


def step(name: str, kind: str, version: float = 1, **parameters: Any) -> dict[str, Any]:
    """A node of a workflow; ``kind`` without a package is one of ours."""
    ours = "." not in kind
    found = {
        "id": f"id-of-{name}",
        "name": name,
        "type": f"CUSTOM.{kind}" if ours else kind,
        "typeVersion": version,
        "position": [0, 0],
        "parameters": parameters,
    }
    return found | ({"credentials": {"ollamaRecorderApi": {"id": CREDENTIAL, "name": "The recorder"}}} if ours else {})


def workflow(name: str, *nodes: dict[str, Any], **connections: tuple[str, str]) -> dict[str, Any]:
    """``connections`` are by the source's name: the target's name and the kind of connection."""
    wires = {
        source.replace("_", " "): {kind: [[{"node": target, "type": kind, "index": 0}]]}
        for source, (target, kind) in connections.items()
    }
    shape = {"id": name, "name": f"Über {name}", "active": False, "settings": {"executionOrder": "v1"}}
    return shape | {"nodes": [*nodes], "connections": wires}


def kept(folder: Path, count: int) -> list[dict[str, Any]]:
    return [json.loads(record.row.line) for record in records(folder / "recorder", count)]


def items_of(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The JSON of each node's items, by the node's name, out of what n8n keeps of an execution."""
    ran = document["data"]["resultData"]["runData"]
    # A model or a memory has no items of its own, and of several outputs the first may have none.
    outs = {name: runs[0].get("data", {}).get("main") or [None] for name, runs in ran.items()}
    return {name: [item["json"] for item in out[0] or []] for name, out in outs.items()}


EXECUTE = step("Execute", "n8n-nodes-base.manualTrigger")
MODEL = {"__rl": True, "mode": "id", "value": "llama3.2"}
