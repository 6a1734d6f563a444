"""``python -m n8n.with_nodes``: write each workflow of ``workflows/`` with our nodes into ``workflows-with-nodes/``.

A call by HTTP Request becomes the node *Ollama Recorder*, n8n's Ollama Chat Model ours. What the new nodes answer has
other names, so the expressions that read it change with them. Two more workflows exist in this form only.
"""

import json
import re
from pathlib import Path
from typing import Any

from n8n.more_with_nodes import MORE
from n8n.use_our_nodes import PACKAGE, rewritten

N8N = Path(__file__).parent
CREDENTIAL = {"id": "ollama-recorder-nodes", "name": "Ollama Recorder"}
_PREFIX, _NEW_PREFIX = "ollama-recorder-", "ollama-recorder-nodes-"
_SETTING = "={{{{ $('Settings').first().json.{} }}}}"
_NOT_ANY_MORE = re.compile(r"^(\*\*Address|The four|\*\*Time limit|\*\*The model|The Ollama Chat Model|`\"stream\")")
_ADDRESS = (
    "**The address** stands in the credential *Ollama Recorder*{models}. The node names workflow, execution, itself,"
    " item and try in the record."
)
# What the first paragraph of a note says where it is another in this form.
_NOTES = {
    "models": "## Which models are there?\nOne item per model that Ollama has.",
    "generate": "## One prompt, one text\nThe node streams, and puts the answer together: a long one is no silence.",
    "ai-chain": "## A chain on the Recorded Ollama Chat Model\nIt is n8n's own node with all its fields, through the"
    " recorder. In the record `node` is the node's name.",
    "compare-two-models": "## The same question to two models\nOne after the other, so that they do not share the"
    " processor. A model that had to be loaded first is slower; its record says by how much, as `wait_time`.",
}
_CATEGORIES = (
    "={{ JSON.stringify({ type: 'object', properties: { categories: { type: 'array', minItems: $json.texts.length,"
    " maxItems: $json.texts.length, items: { enum: ['billing', 'fault', 'praise', 'other'] } } },"
    " required: ['categories'] }) }}"
)


def _asks(operation: str, prompt: str, model: str = "model", **options: Any) -> dict[str, Any]:
    """The parameters of *Ollama Recorder*, asking the model that *Settings* names."""
    locator = {"__rl": True, "mode": "id", "value": _SETTING.format(model)}
    return {"resource": "model", "operation": operation, "model": locator, "prompt": prompt, "options": options}


_SYSTEM = _SETTING.format("system")
_BEFORE = (
    "={{ JSON.stringify([{ role: 'user', content: $('Settings').first().json.question },"
    " { role: 'assistant', content: $json.text }]) }}"
)
_EACH_TEXT = (
    "={{ 'For each of these texts, in their order: is it about billing, a fault, praise, or something else?\\n'"
    " + $json.texts.map((text, index) => (index + 1) + '. ' + text).join('\\n') }}"
)
_SAME: dict[str, Any] = {"temperature": 0, "seed": 1}
_BRIEFLY: dict[str, Any] = {"temperature": 0, "num_predict": 200}
# By the workflow and the name of the node that called by HTTP.
_CALLS: dict[tuple[str, str], dict[str, Any]] = {
    ("models", "List models"): {"resource": "model", "operation": "list"},
    ("generate", "Generate"): _asks("generate", "={{ $json.question }}", temperature=0.7),
    ("chat-with-context", "First question"): _asks("chat", "={{ $json.question }}", system=_SYSTEM),
    ("chat-with-context", "Follow-up"): _asks("chat", _SETTING.format("follow_up"), system=_SYSTEM, messages=_BEFORE),
    ("embeddings", "Embed"): _asks("embed", "={{ $json.text }}"),
    ("compare-two-models", "Ask model A"): _asks("generate", _SETTING.format("question"), "model_a", **_SAME),
    ("compare-two-models", "Ask model B"): _asks("generate", _SETTING.format("question"), "model_b", **_SAME),
    ("classify-in-batches", "Classify"): _asks("generate", _EACH_TEXT, format=_CATEGORIES, **_BRIEFLY),
}
# What a call answered before, and how our node calls it.
_ANSWERS = (
    (".json.message.content", ".json.text"),
    ("$json.message.content", "$json.text"),
    ("$json.response?.parseJson()?.categories", "$json.answer?.categories"),
    ("$json.response }}", "$json.text }}"),
    ("$json.eval_count }}", "$json.completion_tokens }}"),
)
# One list for all of these: our node gives an item for each model, and mails of slow calls need no Loki.
_LEFT_OUT = {"models": ("Settings", "One item per model")}
_BY_OTHER_MEANS = ("slow-prompts-by-mail",)


def with_nodes(workflow: dict[str, Any]) -> dict[str, Any]:
    """The workflow with our nodes for its calls."""
    slug = workflow["id"].removeprefix(_PREFIX)
    left_out = _LEFT_OUT.get(slug, ())
    made = rewritten(workflow, CREDENTIAL)
    nodes = [_node(slug, node) for node in made["nodes"] if node["name"] not in left_out and not _is_needless(node)]
    connections = _without(made["connections"], left_out)
    return made | {
        "id": _NEW_PREFIX + slug,
        "name": workflow["name"].replace("Ollama:", "Recorder:"),
        "nodes": nodes,
        "connections": connections,
    }


def _is_needless(node: dict[str, Any]) -> bool:
    """Whether it is a note on limits that our node has not: it streams."""
    return str(node["parameters"].get("content", "")).startswith("## More than five minutes")


def _node(slug: str, node: dict[str, Any]) -> dict[str, Any]:
    if node["type"].endswith("stickyNote"):
        return node | {"parameters": node["parameters"] | {"content": _note(slug, node["parameters"]["content"])}}
    if (slug, node["name"]) in _CALLS:
        credentials = {"ollamaRecorderApi": CREDENTIAL}
        ours = {"type": f"{PACKAGE}.ollamaRecorder", "typeVersion": 1, "credentials": credentials}
        return node | ours | {"parameters": _CALLS[slug, node["name"]]}
    return node | {"parameters": _parameters(node["parameters"])}


def _note(slug: str, content: str) -> str:
    first, *others = content.split("\n\n")
    kept = [_NOTES.get(slug, first), *(part for part in others if not _NOT_ANY_MORE.match(part))]
    models = "" if "Settings" in _LEFT_OUT.get(slug, ()) else ", the models in *Settings*"
    return "\n\n".join([*kept, _ADDRESS.format(models=models)])


def _parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """The same, reading what our nodes answer; the address of Ollama is no setting any more."""
    text = json.dumps(parameters, ensure_ascii=False)
    for old, new in _ANSWERS:
        text = text.replace(old, new)
    changed: dict[str, Any] = json.loads(text)
    if "assignments" in changed:
        found = [one for one in changed["assignments"]["assignments"] if one["name"] != "ollama"]
        changed["assignments"] = {"assignments": [_number(one) for one in found]}
    return changed


def _number(assignment: dict[str, Any]) -> dict[str, Any]:
    """What was computed of Ollama's nanoseconds, our node tells as a number."""
    value = str(assignment["value"])
    if asked := re.match(r"=\{\{ (\S.*?\.json)\.eval_duration \?", value):
        return assignment | {"value": f"={{{{ {asked[1]}.tokens_per_second ?? null }}}}"}
    if asked := re.match(r"=\{\{ (\S.*?\.json)\.total_duration \?", value):
        return assignment | {"value": f"={{{{ {asked[1]}.seconds ?? null }}}}"}
    if ".json.response }}" in value:
        return assignment | {"value": value.replace(".json.response }}", ".json.text }}")}
    return assignment


def _without(connections: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The connections past nodes that are left out, each of which had one input and one output at most."""
    after = {name: connections.get(name, {}).get("main", [[]])[0] for name in names}
    found = {}
    for source, kinds in connections.items():
        if source not in names:
            found[source] = {
                kind: [[end for one in ends for end in (after.get(one["node"], [one]))] for ends in outputs]
                for kind, outputs in kinds.items()
            }
    return {source: kinds for source, kinds in found.items() if any(any(ends) for ends in kinds.get("main", [[1]]))}


def workflows() -> dict[str, dict[str, Any]]:
    """Each file's name in ``workflows-with-nodes/`` and the workflow that belongs into it."""
    paths = [path for path in sorted((N8N / "workflows").glob("*.json")) if path.stem not in _BY_OTHER_MEANS]
    found = {path.name: with_nodes(json.loads(path.read_text(encoding="utf-8"))) for path in paths}
    return found | {f"{slug}.json": made(CREDENTIAL) for slug, made in MORE.items()}


def written(workflow: dict[str, Any]) -> str:
    return json.dumps(workflow, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    folder = N8N / "workflows-with-nodes"
    folder.mkdir(exist_ok=True)
    for name, workflow in workflows().items():
        (folder / name).write_text(written(workflow), encoding="utf-8")
