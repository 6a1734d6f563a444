"""The French guide's calls and queries, unchanged, through the shipped NGINX with real servers on both sides."""

import contextlib
import json
import shlex
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.journal.reader import Row
from service.shipping.loki.encode import encode
from tests.integration.watching import Answer, call
from tests.servers.loki import Loki, running_loki
from tests.servers.nginx import running_nginx
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, PROGRAMS, running_ollama
from tests.servers.process import RunningServer, require
from tests.servers.recorder import running_recorder

# Its calls from the host, character for character.
CURL_CALLS = (
    "curl http://localhost:8080/api/ollama/api/tags",
    r"""curl -X POST http://localhost:8080/api/ollama/api/generate \
  -H "Content-Type: application/json" \
  -d '{
    "model": "llama3.1:8b",
    "prompt": "Explique Docker en 3 phrases",
    "stream": false
  }'""",
    r"""curl -X POST http://localhost:8080/api/ollama/api/chat \
  -H "Content-Type: application/json" \
  -d '{
    "model": "llama3.1:8b",
    "messages": [{"role": "user", "content": "Bonjour"}],
    "stream": false
  }'""",
)
# Its queries.
ALL_CALLS = '{job="nginx", service="ollama"} | json'
PROMPTS = '{job="nginx", service="ollama", method="POST"} | json | line_format "{{.request_body}}"'
SLOW_CALLS = '{job="nginx", service="ollama"} | json | request_time > 10'
MEAN_TIME = 'avg(avg_over_time({job="nginx", service="ollama"} | json | unwrap request_time [5m]))'
CALL_COUNT = 'sum(count_over_time({job="nginx", service="ollama"}[5m]))'

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECONDS = 20.0


@dataclass
class Traffic:
    """What was asked, through NGINX, and what Loki has of it."""

    loki: Loki
    nginx: RunningServer
    began: float
    answers: dict[str, Answer] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)
    curl: list[tuple[str, Any]] = field(default_factory=list)
    count: int = 0

    def ask(self, name: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> None:
        if body is not None:
            self.bodies.append(json.dumps(body))
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self.answers[name] = call(self.nginx, path, body, headers=named)
        self.count += 1

    def run_curl(self, command: str) -> None:
        words = shlex.split(command.replace("\\\n", " ").replace("localhost:8080", f"localhost:{self.nginx.port}"))
        program = require(words[0], "apt-get install curl")
        done = subprocess.run(
            [program, "--silent", "--show-error", "--fail", *words[1:]], capture_output=True, check=True
        )
        self.curl.append((command, json.loads(done.stdout)))
        if "-d" in words:
            self.bodies.append(words[words.index("-d") + 1])
        self.count += 1

    def logs(self, query: str) -> list[tuple[dict[str, str], str]]:
        """Labels and line of every entry, of the whole time."""
        found = self.loki.query_range(query, start=self.began, end=time.time() + 1)
        return [(stream["stream"], line) for stream in found for _, line, *_ in stream["values"]]

    def number(self, query: str) -> float:
        (only,) = self.loki.query(query, at=time.time())
        return float(only["value"][1])

    def record(self, name: str) -> dict[str, Any]:
        """The one record of an answer."""
        (line,) = [line for _, line in self.logs(f'{{job="nginx"}} | exchange="{self.answers[name].exchange}"')]
        found: dict[str, Any] = json.loads(line)
        return found

    def spans(self, name: str) -> dict[str, dict[str, Any]]:
        """The span lines of an answer, by the first word of their names."""
        lines = [line for _, line in self.logs(f'{{job="spans"}} | exchange="{self.answers[name].exchange}"')]
        return {span["name"].split()[0]: span for span in map(json.loads, lines)}


@pytest.fixture(scope="module", params=PROGRAMS)
def traffic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    """One run of everything that the guide shows, and of what else n8n and SDKs send; all of it is in Loki."""
    folder = tmp_path_factory.mktemp("guide")
    with contextlib.ExitStack() as servers:
        ollama = servers.enter_context(running_ollama(folder / "ollama", request.param))
        loki = servers.enter_context(running_loki(folder / "loki"))
        for name in ("llama3.1:8b", "nomic-embed-text:latest"):
            ollama.ask("/api/copy", {"source": EMBEDDING_MODEL if "embed" in name else MODEL, "destination": name})
        recorder = servers.enter_context(
            running_recorder(folder / "recorder", OLLAMA_URL=ollama.url, LOKI_URL=loki.url)
        )
        nginx = servers.enter_context(running_nginx(folder / "nginx", f"127.0.0.1:{recorder.port}"))
        traffic = Traffic(loki, nginx, time.time())
        _make(traffic)
        until = time.monotonic() + SECONDS
        while (found := len(traffic.logs('{job="nginx", service="ollama"}'))) < traffic.count:
            assert time.monotonic() < until, f"{found} of {traffic.count} records are in Loki"
            time.sleep(0.1)
        yield traffic


def _make(traffic: Traffic) -> None:
    for command in CURL_CALLS:
        traffic.run_curl(command)
    bonjour = [{"role": "user", "content": "Bonjour"}]
    n8n = "/api/ollama/api"
    traffic.ask("tags", f"{n8n}/tags")
    sample = {"model": "llama3.1:8b", "prompt": "Où est Docker ?", "stream": False, "options": {"temperature": 0.7}}
    for _ in range(5):
        traffic.ask("generate", f"{n8n}/generate", sample)
        # At this temperature the tiny model may end before its first word, and Ollama leaves out counts of nothing.
        if "eval_count" in traffic.answers["generate"].json():
            break
    traffic.ask("chat", f"{n8n}/chat", {"model": "llama3.1:8b", "messages": bonjour, "stream": False})
    traffic.ask("embeddings", f"{n8n}/embeddings", {"model": "nomic-embed-text:latest", "prompt": "Docker"})
    traffic.ask(
        "headers",
        f"{n8n}/chat",
        {"model": "llama3.1:8b", "messages": bonjour},
        X_N8N_Workflow_Id="wF1",
        X_N8N_Workflow_Name="Factures%20%C3%A9t%C3%A9",
        X_N8N_Execution_Id="231",
        X_N8N_Node="R%C3%A9sum%C3%A9",
        User_Agent="Mozilla/5.0 (compatible; n8n/2.30.8; +https://n8n.io/)",
        traceparent=TRACEPARENT,
    )
    traffic.ask(
        "path",
        "/api/ollama/~workflow=Factures%20%C3%A9t%C3%A9;node=a%2Fb%3Bc;execution=232;user=Zo%C3%AB/v1/chat/completions",
        {"model": "llama3.1:8b", "messages": bonjour, "stream": True, "stream_options": {"include_usage": True}},
    )
    traffic.ask("failing", f"{n8n}/generate", {"model": "absent:1b", "prompt": "Bonjour"})
    overlong = " ".join(["which one would be made over time"] * 200)
    traffic.ask(
        "overlong",
        f"{n8n}/generate",
        {"model": "llama3.1:8b", "prompt": overlong, "stream": False, "options": {"num_ctx": 256}},
    )


def test_the_curl_calls_are_answered_as_ollama_does(traffic: Traffic) -> None:
    tags, generate, chat = (answer for _, answer in traffic.curl)
    assert {"llama3.1:8b", "nomic-embed-text:latest"} <= {model["name"] for model in tags["models"]}
    assert generate["done"] is True
    assert generate["response"]
    assert chat["message"]["role"] == "assistant"
    assert [answer.status for answer in traffic.answers.values()] == [200] * 6 + [404, 200]


def test_the_query_for_all_calls_finds_exactly_one_line_for_each(traffic: Traffic) -> None:
    lines = [json.loads(line) for _, line in traffic.logs(ALL_CALLS)]
    assert len(lines) == traffic.count
    exchanges = [line["exchange"] for line in lines]
    assert len(set(exchanges)) == traffic.count
    assert {answer.exchange for answer in traffic.answers.values()} <= set(exchanges)
    assert not traffic.logs(ALL_CALLS + ' | __error__ != ""')


def test_the_query_for_prompts_shows_each_body_as_it_was_sent(traffic: Traffic) -> None:
    assert sorted(line for _, line in traffic.logs(PROMPTS)) == sorted(traffic.bodies)


def test_the_query_for_slow_calls_finds_those_over_ten_seconds(traffic: Traffic, loki: Loki) -> None:
    assert all(json.loads(line)["request_time"] > 10 for _, line in traffic.logs(SLOW_CALLS)), "on a busy machine"
    # The same record three times, but for its number, its time and how long it took.
    record = traffic.record("generate")
    now_ns = time.time_ns()
    rows = []
    for number, seconds in enumerate((9.999, 10.0, 10.001), 1):
        said = {**record, "request_time": seconds, "exchange": f"{number:032x}"}
        line = json.dumps(said).encode()
        identifier, ended_ns = said["exchange"], now_ns + number
        rows.append(Row(number, identifier, ended_ns, ended_ns, "POST", "generate", "completed", None, line))
    pushed = urllib.request.Request(
        f"{loki.url}/loki/api/v1/push",
        encode(rows, "here", with_spans=False).body,
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    with urllib.request.urlopen(pushed, timeout=20) as reply:
        assert reply.status == 204
    found = [json.loads(line) for _, line in Traffic(loki, traffic.nginx, time.time() - 60).logs(SLOW_CALLS)]
    pushed_ids = {row.id for row in rows}
    assert [said["request_time"] for said in found if said["exchange"] in pushed_ids] == [10.001]


def test_the_query_for_the_mean_time_is_right(traffic: Traffic) -> None:
    times = [json.loads(line)["request_time"] for _, line in traffic.logs(ALL_CALLS)]
    assert traffic.number(MEAN_TIME) == pytest.approx(statistics.fmean(times))


def test_the_query_that_counts_calls_equals_the_requests_made(traffic: Traffic) -> None:
    assert traffic.number(CALL_COUNT) == traffic.count


def test_a_record_begins_like_the_guides_sample_and_says_what_ollama_did(traffic: Traffic) -> None:
    record, answer = traffic.record("generate"), traffic.answers["generate"].json()
    assert [*record][:6] == ["time", "method", "request_uri", "status", "request_time", "request_body"]
    assert record["request_uri"] == "/api/ollama/api/generate"
    assert record.get("response_text", "") == answer["response"]
    assert record["model"] == "llama3.1:8b"
    assert (record["operation"], record["api"], record["stream"], record["failed"]) == (
        "generate",
        "ollama",
        False,
        False,
    )
    assert (record["prompt_tokens"], record["completion_tokens"]) == (answer["prompt_eval_count"], answer["eval_count"])
    assert record["done_reason"] == answer["done_reason"]
    assert record["load_time"] == pytest.approx(answer["load_duration"] / 1e9, abs=1e-6)
    assert record["wait_time"] >= record["load_time"]
    assert record["prompt_time"] == pytest.approx(answer["prompt_eval_duration"] / 1e9, abs=1e-6)
    assert record["generation_time"] == pytest.approx(answer["eval_duration"] / 1e9, abs=1e-6)
    assert record["tokens_per_second"] == pytest.approx(answer["eval_count"] / answer["eval_duration"] * 1e9, rel=1e-3)
    assert record["wait_time"] + record["prompt_time"] + record["generation_time"] <= record["request_time"] + 0.05
    assert record["upstream_status"] == 200


def test_a_stream_is_put_together_with_its_tokens(traffic: Traffic) -> None:
    native, openai = traffic.record("headers"), traffic.record("path")
    pieces = [json.loads(line)["message"]["content"] for line in traffic.answers["headers"].body.splitlines()]
    assert native["response_text"] == "".join(pieces)
    assert native["completion_tokens"] > 0
    # As NGINX has it, request_time is in thousandths; the other is finer.
    assert native["time_to_first_token"] <= native["request_time"] + 0.001
    assert (openai["operation"], openai["api"], openai["stream"]) == ("chat", "openai", True)
    assert openai["completion_tokens"] > 0
    assert openai["prompt_tokens"] > 0
    assert openai["response_text"]


def test_a_failing_call_is_marked_with_ollamas_own_words(traffic: Traffic) -> None:
    record = traffic.record("failing")
    assert (record["status"], record["failed"], record["outcome"]) == (404, True, "completed")
    assert record["model"] == "absent:1b"
    assert record["error"] == traffic.answers["failing"].json()["error"]
    failed = traffic.logs('{job="nginx", service="ollama"} | failed="true"')
    assert len(failed) == 1


def test_a_prompt_that_ollama_cut_without_a_word_is_flagged(traffic: Traffic) -> None:
    record = traffic.record("overlong")
    assert record["context_length"] == 256
    assert record["prompt_truncated"] is True
    assert len(traffic.logs('{job="nginx", service="ollama"} | prompt_truncated="true"')) == 1


def test_n8n_is_named_from_headers_and_from_the_path(traffic: Traffic) -> None:
    by_headers, by_path = traffic.record("headers"), traffic.record("path")
    assert by_headers["workflow"] == "Factures été"
    assert by_headers["workflow_id"] == "wF1"
    assert by_headers["execution_id"] == "231"
    assert by_headers["node"] == "Résumé"
    assert by_headers["caller"] == "n8n"
    assert by_path["workflow"] == "Factures été"
    assert by_path["node"] == "a/b;c"
    assert by_path["execution_id"] == "232"
    assert by_path["user"] == "Zoë"
    assert len(traffic.logs('{job="nginx"} | workflow="Factures été"')) == 2


def test_the_callers_trace_is_joined_and_its_spans_are_in_loki(traffic: Traffic) -> None:
    _, trace_id, parent, _ = TRACEPARENT.split("-")
    assert traffic.record("headers")["trace_id"] == trace_id
    spans = traffic.spans("headers")
    assert set(spans) == {"POST", "chat", "wait", "prompt", "generation"}
    assert {span["trace_id"] for span in spans.values()} == {trace_id}
    assert spans["POST"]["parent_span_id"] == parent
    assert spans["chat"]["parent_span_id"] == spans["POST"]["span_id"] == traffic.record("headers")["span_id"]
    assert {spans[name]["parent_span_id"] for name in ("wait", "prompt", "generation")} == {spans["chat"]["span_id"]}
    attributes = spans["POST"]["attributes"]
    assert attributes["n8n.workflow.name"] == "Factures été"
    assert json.loads(attributes["http.request.body.content"])["messages"][0]["content"] == "Bonjour"


def test_loki_has_no_label_but_the_contracts(traffic: Traffic) -> None:
    times = f"start={int((traffic.began - 60) * 1e9)}&end={int((time.time() + 60) * 1e9)}"
    with urllib.request.urlopen(f"{traffic.loki.url}/loki/api/v1/series?{times}", timeout=20) as reply:
        series = json.load(reply)["data"]
    # service_name is Loki's own.
    assert all(one.pop("instance") and one.pop("service_name") == "ollama" for one in series)
    assert len(series) == 3
    assert {"job": "nginx", "service": "ollama", "method": "GET"} in series
    assert {"job": "nginx", "service": "ollama", "method": "POST"} in series
    assert {"job": "spans", "service": "ollama"} in series


@pytest.mark.long
def test_the_numbers_are_read_without_parsing_lines(traffic: Traffic) -> None:
    tokens = traffic.number('sum(sum_over_time({job="nginx", service="ollama"} | unwrap completion_tokens [5m]))')
    lines = [json.loads(line) for _, line in traffic.logs('{job="nginx", service="ollama"}')]
    assert tokens == sum(line.get("completion_tokens", 0) for line in lines)
    by_model = traffic.loki.query(
        'sum by (model) (count_over_time({job="nginx", service="ollama"} | model!="" [5m]))', at=time.time()
    )
    assert {found["metric"]["model"] for found in by_model} == {"llama3.1:8b", "nomic-embed-text:latest", "absent:1b"}
