"""What n8n's nodes lack, and that other programs are not taken for them."""

from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor.of_n8n import many_objects, nameless
from service.cli.doctor.window import Window, read_window
from service.record.exchange import EncodedRecord
from tests.cli.doctor.given_traffic import call, happened

AI_NODE: dict[str, Any] = {"caller": "ollama-js", "user_agent": "ollama-js/0.6.4 (x64 linux Node.js/v24.21.0)"}
N8N: dict[str, Any] = {"caller": "n8n", "user_agent": "n8n"}


def among(folder: Path, *records: EncodedRecord) -> Window:
    happened(folder, records)
    return read_window(folder, 86_400.0)


def three(first: int = 1, **facts: Any) -> list[EncodedRecord]:
    return [call(number, ago=number, **facts) for number in range(first, first + 3)]


@pytest.mark.parametrize(
    "facts",
    [
        AI_NODE | {"workflow": "Invoices"},
        AI_NODE | {"workflow": "Invoices", "caller": "n8n"},
        N8N | {"caller": "n8n", "workflow_id": "Xa9", "stream": False},
        {"caller": "n8n", "user_agent": "OpenAI/JS 6.34.0", "workflow": "Invoices"},
    ],
)
def test_nodes_that_are_named_and_may_stream_are_as_they_should_be(facts: dict[str, Any], folder: Path) -> None:
    found = among(folder, *three(**({"stream": True} | facts)))
    assert [*many_objects(found), *nameless(found)] == []


@pytest.mark.parametrize(
    "facts",
    [
        N8N,
        {"caller": "a key", "user_agent": "Mozilla/5.0 (compatible; n8n/2.41.1; +https://n8n.io/)"},
        {"caller": "n8n"},
    ],
)
def test_only_an_http_request_node_cannot_read_a_stream(facts: dict[str, Any], folder: Path) -> None:
    (found,) = many_objects(among(folder, call(1, stream=True, **facts), call(2, stream=True, **AI_NODE)))
    assert "1 answer" in found.text


def test_ai_nodes_without_the_credential_are_found_beside_an_n8n(folder: Path) -> None:
    of_n8n = call(9, workflow="Invoices", remote_addr="172.18.0.5", **N8N)
    (found,) = nameless(among(folder, of_n8n, *three(remote_addr="172.18.0.5", **AI_NODE)))
    assert found.text.startswith("3 calls of the last 24 h name no workflow and come from the address of n8n.")
    assert "n8n/credentials.json" in found.advice
    assert "ollama-recorder docs n8n#your-own-workflows" in found.advice


def test_the_same_library_elsewhere_may_be_any_program(folder: Path) -> None:
    of_n8n = call(9, workflow="Invoices", remote_addr="172.18.0.5", **N8N)
    (found,) = nameless(among(folder, of_n8n, *three(remote_addr="10.0.0.7", **AI_NODE)))
    assert found.text.startswith("3 calls of the last 24 h name no workflow. They call themselves ollama-js")


def test_calls_of_n8n_without_a_workflow_are_told_from_those_that_are_like_it(folder: Path) -> None:
    both = nameless(among(folder, *three(remote_addr="1.2.3.4", **N8N), *three(4, remote_addr="1.2.3.4", **AI_NODE)))
    assert [finding.text.partition(" of ")[0] for finding in both] == ["3 calls", "3 calls"]


@pytest.mark.parametrize("facts", [AI_NODE, N8N])
def test_two_calls_are_somebodys_attempt(facts: dict[str, Any], folder: Path) -> None:
    assert list(nameless(among(folder, *three(**facts)[:2]))) == []


def test_what_asks_for_no_model_needs_no_workflow(folder: Path) -> None:
    # Test of a credential, and the list of models in the editor.
    assert list(nameless(among(folder, *three(operation="list", model=None, **N8N)))) == []
