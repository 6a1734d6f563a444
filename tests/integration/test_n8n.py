"""The shipped templates in a real n8n, through the shipped NGINX, to a real Ollama: whose call every record says."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import HOLD, FakeOllama, answer, json_answer
from tests.fakes.otlp import FakeOtlp
from tests.fakes.smtp import running_smtp
from tests.integration.a_day import Day, a_day
from tests.integration.asked_loki import NUMBERS, Asked, delivered, ship
from tests.integration.n8n_stand import (
    Named,
    Stand,
    answer_of_webhook,
    behind_a_webhook,
    named,
    node,
    running_stand,
    template,
)
from tests.integration.watching import SECONDS, doors, records, started
from tests.journal.given import wait_until
from tests.servers.loki import Loki
from tests.servers.n8n import VERSIONS, N8n, installed_n8n
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=VERSIONS)
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with running_stand(tmp_path_factory.mktemp("n8n"), request.param) as standing:
        yield standing


@pytest.fixture(params=VERSIONS)
def n8n(request: pytest.FixtureRequest, tmp_path: Path) -> N8n:
    """An n8n of each version with nothing in it."""
    return installed_n8n(tmp_path / "n8n", request.param)


@pytest.mark.parametrize(
    ("slug", "calls"),
    [
        ("models", [("list", None, "List models")]),
        ("generate", [("generate", "llama3.1:8b", "Generate")]),
        ("chat-with-context", [("chat", "llama3.1:8b", "First question"), ("chat", "llama3.1:8b", "Follow-up")]),
        ("embeddings", [("embed", "nomic-embed-text:latest", "Embed")] * 2),
        ("compare-two-models", [("generate", "llama3.1:8b", "Ask model A"), ("generate", "mistral:7b", "Ask model B")]),
    ],
)
def test_every_call_of_a_template_is_recorded_with_its_workflow_execution_and_node(
    stand: Stand, slug: str, calls: list[tuple[str, str | None, str]]
) -> None:
    workflow = template(slug, stand.nginx)
    execution, kept = stand.ran(workflow, len(calls))
    assert [named(one) for one in kept] == [Named(*each, workflow["name"], execution.id) for each in calls]
    for one in kept:
        assert (one["status"], one["outcome"], one["caller"]) == (200, "completed", "n8n")
        assert one["workflow_id"] == workflow["id"]


def test_a_list_is_classified_three_texts_a_call_with_nothing_but_the_words_allowed(stand: Stand) -> None:
    workflow = template("classify-in-batches", stand.nginx)
    execution, kept = stand.ran(workflow, 2)
    assert [named(one) for one in kept] == [
        Named("generate", "llama3.1:8b", "Classify", workflow["name"], execution.id)
    ] * 2
    answers = [json.loads(one["response_text"])["categories"] for one in kept]
    assert [len(categories) for categories in answers] == [3, 1]
    assert {*answers[0], *answers[1]} <= {"billing", "fault", "praise", "other"}


@pytest.mark.parametrize(("slug", "calls"), [("ai-chain", 1), ("ai-agent-with-memory", 2)])
def test_the_credentials_address_names_workflow_execution_and_node_of_an_ai_node(
    stand: Stand, slug: str, calls: int
) -> None:
    workflow = template(slug, stand.nginx)
    execution, kept = stand.ran(workflow, calls)
    model = node(workflow, "Ollama Chat Model")["id"]
    assert [named(one) for one in kept] == [Named("chat", "llama3.1:8b", model, workflow["name"], execution.id)] * calls
    for one in kept:
        assert (one["stream"], one["caller"], one["workflow_id"]) == (True, "n8n", workflow["id"])
        assert one["user_agent"].startswith("ollama-js/")


def test_the_agent_sends_its_memory_again_with_each_question(stand: Stand) -> None:
    _, (first, second) = stand.ran(template("ai-agent-with-memory", stand.nginx), 2)
    remembered = [message["content"] for message in json.loads(second["request_body"])["messages"]]
    assert "My name is Ada. What is a container?" in remembered
    assert first.get("response_text", "") in remembered
    assert remembered[-1] == "What is my name?"
    assert second["prompt_tokens"] > first["prompt_tokens"]


def test_yesterdays_slow_prompts_come_by_mail_with_a_models_summary(stand: Stand, loki: Loki) -> None:
    workflow = template("slow-prompts-by-mail", stand.nginx)
    with running_smtp() as mail_server:
        smtp = {"user": "", "password": "", "host": "127.0.0.1", "port": mail_server.port}
        data = {**smtp, "secure": False, "disableStartTls": True}
        stand.n8n.add_credentials([{"id": "test-mail", "name": "Test mail", "type": "smtp", "data": data}])
        node(workflow, "Mail")["credentials"] = {"smtp": {"id": "test-mail", "name": "Test mail"}}
        for setting in node(workflow, "Settings")["parameters"]["assignments"]["assignments"]:
            setting["value"] = loki.url if setting["name"] == "loki" else setting["value"]
        stand.n8n.add_workflows(workflow)
        yesterday = time.time() - 86_400
        remember(loki, yesterday, "Quick one", 9.9)
        remember(loki, yesterday + 1, "Write a book", 12.5)
        remember(loki, yesterday + 2, "Write a library", 240.25)
        execution, (kept,) = stand.run(workflow, 1)
    assert named(kept) == Named("generate", "llama3.1:8b", "Summarise", workflow["name"], execution.id)
    prompt = json.loads(kept["request_body"])["prompt"]
    assert prompt.index("240.25 s, tiny, Library: ") < prompt.index("12.5 s, tiny, Library: ")
    assert "Quick one" not in prompt
    (mail,) = mail_server.mails
    assert isinstance(mail, EmailMessage)
    assert mail["subject"] == "2 slow prompts yesterday"
    assert mail["to"] == "you@example.com"
    said = mail.get_content()
    assert letters(kept.get("response_text", "")) in letters(said)
    assert "Write a library" in said


def letters(text: str) -> str:
    """What a mail keeps as it is: not the line ends and control characters that a random model writes."""
    return "".join(character for character in text if character.isascii() and character.isalpha())


def remember(loki: Loki, when: float, prompt: str, seconds: float) -> None:
    """A record in Loki of a call that ended at the Unix time ``when``."""
    said = {"model": "tiny", "workflow": "Library", "request_time": seconds, "request_body": prompt}
    labels = {"job": "nginx", "service": "ollama", "method": "POST", "instance": "here"}
    values = [[str(int(when * 1e9)), json.dumps(said), {"request_time": str(seconds)}]]
    status, answered = loki.push([{"stream": labels, "values": values}])
    assert status == 204, answered


def test_every_query_of_every_dashboard_and_alert_counts_what_this_n8n_asked_among_a_days_exchanges(
    stand: Stand, tmp_path: Path
) -> None:
    of_n8n = stand.kept(0)
    simulated = a_day(1500, int(datetime.fromisoformat(of_n8n[0]["started"]).timestamp()))
    ship(simulated, stand.loki, tmp_path / "day", "the-day")
    wait_until(lambda: delivered(stand.folder / "data") == len(of_n8n))
    end = int(time.time()) + 1
    day = Day(end, said=[*simulated.said, *of_n8n], seconds=end - simulated.begin)
    (execution, _), *_ = Counter(said["execution_id"] for said in of_n8n).most_common()
    asked = Asked(stand.loki, day, exchange=of_n8n[-1]["exchange"], execution=execution)
    assert not asked.wrong_numbers()
    assert not asked.wrong_lines()
    for workflow in {said["workflow"] for said in of_n8n}:
        of_one = Day(end, said=[said for said in of_n8n if said["workflow"] == workflow], seconds=day.seconds)
        of_workflows = [query for query in NUMBERS if query.place == "ollama-n8n"]
        chosen = Asked(stand.loki, of_one, workflow=workflow)
        assert not chosen.wrong_numbers(of_workflows, may_be_empty=True), workflow


async def test_a_record_is_in_the_trace_of_the_n8n_node_that_asked(
    n8n: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer], start_nginx: Callable[..., RunningServer]
) -> None:
    async with FakeOllama() as ollama, FakeOtlp() as receiver:
        _, nginx = await doors(ollama, start_recorder, start_nginx, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
        workflow = behind_a_webhook(template("generate", nginx))
        await asyncio.to_thread(n8n.add_workflows, workflow)
        await asyncio.to_thread(n8n.run, "publish:workflow", f"--id={workflow['id']}")
        tracing = {"N8N_OTEL_ENABLED": "true", "N8N_OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        with contextlib.ExitStack() as running:
            server = await started(running.enter_context, n8n.serving(**tracing))
            answered = await asyncio.to_thread(answer_of_webhook, server)
            assert answered.status == 200, answered.body
            await asyncio.to_thread(server.stop)  # n8n exports what it still has
        (kept,) = await asyncio.to_thread(records, tmp_path / "recorder", 1)
        record = json.loads(kept.row.line)
        await receiver.wait_until(lambda: record["span_id"] in {span.span_id.hex() for span in receiver.spans})
        await receiver.wait_until(lambda: "workflow.execute" in {span.name for span in receiver.spans})
    spans = {span.span_id.hex(): span for span in receiver.spans}
    ours = spans[record["span_id"]]
    node_of_n8n = spans[ours.parent_span_id.hex()]
    execution = spans[node_of_n8n.parent_span_id.hex()]
    assert {span.trace_id.hex() for span in (ours, node_of_n8n, execution)} == {record["trace_id"]}
    assert (node_of_n8n.name, attribute(node_of_n8n, "n8n.node.name")) == ("node.execute", "Generate")
    assert execution.name == "workflow.execute"
    assert named(record) == Named(
        "generate", "llama3.1:8b", "Generate", workflow["name"], attribute(execution, "n8n.execution.id")
    )


def attribute(span: Any, key: str) -> str:
    return next((found.value.string_value for found in span.attributes if found.key == key), "")


async def test_a_batch_that_fails_is_tried_again_and_every_try_is_a_record(
    n8n: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer], start_nginx: Callable[..., RunningServer]
) -> None:
    failing = json_answer({"error": "model runner has unexpectedly stopped"}, 500)
    fine = json_answer({"response": '{"categories": ["billing", "fault", "praise"]}', "done": True})
    async with FakeOllama() as ollama:
        ollama.answers("/api/generate", failing, fine, failing)
        _, nginx = await doors(ollama, start_recorder, start_nginx)
        workflow = template("classify-in-batches", nginx)
        await asyncio.to_thread(n8n.add_workflows, workflow)
        execution = await asyncio.to_thread(n8n.execute, workflow["id"])
        kept = await asyncio.to_thread(records, tmp_path / "recorder", 5)
    said = [json.loads(one.row.line) for one in kept]
    assert execution.status == "success"
    assert [one["status"] for one in said] == [500, 200, 500, 500, 500]
    assert {one["node"] for one in said} == {"Classify"}
    assert ["Where is my parcel?" in one["request_body"] for one in said] == [False, False, True, True, True]


async def test_a_node_that_gives_up_leaves_a_record_that_says_the_client_left(
    n8n: N8n,
    tmp_path: Path,
    loki: Loki,
    start_recorder: Callable[..., RunningServer],
    start_nginx: Callable[..., RunningServer],
) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/generate", answer(HOLD))
        _, nginx = await doors(ollama, start_recorder, start_nginx, LOKI_URL=loki.url)
        workflow = template("generate", nginx)
        node(workflow, "Generate")["parameters"]["options"]["timeout"] = 1000
        await asyncio.to_thread(n8n.add_workflows, workflow)
        with pytest.raises(AssertionError, match="n8n execute ended"):
            await asyncio.to_thread(n8n.execute, workflow["id"])
        (kept,) = await asyncio.to_thread(records, tmp_path / "recorder", 1)
        assert await asyncio.to_thread(clients_that_gave_up, loki) == {workflow["name"]: 1.0}
    (execution,) = n8n.executions()
    record = json.loads(kept.row.line)
    assert execution.status == "error"
    assert (record["outcome"], record["status"], record["failed"]) == ("client_left", 499, True)
    assert named(record) == Named("generate", "llama3.1:8b", "Generate", workflow["name"], execution.id)
    assert 0.9 < record["request_time"] < 5


def clients_that_gave_up(loki: Loki) -> dict[str, float]:
    """How many calls of each workflow nobody waited for, asked until Loki has one."""
    query = 'sum by (workflow) (count_over_time({job="nginx", service="ollama"} | outcome="client_left" [5m]))'
    until = time.monotonic() + SECONDS
    while not (found := loki.query(query, at=time.time())) and time.monotonic() < until:
        time.sleep(0.1)
    return {one["metric"]["workflow"]: float(one["value"][1]) for one in found}
