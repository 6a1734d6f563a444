"""The real OpenTelemetry Collector gets every span of every call once, whole, whether it was away or not."""

import json
import random
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from service.app import App
from service.journal.reader import Reader
from service.shipping.otlp.encode import encode
from service.shipping.otlp.judge import judge
from service.shipping.receiver import Decision, Verdict, read_record
from service.shipping.span_content import SpanContent
from service.shipping.spans import Kind, Span, make_spans
from tests.fakes.ollama import (
    CHUNKED,
    RESET,
    FakeOllama,
    answer,
    chunk,
    head,
    json_answer,
    ndjson_stream,
    recording,
    token_line,
)
from tests.running_app import CHAT, PATH, ask, running, said, until
from tests.servers.otelcol import point_attributes, running_collector
from tests.shipping.rows import make_row

pytestmark = [pytest.mark.long, pytest.mark.blocks("another program starts and stops in these tests")]

SECONDS = 120.0
CUMULATIVE = 2
FAILED = "model 'big' not found"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LONG_PROMPT_CHARACTERS = 900_000
CALLS_WHILE_AWAY, LONG_ONES = 60, 20
BROKEN = answer(head(200, CHUNKED), chunk(token_line()), RESET)


def settings(ollama: FakeOllama, url: str, compression: str) -> dict[str, Any]:
    return {
        "OLLAMA_URL": ollama.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
    }


def spans_of_journal(folder: Path, ollama: FakeOllama) -> list[Span]:
    """What the recorder makes of each record that it kept."""
    content = SpanContent(messages=True, list_views=True, polls=False, upstream=ollama.url)
    reader = Reader(folder)
    try:
        rows = reader.read_after(-1, 10_000, 1 << 30)
    finally:
        reader.close()
    return [span for row in rows for span in make_spans(row, read_record(row), content)]


def long_prompt(seed: int) -> str:
    """Words that hardly compress."""
    return random.Random(seed).randbytes(LONG_PROMPT_CHARACTERS // 2).hex()


def chat_body(prompt: str) -> bytes:
    asked = {"model": "tiny", "stream": False, "messages": [{"role": "user", "content": prompt}]}
    return json.dumps(asked).encode()


async def call_all(app: App, ollama: FakeOllama) -> None:
    """A chat, a stream, a stream that breaks off, an embedding, an error, a poll, and a prompt of 900 kB."""
    ollama.answers("/api/chat", recording("chat_once"), ndjson_stream(), BROKEN, recording("chat_once"))
    ollama.answers("/api/generate", json_answer({"error": FAILED}, 404))
    await ask(app, PATH, chat_body("Why is the sky blue?"), Traceparent=PARENT)
    await ask(app, PATH, CHAT)
    await ask(app, PATH, CHAT)
    await ask(app, "/api/ollama/api/embed", json.dumps({"model": "tiny", "input": ["sky", "sea"]}).encode())
    await ask(app, "/api/ollama/api/generate", json.dumps({"model": "big", "prompt": "Hello"}).encode())
    await ask(app, "/api/ollama/api/tags", b"")
    await ask(app, PATH, chat_body(long_prompt(1)))


async def receiver_of(app: App) -> dict[str, Any]:
    (receiver,) = (await said(app, "/status.json"))["receivers"]
    return dict(receiver)


async def has_got_all(app: App, folder: Path) -> None:
    """Wait until every record was accepted or parked, and the receiver is well."""

    async def look() -> bool:
        reader = Reader(folder)
        try:
            is_through = reader.cursors().get("otlp") == reader.newest_number()
        finally:
            reader.close()
        return is_through and not (await receiver_of(app))["trouble"]

    await until(look, SECONDS)
    assert (await receiver_of(app))["parked"] == 0


def assert_same_spans(got: list[Span], made: list[Span]) -> None:
    """Each span once, each value as it was made."""
    assert max(Counter((span.trace_id, span.span_id) for span in got).values()) == 1
    by_id = {(span.trace_id, span.span_id): span for span in got}
    assert sorted(by_id) == sorted((span.trace_id, span.span_id) for span in made)
    for span in made:
        assert by_id[span.trace_id, span.span_id] == span, span.name


@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_every_span_arrives_once_with_its_ids_parent_name_and_attributes(
    tmp_path: Path, compression: str
) -> None:
    with running_collector(tmp_path / "collector") as collector:
        async with (
            FakeOllama() as ollama,
            running(tmp_path / "data", **settings(ollama, collector.url, compression)) as app,
        ):
            await call_all(app, ollama)
            await has_got_all(app, tmp_path / "data")
        # What it has taken is in its file once it has ended.
        collector.server.stop()
        got = collector.spans()
        assert_same_spans(got, spans_of_journal(tmp_path / "data", ollama))
        assert {resource["service.name"] for resource in collector.resources()} == {"ollama-recorder"}

    roots = [span for span in got if span.kind is Kind.SERVER]
    assert [span.name for span in roots] == [
        f"POST /api/ollama/api/{name}" for name in ("chat", "chat", "chat", "embed", "generate", "chat")
    ]
    calls = {span.parent_span_id: span for span in got if span.kind is Kind.CLIENT}
    chat, streamed, broken, embedding, failed, long = (calls[root.span_id] for root in roots)
    assert (roots[0].trace_id, roots[0].parent_span_id) == (PARENT[3:35], PARENT[36:52])
    assert (roots[0].has_remote_parent, chat.has_remote_parent, chat.trace_id) == (True, False, roots[0].trace_id)
    assert chat.name == "chat tiny"
    assert chat.attributes["gen_ai.usage.input_tokens"] == 27
    assert "Why is the sky blue?" in str(chat.attributes["gen_ai.input.messages"])
    assert streamed.attributes["gen_ai.request.stream"] is True
    assert streamed.attributes["gen_ai.usage.output_tokens"] == 20
    assert [span.attributes["error.type"] for span in (roots[2], broken)] == ["upstream_broke_off"] * 2
    assert embedding.attributes["gen_ai.operation.name"] == "embeddings"
    assert (failed.error, failed.attributes["error.type"], roots[4].error) == (FAILED, "404", None)
    # A record's line has room for 240 kB of it, and both its ends are kept.
    sent, arrived = long_prompt(1), str(long.attributes["gen_ai.input.messages"])
    assert sent[:10_000] in arrived
    assert sent[-10_000:] in arrived
    assert roots[5].attributes["http.request.body.size"] == len(chat_body(sent))


async def test_a_collector_that_was_away_gets_everything_once_and_nothing_is_parked(tmp_path: Path) -> None:
    with ExitStack() as started:
        collector = started.enter_context(running_collector(tmp_path / "collector"))
        async with (
            FakeOllama() as ollama,
            running(tmp_path / "data", **settings(ollama, collector.url, "none")) as app,
        ):
            for number in range(20):
                await ask(app, PATH, chat_body(f"call {number}"))
            collector.server.stop()
            for number in range(CALLS_WHILE_AWAY):
                await ask(app, PATH, chat_body(long_prompt(number) if number < LONG_ONES else f"call {number}"))

            async def is_in_trouble() -> bool:
                return bool((await receiver_of(app))["trouble"])

            await until(is_in_trouble, SECONDS)
            collector = started.enter_context(running_collector(tmp_path / "collector", port=collector.server.port))
            await has_got_all(app, tmp_path / "data")
        collector.server.stop()
        made = spans_of_journal(tmp_path / "data", ollama)
        assert len([span for span in made if span.kind is Kind.SERVER]) == 20 + CALLS_WHILE_AWAY
        assert_same_spans(collector.spans(), made)


def test_a_collectors_200_with_an_empty_partial_success_is_success(tmp_path: Path) -> None:
    with running_collector(tmp_path) as collector:
        status, headers, body = collector.post(encode([make_row()], (), compresses=False).body)
    assert ExportTraceServiceResponse.FromString(body).HasField("partial_success")
    assert judge(status, headers, body) == Verdict(Decision.ACCEPTED)


async def test_metrics_arrive_as_the_client_metrics_of_the_genai_conventions(tmp_path: Path) -> None:
    with running_collector(tmp_path / "collector") as collector:
        variables: dict[str, Any] = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "200"}
        async with (
            FakeOllama() as ollama,
            running(tmp_path / "data", **settings(ollama, collector.url, "gzip"), **variables) as app,
        ):
            await call_all(app, ollama)
        collector.server.stop()
        *_, last = collector.metrics()
    duration = last["gen_ai.client.operation.duration"]
    assert (duration["unit"], duration["histogram"]["aggregationTemporality"]) == ("s", CUMULATIVE)
    counts: Counter[Any] = Counter()
    for point in duration["histogram"]["dataPoints"]:
        told = point_attributes(point)
        counts[told["gen_ai.operation.name"], told.get("error.type")] += int(point["count"])
        assert (told["gen_ai.provider.name"], told["server.address"]) == ("ollama", "127.0.0.1")
    assert counts == {
        ("chat", None): 3,
        ("chat", "upstream_broke_off"): 1,
        ("embeddings", None): 1,
        ("text_completion", "404"): 1,
    }
    usage = last["gen_ai.client.token.usage"]["histogram"]["dataPoints"]
    tokens = {
        (told["gen_ai.operation.name"], told["gen_ai.token.type"]): point["sum"]
        for point in usage
        for told in [point_attributes(point)]
    }
    # Two chats in one piece of 27 tokens, and a stream.
    (used,) = last["gen_ai.client.inference.usage.input_tokens"]["sum"]["dataPoints"][:1]
    assert int(used["asInt"]) == tokens["chat", "input"]
    (first,) = last["gen_ai.client.operation.time_to_first_chunk"]["histogram"]["dataPoints"]
    assert int(first["count"]) == 2, "the stream, and the one that broke off"
