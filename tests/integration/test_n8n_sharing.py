"""A real n8n shares an Ollama with others: its batch keeps nobody waiting, and its nodes say why they were refused."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.n8n_stand import SHIPPED, credentials, node, template
from tests.integration.watching import SECONDS, call, records
from tests.servers.n8n import NEWEST, VERSIONS, installed_n8n
from tests.servers.ollama import MODEL, running_ollama
from tests.servers.process import RunningServer
from tests.servers.recorder import running_recorder

pytestmark = pytest.mark.long

TEXTS = 60


@contextmanager
def sharing(folder: Path, **settings: Any) -> Iterator[RunningServer]:
    """A recorder, with such settings, in front of a real Ollama that has the model of the templates."""
    with running_ollama(folder / "ollama") as ollama:
        ollama.ask("/api/copy", {"source": MODEL, "destination": "llama3.1:8b"})
        with running_recorder(folder / "recorder", OLLAMA_URL=ollama.url, **settings) as recorder:
            yield recorder


def all_at_once(recorder: RunningServer) -> dict[str, Any]:
    """The template that classifies, without its loop: its node gets all texts, and asks about all of them at once."""
    workflow = template("classify-in-batches", recorder)
    texts = node(workflow, "Settings")["parameters"]["assignments"]["assignments"][-1]
    texts["value"] = json.dumps([f"Invoice {number} is wrong." for number in range(TEXTS)])
    asked = "model: 'llama3.1:8b', prompt: $json.text, stream: false, options: { num_predict: 20 }"
    classify = node(workflow, "Classify")
    classify["parameters"]["jsonBody"] = f"={{{{ JSON.stringify({{ {asked} }}) }}}}"
    classify["retryOnFail"] = False
    workflow["connections"]["One item per text"] = {"main": [[{"node": "Classify", "type": "main", "index": 0}]]}
    del workflow["connections"]["Classify"]
    return workflow


def waiting(recorder: RunningServer) -> dict[str, Any]:
    return dict(call(recorder, "/queue.json").json())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_person_waits_for_one_call_of_n8ns_batch_and_not_for_all(
    version: str, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    n8n = installed_n8n(tmp_path / "n8n", version)
    with sharing(tmp_path, MAX_ACTIVE="1", QUEUE_LENGTH="100") as recorder, ThreadPoolExecutor() as threads:
        workflow = all_at_once(recorder)
        n8n.add_workflows(workflow)
        batch = threads.submit(n8n.execute, workflow["id"])
        until = time.monotonic() + 60
        while waiting(recorder)["waiting_count"] < TEXTS // 2:
            assert time.monotonic() < until
            assert not batch.done(), batch.result()
            time.sleep(0.01)
        began = time.monotonic()
        asked = {"model": MODEL, "prompt": "a person", "stream": False, "options": {"num_predict": 20}}
        person = threads.submit(call, recorder, "/api/ollama/~user=Ann/api/generate", asked)
        seen = waiting(recorder)
        assert person.result(SECONDS).status == 200
        waited, left = time.monotonic() - began, waiting(recorder)["waiting_count"]
        execution = batch.result(120)
        lines = [json.loads(one.row.line) for one in records(tmp_path / "recorder", TEXTS + 1)]
    measured(f"a person waited {waited:.2f} s beside {TEXTS} calls of n8n")
    assert execution.status == "success"
    assert left > 0, "served before the batch was"
    assert {one["caller"] for one in seen["waiting"]} >= {f"workflow {workflow['name']}"}
    assert all(one["reason"] for one in seen["waiting"])
    (line,) = [one for one in lines if one.get("user") == "Ann"]
    assert line["queue_behind"].startswith(
        (f"workflow {workflow['name']}: 1 call,", f"workflow {workflow['name']}: 2 calls,")
    )
    mine = [one for one in lines if one.get("workflow") == workflow["name"]]
    assert [one["failed"] for one in mine] == [False] * TEXTS
    assert {one["execution_id"] for one in mine} == {execution.id}


def test_a_node_of_n8n_says_why_it_was_refused(tmp_path: Path) -> None:
    n8n = installed_n8n(tmp_path / "n8n", NEWEST)
    slugs = ("generate", "ai-chain")
    names = {json.loads((SHIPPED / "workflows" / f"{slug}.json").read_text())["name"] for slug in slugs}
    limits = tmp_path / "limits.toml"
    limits.write_text("".join(f'[workflow."{name}"]\nmodels = ["another"]\n' for name in names))
    with sharing(tmp_path, LIMITS_FILE=str(limits)) as recorder:
        n8n.add_credentials(credentials(recorder))
        n8n.add_workflows(*(template(slug, recorder) for slug in slugs))
        with pytest.raises(AssertionError, match="Failures: 2"):
            n8n.execute_all()
        kept = [json.loads(one.row.line) for one in records(tmp_path / "recorder", len(slugs))]
    assert [one.status for one in n8n.executions()] == ["error"] * len(slugs)
    told = n8n.kept_of_executions()
    assert {(one["workflow"], one["outcome"], one["status"]) for one in kept} == {
        (name, "refused", 403) for name in names
    }
    for name in names:
        words = f"orkflow {name} may not use the model"
        assert words in told
        assert all(words in one["error"] for one in kept if one["workflow"] == name)
