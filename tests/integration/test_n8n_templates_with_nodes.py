"""The shipped templates with our nodes, each in a real n8n, through a real recorder, to a real Ollama."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.smtp import running_smtp
from tests.integration.n8n_stand import MODELS, SHIPPED
from tests.integration.n8n_workflows import outputs
from tests.integration.watching import call, records
from tests.servers.n8n import VERSIONS, N8n, installed_n8n
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, running_ollama
from tests.servers.process import RunningServer
from tests.servers.recorder import running_recorder

pytestmark = pytest.mark.long

FOLDER = SHIPPED / "workflows-with-nodes"
MAIL = {"id": "test-mail", "name": "Test mail", "type": "smtp"}


@dataclass(frozen=True, slots=True)
class NodesStand:
    """An n8n with our nodes, and the recorder that they ask."""

    n8n: N8n
    recorder: RunningServer
    folder: Path

    def kept(self, count: int) -> list[dict[str, Any]]:
        return [json.loads(record.row.line) for record in records(self.folder, count)]

    def run(self, slug: str, calls: int) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
        """What each node of a template gave, and the records of its ``calls``, all of one execution."""
        before = len(self.kept(0))
        found = outputs(self.n8n, f"ollama-recorder-nodes-{slug}")
        new = self.kept(before + calls)[before:]
        assert len(new) == calls
        assert {one["workflow_id"] for one in new} <= {f"ollama-recorder-nodes-{slug}"}
        assert len({(one["execution_id"], one["trace_id"]) for one in new}) == min(calls, 1)
        return found, new


def template(path: Path, **settings: Any) -> dict[str, Any]:
    """A shipped workflow with other ``settings``; n8n calls nodes out of a folder CUSTOM."""
    found: dict[str, Any] = json.loads(path.read_text().replace("n8n-nodes-ollama-recorder.", "CUSTOM."))
    for node in found["nodes"]:
        if node["name"] == "Settings":
            for setting in node["parameters"]["assignments"]["assignments"]:
                setting["value"] = settings.get(setting["name"], setting["value"])
        if node["type"].endswith("emailSend"):
            node["credentials"] = {"smtp": {"id": MAIL["id"], "name": MAIL["name"]}}
    return found


@pytest.fixture(scope="module", params=VERSIONS)
def stand(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, extensions: Path
) -> Iterator[NodesStand]:
    folder = tmp_path_factory.mktemp("n8n")
    variables = {"N8N_CUSTOM_EXTENSIONS": str(extensions)}
    n8n = replace(installed_n8n(folder / "n8n", request.param), variables=variables)
    with contextlib.ExitStack() as servers:
        ollama = servers.enter_context(running_ollama(folder / "ollama"))
        for name in MODELS:
            ollama.ask("/api/copy", {"source": EMBEDDING_MODEL if "embed" in name else MODEL, "destination": name})
        recorder = servers.enter_context(running_recorder(folder / "recorder", OLLAMA_URL=ollama.url))
        credentials = (SHIPPED / "credentials-with-nodes.json").read_text().replace("http://nginx:80", recorder.url)
        n8n.add_credentials(json.loads(credentials))
        n8n.add_workflows(*map(template, sorted(FOLDER.glob("*.json"))))
        yield NodesStand(n8n, recorder, folder / "recorder")


@pytest.mark.parametrize(
    ("slug", "last", "calls"),
    [
        ("models", "List models", ["List models"]),
        ("generate", "Answer", ["Generate"]),
        ("chat-with-context", "Answers", ["First question", "Follow-up"]),
        ("embeddings", "Embed", ["Embed", "Embed"]),
        ("compare-two-models", "Comparison", ["Ask model A", "Ask model B"]),
        ("classify-in-batches", "All of them", ["Classify", "Classify"]),
        ("ai-chain", "Summarise", ["Ollama Chat Model"]),
        ("ai-agent-with-memory", "Agent", ["Ollama Chat Model", "Ollama Chat Model"]),
        ("compare-over-a-sheet", "Sheet", [*["Ask model A"] * 3, *["Ask model B"] * 3]),
    ],
)
def test_every_call_of_a_template_is_recorded_with_the_name_of_its_node(
    stand: NodesStand, slug: str, last: str, calls: list[str]
) -> None:
    found, kept = stand.run(slug, len(calls))
    assert [one["node"] for one in kept] == calls
    assert not [one for one in kept if one["failed"]]
    assert found[last]
    assert not [item for items in found.values() for item in items if item.get("error")]


def test_the_follow_up_knows_what_was_said_before(stand: NodesStand) -> None:
    _, (first, second) = stand.run("chat-with-context", 2)
    roles = [message["role"] for message in json.loads(second["request_body"])["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert json.loads(second["request_body"])["messages"][2]["content"] == first["response_text"]


def test_a_sheet_has_a_row_for_each_prompt_and_both_answers(stand: NodesStand) -> None:
    found, kept = stand.run("compare-over-a-sheet", 6)
    assert len(found["Row"]) == 3
    for number, row in enumerate(found["Row"]):
        a, b = kept[number], kept[number + 3]
        assert json.loads(a["request_body"])["prompt"] == json.loads(b["request_body"])["prompt"] == row["prompt"]
        assert (row["a_answer"], row["b_answer"]) == (a["response_text"], b["response_text"])
        assert (a["item"], b["item"], a["model"], b["model"]) == (number, number, "llama3.1:8b", "mistral:7b")


def test_last_nights_failures_come_by_mail_with_their_reasons(stand: NodesStand) -> None:
    body = {"model": "absent", "prompt": "What is the password of the vault?"}
    headers = {"X-N8N-Workflow-Name": "Mails", "X-N8N-Node": "Sort"}
    for _ in range(2):
        assert call(stand.recorder, "/api/ollama/api/generate", body, headers=headers).status == 404
    with running_smtp() as mail_server:
        smtp = {"user": "", "password": "", "host": "127.0.0.1", "port": mail_server.port}
        data = smtp | {"secure": False, "disableStartTls": True}
        stand.n8n.add_credentials([MAIL | {"data": data}])
        stand.run("failures-by-mail", 0)
        quiet = template(FOLDER / "failures-by-mail.json", since="2099-01-01T00:00:00Z")
        stand.n8n.add_workflows(quiet | {"id": "quiet"})
        assert not outputs(stand.n8n, "quiet").get("Mail")
        slow = template(FOLDER / "slow-prompts-by-mail.json", slow_seconds=0)
        slow["nodes"] = json.loads(
            re.sub(r"\$today(\.minus\(\{ days: 1 \}\))?\.toISO", _today, json.dumps(slow["nodes"]))
        )
        stand.n8n.add_workflows(slow)
        found, (kept,) = stand.run("slow-prompts-by-mail", 1)
    assert kept["node"] == "Summarise"
    assert found["Slow calls"][0]["count"] > 2
    of_failures, of_slow = mail_server.mails
    assert of_failures["subject"] == "2 failures last night"
    text = of_failures.get_content()
    assert "Mails (2)" in text
    assert "ollama pull" in text
    assert "password of the vault" not in text
    assert of_slow["subject"].endswith(" slow prompts yesterday")


def _today(found: re.Match[str]) -> str:
    """Today's calls for yesterday's."""
    return "$today.toISO" if found[1] else "$today.plus({ days: 1 }).toISO"
