"""A whole recorder that alerts: to nobody unless it is told to, and of what is wrong with it."""

import asyncio
from pathlib import Path

import pytest

from service.alerting import alert_watch
from service.alerting.alert_watch import AlertWatch
from service.alerting.webhook import Webhook
from service.journal import JournalError
from service.search.recent_numbers import RecentNumbers
from tests.alerting.given import parts, recent
from tests.alerting.test_webhook import Receiver, status
from tests.fakes.connections import listening
from tests.fakes.ollama import FakeOllama, answer, whole
from tests.running_app import chat, found, running


async def test_failures_and_an_ollama_that_is_gone_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_watch, "FIRST_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(alert_watch, "LOOKED_EVERY_SECONDS", 0.1)
    # What must hold for minutes would take them.
    monkeypatch.setattr("service.alerting.alert_states._is_to_be_told", lambda state, now: state.told_at is None)
    receiver = Receiver(status(200))
    async with (
        listening(receiver.serve) as port,
        FakeOllama() as ollama,
        running(
            tmp_path,
            OLLAMA_URL=ollama.url,
            ALERT_WEBHOOK_URL=f"http://127.0.0.1:{port}/",
            ALERT_P95_SECONDS="0.2",
        ) as app,
    ):
        ollama.answers("/api/chat", answer(0.3, whole(b'{"error": "it broke"}', status=500)))
        await asyncio.gather(*(chat(app, "Hi", X_Caller="shop") for _ in range(6)))
        await found(app, "caller=shop", 6)
        async with asyncio.timeout(20):
            titles: set[str] = set()
            while not titles >= {"More than 10 % of requests fail", "Calls to models take long"}:
                await receiver.until(len(receiver.bodies) + 1) if titles else await receiver.until(1)
                titles = {alert["labels"]["alertname"] for body in receiver.bodies for alert in body["alerts"]}


async def test_nobody_is_told_unless_an_address_is_set(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url):
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not names & {"post alerts", "look for alerts"}


async def test_an_index_that_does_not_answer_hides_no_other_alert() -> None:
    async def broken(now_ns: int) -> RecentNumbers:
        raise JournalError("the disk is gone")

    webhook = Webhook("http://127.0.0.1:1/", "here")
    watch = AlertWatch(webhook, lambda: parts(lost=1), broken, 30.0)
    await watch.look()
    assert webhook.waiting == 1


async def test_a_fault_of_ours_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_watch, "FIRST_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(alert_watch, "LOOKED_EVERY_SECONDS", 0.01)
    webhook = Webhook("http://127.0.0.1:1/", "here")
    looks = 0

    async def once_broken(now_ns: int) -> RecentNumbers:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("a fault")
        return recent(cut_prompts={"tiny": 1})

    running_watch = asyncio.create_task(AlertWatch(webhook, parts, once_broken, 30.0).run())
    async with asyncio.timeout(20):
        while not webhook.waiting:
            await asyncio.sleep(0.01)
    running_watch.cancel()
    await asyncio.gather(running_watch, return_exceptions=True)
