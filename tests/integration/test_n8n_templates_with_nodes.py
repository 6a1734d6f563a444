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
from tests.integration.n8n_workflows import items_of
from tests.integration.watching import call, records
from tests.servers.n8n import VERSIONS, N8n, installed_n8n
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, running_ollama
from tests.servers.process import RunningServer
from tests.servers.recorder import running_recorder

pytestmark = pytest.mark.long

FOLDER = SHIPPED / "workflows-with-nodes"
ID = "ollama-recorder-nodes-{}"
CALLS = {
    "models": ["List models"],
    "generate": ["Generate"],
    "chat-with-context": ["First question", "Follow-up"],
    "embeddings": ["Embed", "Embed"],
    "compare-two-models": ["Ask model A", "Ask model B"],
    "classify-in-batches": ["Classify", "Classify"],
    "ai-chain": ["Ollama Chat Model"],
    "ai-agent-with-memory": ["Ollama Chat Model", "Ollama Chat Model"],
    "compare-over-a-sheet": [*["Ask model A"] * 3, *["Ask model B"] * 3],
}
"""The nodes that call a model or the recorder, in order, of each template that can run without a mail server."""
WITH_MAIL = ("failures-by-mail", "slow-prompts-by-mail")
MAIL = {"id": "test-mail", "name": "Test mail", "type": "smtp"}


Ran = tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]
"""What each node of a template gave, and the records of its calls."""


@dataclass(frozen=True, slots=True)
class NodesStand:
    """An n8n with our nodes, the recorder that they ask, and what the templates without a mail did there."""

    n8n: N8n
    recorder: RunningServer
    folder: Path
    ran: dict[str, Ran]

    def kept(self, count: int) -> list[dict[str, Any]]:
        return kept_in(self.folder, count)

    def run_others(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Run each workflow that the stand did not run before; what each node gave, by the workflow's id."""
        gave = self.n8n.execute_all(*map(ID.format, CALLS))
        return {name: items_of(one) for name, one in gave.items()}


def kept_in(folder: Path, count: int) -> list[dict[str, Any]]:
    return [json.loads(record.row.line) for record in records(folder, count)]


def of_one_execution(slug: str, found: list[dict[str, Any]], calls: int) -> list[dict[str, Any]]:
    assert len(found) == calls
    assert {one["workflow_id"] for one in found} <= {ID.format(slug)}
    assert len({(one["execution_id"], one["trace_id"]) for one in found}) == min(calls, 1)
    return found


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
        # Each start of n8n takes seconds: these share one.
        gave = n8n.execute_all(*map(ID.format, WITH_MAIL))
        kept = kept_in(folder / "recorder", sum(map(len, CALLS.values())))
        ran = {
            slug: (items_of(gave[ID.format(slug)]), [one for one in kept if one["workflow_id"] == ID.format(slug)])
            for slug in CALLS
            if ID.format(slug) in gave
        }
        yield NodesStand(n8n, recorder, folder / "recorder", ran)


def test_every_template_is_run_here() -> None:
    assert sorted([*CALLS, *WITH_MAIL]) == sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize(
    ("slug", "last"),
    [
        ("models", "List models"),
        ("generate", "Answer"),
        ("chat-with-context", "Answers"),
        ("embeddings", "Embed"),
        ("compare-two-models", "Comparison"),
        ("classify-in-batches", "All of them"),
        ("ai-chain", "Summarise"),
        ("ai-agent-with-memory", "Agent"),
        ("compare-over-a-sheet", "Sheet"),
    ],
)
def test_every_call_of_a_template_is_recorded_with_the_name_of_its_node(
    stand: NodesStand, slug: str, last: str
) -> None:
    assert slug in stand.ran, f"{slug} failed"
    found, kept = stand.ran[slug]
    assert [one["node"] for one in of_one_execution(slug, kept, len(CALLS[slug]))] == CALLS[slug]
    assert not [one for one in kept if one["failed"]]
    assert found[last]
    assert not [item for items in found.values() for item in items if item.get("error")]


def test_the_follow_up_knows_what_was_said_before(stand: NodesStand) -> None:
    _, (first, second) = stand.ran["chat-with-context"]
    roles = [message["role"] for message in json.loads(second["request_body"])["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert json.loads(second["request_body"])["messages"][2]["content"] == first["response_text"]


def test_a_sheet_has_a_row_for_each_prompt_and_both_answers(stand: NodesStand) -> None:
    found, kept = stand.ran["compare-over-a-sheet"]
    assert len(found["Row"]) == 3
    for number, row in enumerate(found["Row"]):
        a, b = kept[number], kept[number + 3]
        assert json.loads(a["request_body"])["prompt"] == json.loads(b["request_body"])["prompt"] == row["prompt"]
        assert (row["a_answer"], row["b_answer"]) == (a["response_text"], b["response_text"])
        # Ollama counts nothing where it broke off the answer of a random model.
        assert (row["a_tokens"], row["b_tokens"]) == (a.get("completion_tokens"), b.get("completion_tokens"))
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
        quiet = template(FOLDER / "failures-by-mail.json", since="2099-01-01T00:00:00Z")
        slow = template(FOLDER / "slow-prompts-by-mail.json", slow_seconds=0)
        slow["nodes"] = json.loads(
            re.sub(r"\$today(\.minus\(\{ days: 1 \}\))?\.toISO", _today, json.dumps(slow["nodes"]))
        )
        stand.n8n.add_workflows(quiet | {"id": "quiet"}, slow)
        before = len(stand.kept(0))
        found = stand.run_others()
        (kept,) = of_one_execution("slow-prompts-by-mail", stand.kept(before + 1)[before:], 1)
    assert found.keys() == {"quiet", *map(ID.format, WITH_MAIL)}
    assert not found["quiet"].get("Mail")
    assert kept["node"] == "Summarise"
    assert found[ID.format("slow-prompts-by-mail")]["Slow calls"][0]["count"] > 2
    of_failures, of_slow = sorted(mail_server.mails, key=lambda mail: str(mail["subject"]).endswith("yesterday"))
    assert of_failures["subject"] == "2 failures last night"
    text = of_failures.get_content()
    assert "Mails (2)" in text
    assert "ollama pull" in text
    assert "password of the vault" not in text
    assert of_slow["subject"].endswith(" slow prompts yesterday")


def _today(found: re.Match[str]) -> str:
    """Today's calls for yesterday's."""
    return "$today.toISO" if found[1] else "$today.plus({ days: 1 }).toISO"
