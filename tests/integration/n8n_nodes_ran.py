"""Workflows with our nodes, all run once in one start of a real n8n: each start takes seconds."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.fakes.conversation import Conversation
from tests.fakes.ollama import FakeOllama, Script, json_answer, ndjson_stream
from tests.integration.n8n_workflows import credential, items_of, kept
from tests.integration.watching import call
from tests.servers.n8n import N8n, installed_n8n
from tests.servers.recorder import running_recorder

VECTOR = {"model": "nomic-embed-text", "embeddings": [[0.1, 0.2]], "prompt_eval_count": 3}


@dataclass(frozen=True, slots=True)
class Ran:
    """What several workflows did in one n8n: what each node gave, and what the recorder keeps."""

    n8n: N8n
    outputs: dict[str, dict[str, list[dict[str, Any]]]]
    """By the workflow's id and the node's name; a workflow that failed is absent."""
    records: list[dict[str, Any]]
    failures: dict[str, Any]

    def of(self, workflow_id: str) -> list[dict[str, Any]]:
        """The records of the calls of a workflow, in order."""
        return [one for one in self.records if one.get("workflow_id") == workflow_id]

    def execution(self, workflow_id: str) -> str:
        """The id of the execution of a workflow, which ended well."""
        (found,) = [one for one in self.n8n.executions() if one.workflow_id == workflow_id]
        assert found.status == "success", f"{workflow_id} ended as {found.status}"
        return found.id


def of_each_model(answers: dict[str, list[Script]]) -> Script:
    """Answers of a model, in order, whichever workflow comes first; any other model says a few words."""
    left = {model: iter(scripts) for model, scripts in answers.items()}
    fine = ndjson_stream(3)

    async def script(conversation: Conversation) -> None:
        await conversation.read_upload()
        scripts = left.get(json.loads(conversation.request.body_start)["model"])
        await (fine if scripts is None else next(scripts))(conversation)

    return script


@contextlib.asynccontextmanager
async def ran_once(
    folder: Path,
    version: str,
    extensions: Path,
    workflows: Callable[[str], Iterable[dict[str, Any]]],
    answers: dict[str, list[Script]],
    calls: int,
) -> AsyncIterator[Ran]:
    """Run ``workflows``, which are made for the id of an exchange that is recorded before. ``calls`` are kept then,
    at least.

    ``answers`` are those of ``/api/chat`` by the model's name.
    """
    n8n = replace(installed_n8n(folder / "n8n", version), variables={"N8N_CUSTOM_EXTENSIONS": str(extensions)})

    def run() -> Ran:
        with running_recorder(folder / "recorder", OLLAMA_URL=ollama.url) as recorder:
            before = {"model": "before", "prompt": "Why?"}
            assert call(recorder, "/api/ollama/api/generate", before).status == 200
            (first,) = kept(folder, 1)
            n8n.add_credentials([credential(recorder)])
            n8n.add_workflows(*workflows(first["exchange"]))
            outputs = {name: items_of(one) for name, one in n8n.execute_all().items()}
            left = [one for one in kept(folder, calls) if one["exchange"] != first["exchange"]]
            return Ran(n8n, outputs, [first, *left], call(recorder, "/failures.json").json())

    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", of_each_model(answers))
        ollama.answers("/api/embed", json_answer(VECTOR))
        yield await asyncio.to_thread(run)
