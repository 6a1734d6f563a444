"""By what n8n and its nodes are known in a record."""

from typing import Any

import pytest

from service.record.n8n_marks import (
    execution_template,
    execution_url,
    is_http_request_node,
    is_n8n,
    is_name,
    may_be_ai_node,
)
from service.record.record import record_of

ONE_LABEL = "/api/ollama/~workflow=Nightly/api/chat"
BY_LABELS = {"workflow": "Mails", "execution_id": "7", "node": "a1"} | {
    "request_uri": "/api/ollama/~workflow=Mails;execution=7;node=a1/api/chat"
}
AI_NODE = "ollama-js/0.6.4 (x64 linux Node.js/v24.21.0)"


@pytest.mark.parametrize(
    ("is_its_own", "is_http", "facts"),
    [
        (True, True, {"caller": "n8n", "user_agent": "n8n"}),
        (True, True, {"caller": "n8n"}),
        (True, True, {"caller": "a key", "user_agent": "Mozilla/5.0 (compatible; n8n/2.30.8; +https://n8n.io/)"}),
        (True, False, {"caller": "n8n", "user_agent": AI_NODE}),
        (True, False, {"caller": "n8n", "user_agent": "OpenAI/JS 6.34.0"}),
        # Records of before: AI nodes had their library's name.
        (True, False, {"caller": "ollama-js", "user_agent": AI_NODE} | BY_LABELS),
        (True, False, {"caller": "axios", "workflow_id": "Xa9"}),
        (False, False, {"caller": "curl", "workflow": "Nightly", "request_uri": ONE_LABEL}),
        (False, False, {"caller": "Open WebUI", "execution_id": "chat-7", "user": "ana"}),
        # The guide to Open WebUI has its tasks told in the header of a node.
        (False, False, {"caller": "Open WebUI", "node": "title_generation"}),
        (False, False, {"caller": "ollama-js", "user_agent": AI_NODE}),
        (False, False, {}),
    ],
)
def test_n8n_is_known_and_which_of_its_nodes(is_its_own: bool, is_http: bool, facts: dict[str, Any]) -> None:
    record = record_of(facts)
    assert (is_n8n(record), is_http_request_node(record)) == (is_its_own, is_http)


@pytest.mark.parametrize(
    "user_agent", [AI_NODE, "axios/1.12", "node", "undici", "OpenAI/JS 6.34.0", "Anthropic/JS 0.9"]
)
def test_libraries_that_ai_nodes_use(user_agent: str) -> None:
    assert may_be_ai_node(user_agent)


@pytest.mark.parametrize("user_agent", ["", "n8n", "node-red/4", "OpenAI/Python 2.1", "ollama-python/0.6", "curl/8"])
def test_programs_that_are_none_of_them(user_agent: str) -> None:
    assert not may_be_ai_node(user_agent)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [("Invoices", True), ("None", True), ("undefined", False), (" null", False), ("[object Promise]", False)],
)
def test_a_name_is_what_somebody_chose(value: str, is_one: bool) -> None:
    assert is_name(value) == is_one


@pytest.mark.parametrize(
    ("workflow", "execution", "path"),
    [
        ("Xa9", "231", "Xa9/executions/231"),
        ("ollama-recorder-ai-chain", "7", "ollama-recorder-ai-chain/executions/7"),
        ("a/../b?c#d", "7 8", "a%2F..%2Fb%3Fc%23d/executions/7%208"),
        ("{execution_id}", "{workflow_id}", "%7Bexecution_id%7D/executions/%7Bworkflow_id%7D"),
        ("Größe\ud800", "1", "Gr%C3%B6%C3%9Fe%3F/executions/1"),
        ("Xa9", None, None),
        (None, "231", None),
        ("", "231", None),
        ("..", "231", None),
        ("Xa9", ".", None),
    ],
)
def test_an_execution_has_its_address_in_n8n(workflow: str | None, execution: str | None, path: str | None) -> None:
    record = record_of({"workflow": "Mails", "workflow_id": workflow, "execution_id": execution})
    for base in ("https://n8n.example.org/flows", "https://n8n.example.org/flows/"):
        assert execution_url(base, record) == (path and f"https://n8n.example.org/flows/workflow/{path}")
    assert execution_template("http://n") == "http://n/workflow/{workflow_id}/executions/{execution_id}"
