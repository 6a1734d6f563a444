"""Metrics reach their receiver while it is there, and cost nobody anything while it is not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.record.counted_facts import counted_facts
from service.settings import SettingsError, read_settings
from service.shipping.otlp.metric_export import MetricExport, want_metric_export
from tests.fakes.connections import listening
from tests.fakes.ollama import FakeOllama
from tests.fakes.otlp import Answer, FakeOtlp, Rejecting
from tests.running_app import ask, running, said, until
from tests.shipping.test_genai_metrics import call

pytestmark = pytest.mark.blocks("the stand-in decodes in this same interpreter")

NOBODY = "http://127.0.0.1:9"
SOON = {"OTEL_METRIC_EXPORT_INTERVAL": "20"}


def wanted(url: str, **environment: str) -> MetricExport:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRICS_EXPORTER": "otlp", **environment}
    export = want_metric_export(read_settings(variables), variables)
    assert export is not None
    return export


def observe(export: MetricExport, **values: Any) -> None:
    record = call(**values)
    export.metrics.observe("m", counted_facts(record.summary), record)


@asynccontextmanager
async def exporting(url: str, **environment: str) -> AsyncIterator[MetricExport]:
    export = wanted(url, **environment)
    export.start("box-1")
    try:
        yield export
    finally:
        await export.stop()


def calls_in(fake: FakeOtlp, index: int = -1) -> int:
    (resource,) = fake.metric_exports[index].resource_metrics
    durations = next(each for each in resource.scope_metrics[0].metrics if each.name.endswith("operation.duration"))
    return sum(point.count for point in durations.histogram.data_points)


def test_nothing_is_exported_unless_it_is_asked_for() -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY}
    assert want_metric_export(read_settings(variables), variables) is None


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_METRIC_EXPORT_INTERVAL": "often"},
        {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "collector"},
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environment: dict[str, str]) -> None:
    ((name, value),) = environment.items()
    with pytest.raises(SettingsError, match=f"{name}='{value}'"):
        wanted(NOBODY, **environment)


async def test_each_export_holds_all_since_the_start_and_the_last_one_comes_at_the_stop() -> None:
    async with FakeOtlp() as fake:
        async with exporting(fake.url, **SOON, OTEL_EXPORTER_OTLP_METRICS_HEADERS="x-team=blue") as export:
            observe(export)
            await fake.wait_until(lambda: len(fake.metric_exports) >= 2)
            assert calls_in(fake, 0) == calls_in(fake) == 1
        async with exporting(fake.url) as export:
            observe(export)
            observe(export)
        assert calls_in(fake) == 2
        assert fake.requests[0].path == "/v1/metrics"
        assert fake.requests[0].headers["x-team"] == "blue"


async def test_while_there_was_no_call_nothing_is_sent() -> None:
    async with FakeOtlp() as fake:
        async with exporting(fake.url, **SOON):
            await asyncio.sleep(0.1)
        assert not fake.requests


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer(503), "http_503"),
        (Answer(400, b"bad"), "http_400"),
        (Answer(401), "OTEL_EXPORTER_OTLP_HEADERS"),
        (Answer(404), "/v1/metrics"),
        (Rejecting(3, "too old"), "3 data points: too old"),
    ],
)
async def test_a_receiver_that_refuses_is_told_of_and_gets_all_when_it_takes_again(
    answer: Answer | Rejecting, word: str
) -> None:
    async with FakeOtlp() as fake:
        fake.metric_script.append(answer)
        async with exporting(fake.url, **SOON) as export:
            observe(export)
            await fake.wait_until(lambda: bool(fake.requests))

            async def is_told() -> bool:
                return word in (export.trouble() or "") or bool(fake.metric_exports)

            await until(is_told)
            observe(export)
            await fake.wait_until(lambda: bool(fake.metric_exports) and calls_in(fake) == 2)

            async def is_well() -> bool:
                return export.trouble() is None

            await until(is_well)


async def test_a_receiver_that_takes_and_never_answers_is_not_waited_for_at_the_stop() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.transport.abort()

    async with listening(swallow) as port:
        export = wanted(f"http://127.0.0.1:{port}", **SOON)
        export.start("box-1")
        observe(export)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(20):
            await export.stop(within=0.1)


async def test_a_recorder_whose_receiver_of_metrics_is_away_answers_as_ever_and_readyz_names_it(
    tmp_path: Path,
) -> None:
    variables: dict[str, Any] = {
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{NOBODY}/v1/metrics",
    }
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, **(variables | SOON)) as app:
        assert (await ask(app)).status == 200

        async def is_degraded() -> Any:
            return (await said(app, "/readyz"))["degraded"].get("otlp_metrics")

        assert "unreachable: 127.0.0.1:9" in await until(is_degraded)
        assert (await ask(app)).status == 200
        counters = (await ask(app, "/metrics", b"")).body
        assert b'receiver="otlp_metrics"' in counters


async def test_what_ended_just_before_the_stop_is_in_the_last_export(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, FakeOtlp() as fake:
        variables: dict[str, Any] = {
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{fake.url}/v1/metrics",
        }
        async with running(tmp_path, OLLAMA_URL=ollama.url, **variables) as app:
            assert json.loads((await ask(app, "/readyz", b"")).body)["parts"][-1] == "otlp_metrics"
            await ask(app)
        assert calls_in(fake) == 1
        assert not fake.exports, "spans were not asked for"
