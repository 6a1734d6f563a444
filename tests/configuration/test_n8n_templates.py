"""What n8n's templates must have whatever n8n makes of them: names in headers, time limits, ids, explanations."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

SHIPPED = Path(__file__).parents[2] / "n8n"
TEMPLATES = {path.stem: json.loads(path.read_text()) for path in sorted((SHIPPED / "workflows").glob("*.json"))}
GATEWAY = "http://nginx:80/api/ollama"
ADDRESS = "={{ $('Settings').first().json.ollama }}/"
MODELS = ("llama3.1:8b", "mistral:7b", "nomic-embed-text:latest")
N8NS_OWN_LIMIT_MS = 300_000
NAMING = {
    "X-N8N-Workflow-Id": "={{ $workflow.id }}",
    "X-N8N-Workflow-Name": "={{ encodeURIComponent($workflow.name) }}",
    "X-N8N-Execution-Id": "={{ $execution.id }}",
}


def nodes(template: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = TEMPLATES[template]["nodes"]
    return [node for node in found if node["type"].rpartition(".")[2] == kind]


def calls(template: str) -> list[dict[str, Any]]:
    """The nodes of a template that call Ollama by HTTP."""
    return [node for node in nodes(template, "httpRequest") if node["parameters"]["url"].startswith(ADDRESS)]


def test_every_template_that_the_readme_describes_is_there_and_the_other_way_round() -> None:
    described = re.findall(r"^### `([a-z-]+)\.json`", (SHIPPED / "README.md").read_text(), re.MULTILINE)
    with_nodes = {path.stem for path in (SHIPPED / "workflows-with-nodes").iterdir()}
    assert sorted(described) == sorted(TEMPLATES.keys() | with_nodes)
    assert len(TEMPLATES) == 9


@pytest.mark.parametrize("template", TEMPLATES)
def test_importing_twice_replaces_and_never_touches_a_workflow_of_the_user(template: str) -> None:
    workflow = TEMPLATES[template]
    assert workflow["id"] == f"ollama-recorder-{template}"
    assert len(workflow["id"]) <= 36  # what n8n's database has room for
    assert workflow["active"] is False
    ids = [node["id"] for node in workflow["nodes"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("template", TEMPLATES)
def test_connections_lead_from_nodes_to_nodes_that_exist(template: str) -> None:
    workflow = TEMPLATES[template]
    names = {node["name"] for node in workflow["nodes"]}
    ends = [
        end["node"]
        for outputs in workflow["connections"].values()
        for branches in outputs.values()
        for branch in branches
        for end in branch
    ]
    assert {*workflow["connections"], *ends} <= names
    referred = set(re.findall(r"\$\('([^']+)'\)", json.dumps(workflow, ensure_ascii=False)))
    assert referred <= names


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_http_call_of_ollama_names_itself(template: str) -> None:
    for node in calls(template):
        headers = {one["name"]: one["value"] for one in node["parameters"]["headerParameters"]["parameters"]}
        # n8n has no expression for a node's own name.
        assert headers == {**NAMING, "X-N8N-Node": f"={{{{ encodeURIComponent('{node['name']}') }}}}"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_generation_by_http_is_whole_and_may_take_longer_than_n8ns_own_limit(template: str) -> None:
    for node in calls(template):
        parameters = node["parameters"]
        if parameters.get("method") == "POST":
            assert parameters["options"]["timeout"] > N8NS_OWN_LIMIT_MS
            assert "stream: false" in parameters["jsonBody"] or parameters["url"].endswith("api/embeddings")


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_calls_ollama_explains_itself_and_starts_by_hand(template: str) -> None:
    assert calls(template) or nodes(template, "lmChatOllama")
    assert nodes(template, "manualTrigger")
    notes = "\n".join(node["parameters"]["content"] for node in nodes(template, "stickyNote"))
    assert len(notes) > 200
    if nodes(template, "lmChatOllama"):
        assert "Ollama through the recorder" in notes


@pytest.mark.parametrize("template", TEMPLATES)
def test_address_and_models_stand_in_one_node(template: str) -> None:
    (settings,) = [node for node in TEMPLATES[template]["nodes"] if node["name"] == "Settings"]
    given = {one["name"]: one["value"] for one in settings["parameters"]["assignments"]["assignments"]}
    # An AI node has its address from the credential.
    assert given.get("ollama") == (GATEWAY if calls(template) else None)
    assert {value for name, value in given.items() if name.startswith("model")} <= {*MODELS}
    others = [node for node in TEMPLATES[template]["nodes"] if node is not settings]
    elsewhere = json.dumps([node for node in others if not node["type"].endswith("stickyNote")])
    assert not [word for word in ("nginx:80", "127.0.0.1", *MODELS) if word in elsewhere]
    assert all(node["parameters"]["model"].endswith(".json.model }}") for node in nodes(template, "lmChatOllama"))
    notes = "\n".join(node["parameters"]["content"] for node in nodes(template, "stickyNote"))
    assert "Settings" in notes
    assert "http://127.0.0.1:8080/api/ollama" in notes


def test_ai_nodes_use_the_shipped_credential_whose_address_is_an_expression() -> None:
    (credential,) = json.loads((SHIPPED / "credentials.json").read_text())
    assert credential["data"] == {
        # Asked for $workflow.id without a workflow, n8n breaks off.
        "baseUrl": f"={{{{ '{GATEWAY}/' + ($workflow.name ? '~workflow=' + encodeURIComponent($workflow.name)"
        " + ';workflow_id=' + $workflow.id + ';execution=' + $execution.id + ';node=' + $nodeId : '') }}"
    }
    used = [node["credentials"] for template in TEMPLATES for node in nodes(template, "lmChatOllama")]
    assert used == [{credential["type"]: {"id": credential["id"], "name": credential["name"]}}] * 2


def test_a_computed_number_is_empty_where_ollama_told_none() -> None:
    # n8n fails an execution whose number is none, and an answer that Ollama broke off has no times.
    computed = [
        one["value"]
        for template in TEMPLATES
        for node in nodes(template, "set")
        for one in node["parameters"].get("assignments", {}).get("assignments", ())
        if one["type"] == "number" and " / " in str(one["value"])
    ]
    assert len(computed) == 4
    for value in computed:
        time, is_asked, number = value.removeprefix("={{ ").partition(" ? ")
        assert is_asked, value
        assert time.endswith("_duration"), value
        assert time in number, value
        assert number.endswith(" : null }}"), value


def test_the_list_of_prompts_is_classified_with_tries_and_pauses() -> None:
    (classify,) = calls("classify-in-batches")
    assert (classify["retryOnFail"], classify["maxTries"]) == (True, 3)
    assert classify["waitBetweenTries"] > 0
    assert classify["onError"] == "continueRegularOutput"
    assert nodes("classify-in-batches", "splitInBatches")


def test_no_template_has_a_password_or_an_address_of_somebody() -> None:
    for workflow in TEMPLATES.values():
        for node in workflow["nodes"]:
            assert set(node.get("credentials", {})) <= {"ollamaApi"}
        assert set(re.findall(r"[\w.]+@[\w.]+\w", json.dumps(workflow))) <= {"n8n@example.com", "you@example.com"}
