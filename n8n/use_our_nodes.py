"""Rewrite workflows of n8n: its Ollama Chat Model and Embeddings Ollama become ours, with their parameters.

    python -m n8n.use_our_nodes workflow.json --credential ID --name "Ollama Recorder" > rewritten.json

n8n's export is read, and what n8n imports is written. Names, connections and all other nodes stay.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

PACKAGE = "n8n-nodes-ollama-recorder"
OURS = {
    "@n8n/n8n-nodes-langchain.lmChatOllama": "recordedOllamaChatModel",
    "@n8n/n8n-nodes-langchain.embeddingsOllama": "recordedOllamaEmbeddings",
}


def rewritten(workflow: dict[str, Any], credential: dict[str, str], package: str = PACKAGE) -> dict[str, Any]:
    """The workflow with our nodes for n8n's; ``credential`` is ``{"id", "name"}`` of one of the recorder."""
    return workflow | {"nodes": [_node(node, credential, package) for node in workflow["nodes"]]}


def _node(node: dict[str, Any], credential: dict[str, str], package: str) -> dict[str, Any]:
    ours = OURS.get(node["type"])
    if ours is None:
        return node
    return node | {"type": f"{package}.{ours}", "typeVersion": 1, "credentials": {"ollamaRecorderApi": credential}}


def main() -> None:
    """Read one file, write to standard output, and say on standard error how many nodes were changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workflow", type=Path, help="a workflow, or a list of them, as n8n exports it")
    parser.add_argument("--credential", required=True, help="id of the credential Ollama Recorder in n8n")
    parser.add_argument("--name", default="Ollama Recorder", help="the credential's name")
    parser.add_argument("--package", default=PACKAGE, help="CUSTOM where n8n loads the nodes from a folder of its own")
    given = parser.parse_args()
    found = json.loads(given.workflow.read_text(encoding="utf-8"))
    workflows = found if isinstance(found, list) else [found]
    credential = {"id": given.credential, "name": given.name}
    made = [rewritten(workflow, credential, given.package) for workflow in workflows]
    json.dump(made if isinstance(found, list) else made[0], sys.stdout, ensure_ascii=False, indent=2)
    changed = sum(node["type"] in OURS for workflow in workflows for node in workflow["nodes"])
    print(f"{changed} nodes are ours now.", file=sys.stderr)


if __name__ == "__main__":
    main()
