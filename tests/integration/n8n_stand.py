"""The shipped templates in a real n8n, and the shipped NGINX, real recorder, Ollama and Loki that their calls reach."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.integration.watching import SECONDS, Answer, call, records
from tests.journal.given import wait_until
from tests.servers.loki import Loki, running_loki
from tests.servers.n8n import Execution, N8n, installed_n8n
from tests.servers.nginx import running_nginx
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, running_ollama
from tests.servers.process import RunningServer
from tests.servers.recorder import running_recorder

SHIPPED = Path(__file__).parents[2] / "n8n"
MODELS = ("llama3.1:8b", "mistral:7b", "nomic-embed-text:latest")
"""What the templates ask for; here each is the tiny model under another name."""


class Named(NamedTuple):
    """What a record says about who asked for what."""

    operation: str
    model: str | None
    node: str
    workflow: str
    execution_id: str


@dataclass(frozen=True, slots=True)
class Stand:
    """An n8n with the templates, the recorder that its calls go through, and the Loki that gets its records.

    Each template but the one that mails has been run once.
    """

    n8n: N8n
    nginx: RunningServer
    folder: Path
    loki: Loki

    def kept(self, count: int) -> list[dict[str, Any]]:
        """Everything recorded so far, at least ``count``."""
        return [json.loads(record.row.line) for record in records(self.folder, count)]

    def ran(self, workflow: dict[str, Any], calls: int) -> tuple[Execution, list[dict[str, Any]]]:
        """The execution of a template that the stand began with, and the records of its ``calls``."""
        execution = next(one for one in self.n8n.executions() if one.workflow_id == workflow["id"])
        assert execution.status == "success"

        def found() -> list[dict[str, Any]]:
            return [one for one in self.kept(0) if one["execution_id"] == execution.id]

        wait_until(lambda: len(found()) >= calls)
        assert len(found()) == calls
        return execution, found()

    def run(self, workflow: dict[str, Any], calls: int) -> tuple[Execution, list[dict[str, Any]]]:
        """Execute ``workflow``; the execution, and the records of its ``calls``."""
        before = len(self.kept(0))
        execution = self.n8n.execute(workflow["id"])
        assert (execution.workflow_id, execution.status) == (workflow["id"], "success")
        new = self.kept(before + calls)[before:]
        assert len(new) == calls
        return execution, new


def template(slug: str, nginx: RunningServer) -> dict[str, Any]:
    """A shipped workflow, with the address of ``nginx`` for the one it has in the Docker stack."""
    text = (SHIPPED / "workflows" / f"{slug}.json").read_text()
    found: dict[str, Any] = json.loads(at(nginx, text))
    return found


def credentials(nginx: RunningServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(at(nginx, (SHIPPED / "credentials.json").read_text()))
    return found


def at(nginx: RunningServer, text: str) -> str:
    return text.replace("http://nginx:80/", f"{nginx.url}/")


def node(workflow: dict[str, Any], name: str) -> dict[str, Any]:
    wanted: dict[str, Any]
    (wanted,) = [one for one in workflow["nodes"] if one["name"] == name]
    return wanted


def named(record: dict[str, Any]) -> Named:
    return Named(record["operation"], record.get("model"), record["node"], record["workflow"], record["execution_id"])


def behind_a_webhook(workflow: dict[str, Any]) -> dict[str, Any]:
    """The workflow, started by ``POST /webhook/generate`` instead of by hand."""
    hook = {"httpMethod": "POST", "path": "generate", "responseMode": "lastNode", "options": {}}
    trigger = {"type": "n8n-nodes-base.webhook", "typeVersion": 2, "parameters": hook, "webhookId": "generate"}
    node(workflow, "When clicking Execute").update(trigger)
    return workflow | {"name": "Résumé by webhook"}


def answer_of_webhook(server: RunningServer) -> Answer:
    """Ask until n8n, which is ready before its webhooks are, has this one."""
    until = time.monotonic() + SECONDS
    while (answered := call(server, "/webhook/generate", {})).status == 404 and time.monotonic() < until:
        time.sleep(0.1)
    return answered


@contextlib.contextmanager
def running_stand(folder: Path, version: str) -> Iterator[Stand]:
    """One for many tests: importing the templates alone takes seconds. Skips the test where a real server is absent."""
    n8n = installed_n8n(folder / "n8n", version)
    with contextlib.ExitStack() as servers:
        loki = servers.enter_context(running_loki(folder / "loki"))
        ollama = servers.enter_context(running_ollama(folder / "ollama"))
        for name in MODELS:
            ollama.ask("/api/copy", {"source": EMBEDDING_MODEL if "embed" in name else MODEL, "destination": name})
        recorder = servers.enter_context(
            running_recorder(folder / "recorder", OLLAMA_URL=ollama.url, LOKI_URL=loki.url)
        )
        nginx = servers.enter_context(running_nginx(folder / "nginx", f"127.0.0.1:{recorder.port}"))
        n8n.add_credentials(credentials(nginx))
        n8n.add_workflows(*(template(path.stem, nginx) for path in sorted((SHIPPED / "workflows").iterdir())))
        # Each start of n8n takes seconds: the templates that need no mail server share one.
        n8n.execute_all(template("slow-prompts-by-mail", nginx)["id"])
        yield Stand(n8n, nginx, folder / "recorder", loki)
