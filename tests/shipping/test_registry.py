"""Which receivers are wanted: the recorder, ``ship status``, doctor and erasing ask here."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.cli.doctor.receivers import look_at_receivers
from service.journal.reader import Row
from service.settings import Settings, read_settings
from service.shipping import registry
from service.shipping.asking import Readiness
from service.shipping.receiver import Batch, Decision, Receiver, SendBatch, Verdict, WantedReceiver
from service.shipping.registry import wanted_receivers
from tests.fakes.ollama import FakeOllama
from tests.running_app import ask, running, said
from tests.shipping.rows import holds

LOKI = {"LOKI_URL": "http://loki:3100"}
OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://tempo:4318"}
TRACES = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://jaeger:4318/v1/traces"}


def wanted(**environment: str) -> dict[str, str]:
    """Names and addresses."""
    receivers = wanted_receivers(read_settings(environment), environment)
    return {receiver.name: receiver.address for receiver in receivers}


@pytest.mark.parametrize(
    ("environment", "receivers"),
    [
        ({}, {}),
        (LOKI, {"loki": "http://loki:3100"}),
        (LOKI | OTLP, {"loki": "http://loki:3100", "otlp": "http://tempo:4318"}),
        (OTLP | TRACES, {"otlp": "http://jaeger:4318/v1/traces"}),
        (TRACES, {"otlp": "http://jaeger:4318/v1/traces"}),
        (LOKI | OTLP | {"OTEL_SDK_DISABLED": "true"}, {"loki": "http://loki:3100"}),
        (OTLP | TRACES | {"OTEL_TRACES_EXPORTER": "none"}, {}),
    ],
)
def test_a_receiver_is_wanted_if_its_address_is_set_and_nothing_switches_it_off(
    environment: dict[str, str], receivers: dict[str, str]
) -> None:
    assert wanted(**environment) == receivers


def test_every_receiver_has_a_name_of_its_own_and_makes_itself_under_that_name() -> None:
    environment = LOKI | OTLP
    receivers = wanted_receivers(read_settings(environment), environment)
    assert [receiver.prepare()("box").name for receiver in receivers] == [receiver.name for receiver in receivers]
    assert len({receiver.name for receiver in receivers}) == len(receivers)


def given_a_further_one(monkeypatch: pytest.MonkeyPatch, arrived: list[bytes]) -> None:
    """One that speaks no HTTP, as a line in the registry."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[SendBatch]:
        async def send(batch: Batch) -> Verdict:
            arrived.append(batch.body)
            return Verdict(Decision.ACCEPTED)

        yield send

    def encode(rows: Sequence[Row]) -> Batch:
        body = b"\n".join(row.line for row in rows)
        return Batch(body, len(body))

    def want(settings: Settings, environment: Mapping[str, str]) -> WantedReceiver | None:
        if "DRAWER" not in environment:
            return None
        return WantedReceiver(
            name="drawer",
            title="The drawer",
            variable="DRAWER",
            address=environment["DRAWER"],
            prepare=lambda: lambda instance: Receiver("drawer", encode, connect),
            ask_readiness=lambda: Readiness(True, "It is open."),
        )

    monkeypatch.setattr(registry, "_RECEIVERS", (*registry._RECEIVERS, want))


async def test_a_further_receiver_is_a_line_here_and_everybody_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[bytes] = []
    given_a_further_one(monkeypatch, arrived)
    async with FakeOllama() as ollama, running(tmp_path / "data", OLLAMA_URL=ollama.url, DRAWER="oak") as app:
        identifier = (await ask(app)).header("X-Exchange-Id") or ""
        await holds(lambda: any(identifier.encode() in batch for batch in arrived))
        receivers = (await said(app, "/status.json"))["receivers"]
        assert [receiver["name"] for receiver in receivers] == ["drawer"]
        assert b'receiver_up{receiver="drawer"} 1.0' in (await ask(app, "/metrics", b"")).body
        assert "drawer" in (await said(app, "/readyz"))["parts"]
    settings = read_settings({"DATA_DIR": str(tmp_path / "data")})
    found = await asyncio.to_thread(look_at_receivers, settings, {"DRAWER": "oak"})
    assert [(result.about, result.text) for result in found] == [
        ("The drawer", "It is open."),
        ("The drawer", "It has everything."),
    ]
