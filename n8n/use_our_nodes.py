"""Rewrite workflows of n8n: its Ollama Chat Model and Embeddings Ollama become ours, with their parameters.

    python -m n8n.use_our_nodes workflow.json --credential ID --name "Ollama Recorder" > rewritten.json

n8n's export is read, and what n8n imports is written. Names, connections, pinned data and all other nodes stay.
"""

import argparse
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

PACKAGE = "n8n-nodes-ollama-recorder"
OURS = {
    "@n8n/n8n-nodes-langchain.lmChatOllama": "recordedOllamaChatModel",
    "@n8n/n8n-nodes-langchain.embeddingsOllama": "recordedOllamaEmbeddings",
}
# n8n's other nodes that call Ollama by themselves; none of ours has their parameters.
_STAY = ("@n8n/n8n-nodes-langchain.lmOllama", "@n8n/n8n-nodes-langchain.ollama", "@n8n/n8n-nodes-langchain.ollamaTool")
# Ours have the fields of this version of n8n's.
_VERSION = 1
# A node that calls another workflow may hold it whole, as text. n8n keeps published workflows a second time.
_INLINE, _PUBLISHED = "workflowJson", "activeVersion"


def rewritten(workflow: dict[str, Any], credential: dict[str, str], package: str = PACKAGE) -> dict[str, Any]:
    """The workflow with our nodes for n8n's; ``credential`` is ``{"id", "name"}`` of one of the recorder."""
    changed = workflow | {"nodes": [_node(node, credential, package) for node in workflow["nodes"]]}
    if _is_workflow(published := workflow.get(_PUBLISHED)):
        changed[_PUBLISHED] = rewritten(published, credential, package)
    return changed


def _node(node: dict[str, Any], credential: dict[str, str], package: str) -> dict[str, Any]:
    if (inner := _inline(node)) is not None:
        changed = rewritten(inner, credential, package)
        if changed != inner:
            return node | {"parameters": node["parameters"] | {_INLINE: json.dumps(changed, ensure_ascii=False)}}
    if not _becomes_ours(node):
        return node
    ours = f"{package}.{OURS[node['type']]}"
    return node | {"type": ours, "typeVersion": _VERSION, "credentials": {"ollamaRecorderApi": credential}}


def _becomes_ours(node: dict[str, Any]) -> bool:
    return node.get("type") in OURS and node.get("typeVersion", _VERSION) == _VERSION


def _is_workflow(found: object) -> TypeGuard[dict[str, Any]]:
    nodes = found.get("nodes") if isinstance(found, dict) else None
    return isinstance(nodes, list) and all(isinstance(node, dict) for node in nodes)


def _inline(node: dict[str, Any]) -> dict[str, Any] | None:
    """The workflow that a node holds as text; None where there is none, or an expression makes it."""
    parameters = node.get("parameters")
    text = parameters.get(_INLINE) if isinstance(parameters, dict) else None
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except json.JSONDecodeError:
        return None
    return found if _is_workflow(found) else None


def _nodes(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node, those of workflows inside too."""
    for node in workflow["nodes"]:
        yield node
        if (inner := _inline(node)) is not None:
            yield from _nodes(inner)


def workflows_in(text: str) -> list[dict[str, Any]]:
    """The workflows of a file. Raises ValueError with a sentence where it holds something else."""
    try:
        found = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise ValueError(f"This is no JSON: {error}.") from error
    workflows = found if isinstance(found, list) else [found]
    if not all(map(_is_workflow, workflows)):
        raise ValueError("This is no workflow: one has a list of nodes. Export it with n8n (Download), and give that.")
    return workflows


def summary(workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Sentences on what is changed, and on which calls to Ollama stay as they are."""
    nodes = [node for workflow in workflows for node in _nodes(workflow)]
    count = sum(map(_becomes_ours, nodes))
    yield f"{count} node{' is' if count == 1 else 's are'} ours now."
    for node in nodes:
        name, kind = node.get("name"), str(node.get("type")).rpartition(".")[2]
        if node.get("type") in _STAY:
            yield f"{name} stays: the package has no node in the place of n8n's {kind}. Its credential names it."
        elif node.get("type") in OURS and not _becomes_ours(node):
            yield f"{name} stays: version {node['typeVersion']} of n8n's {kind} is not known."


def main() -> None:
    """Read one file, write to standard output, and say on standard error how many nodes were changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workflow", type=Path, help="a workflow, or a list of them, as n8n exports it")
    parser.add_argument("--credential", required=True, help="id of the credential Ollama Recorder in n8n")
    parser.add_argument("--name", default="Ollama Recorder", help="the credential's name")
    parser.add_argument("--package", default=PACKAGE, help="CUSTOM where n8n loads the nodes from a folder of its own")
    given = parser.parse_args()
    try:
        text = given.workflow.read_text(encoding="utf-8")
        workflows = workflows_in(text)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{given.workflow}: {error}\n")
    credential = {"id": given.credential, "name": given.name}
    made = [rewritten(workflow, credential, given.package) for workflow in workflows]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # n8n reads no other
    json.dump(
        made if text.lstrip("\ufeff \t\r\n").startswith("[") else made[0], sys.stdout, ensure_ascii=False, indent=2
    )
    print()
    print("\n".join(summary(workflows)), file=sys.stderr)


if __name__ == "__main__":
    main()
