"""The webhook, against servers that are slow, broken, hostile or gone: it tells what it can, and holds up nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from service.alerting import alert_rules as rules
from service.alerting import webhook as module
from service.alerting.alert_states import Notice
from service.alerting.looking import AlertFinding
from service.alerting.webhook import MOST_WAITING, Webhook, message
from service.events import AlertsUntold, counters
from tests.fakes.connections import listening

NOTICE = Notice(AlertFinding(rules.PROMPTS_CUT, "tiny", 2, "2"), 1_700_000_000_000_000_000)
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """A server that keeps what it is sent, and answers with what ``answers`` says, the last of it for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.url = ""
        self.got = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].split("\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            async with self.got:
                self.bodies.append(body)
                self.got.notify_all()
            await answer(writer)
            writer.close()
            await writer.wait_closed()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20), self.got:
            await self.got.wait_for(lambda: len(self.bodies) >= count)


def status(code: int, head: str = "", body: bytes = b"") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {code} X\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body)
        await writer.drain()

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff nothing that one could read\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def telling(receiver: Receiver, *, seconds: float = 0.5) -> AsyncIterator[Webhook]:
    async with listening(receiver.serve) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook?token=secret"
        webhook = Webhook(receiver.url, "here", seconds=seconds, pause=0.02)
        running = asyncio.create_task(webhook.run())
        try:
            yield webhook
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def emptied(webhook: Webhook) -> None:
    async with asyncio.timeout(20):
        while webhook.waiting:
            await asyncio.sleep(0.01)


def untold() -> float:
    samples = [sample for metric in counters()[AlertsUntold].collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


async def test_an_alert_is_posted_in_the_form_of_grafanas_webhooks() -> None:
    receiver = Receiver(status(200))
    async with telling(receiver) as webhook:
        webhook.tell([NOTICE])
        await receiver.until(1)
        await emptied(webhook)
    (body,) = receiver.bodies
    summary = "Ollama dropped part of 2 prompts of tiny and did not tell the client."
    assert (body["status"], body["title"], body["text"]) == (
        "firing",
        "Ollama Recorder: Prompts are being cut",
        summary,
    )
    assert body["alerts"] == [
        {
            "status": "firing",
            "labels": {
                "alertname": "Prompts are being cut",
                "severity": "warning",
                "product": "ollama-recorder",
                "instance": "here",
                "about": "tiny",
            },
            "annotations": {"summary": summary, "description": rules.PROMPTS_CUT.what_to_do},
            "startsAt": "2023-11-14T22:13:20.000Z",
            "fingerprint": body["alerts"][0]["fingerprint"],
            "value": 2,
        }
    ]


def test_one_that_is_over_says_so() -> None:
    over = replace(NOTICE, ended_ns=1_700_000_060_000_000_000)
    body = json.loads(message([over], "here"))
    assert (body["status"], body["text"][:6]) == ("resolved", "Over: ")
    assert body["alerts"][0]["endsAt"] == "2023-11-14T22:14:20.000Z"


def test_a_receiver_tells_alerts_apart_and_knows_each_again() -> None:
    def fingerprint(notice: Notice, instance: str = "here") -> str:
        return str(json.loads(message([notice], instance))["alerts"][0]["fingerprint"])

    over = replace(NOTICE, ended_ns=1_700_000_060_000_000_000)
    other = replace(NOTICE, finding=NOTICE.finding._replace(about="other"))
    known = fingerprint(NOTICE)
    assert len(known) == 16
    assert (fingerprint(over) == known, fingerprint(other) == known, fingerprint(NOTICE, "there") == known) == (
        True,
        False,
        False,
    )
    # What is wrong with a part may be told in other words by the time that it is over.
    away = [Notice(AlertFinding(rules.UNREACHABLE, why, 1, ""), 0) for why in ("refused", "no route")]
    assert fingerprint(away[0]) == fingerprint(away[1])


def test_a_name_that_was_recorded_has_no_lines_of_its_own() -> None:
    hostile = Notice(AlertFinding(rules.PROMPTS_CUT, "a\nOver: b\udc80 {value}", 1, "1"), 0)
    assert json.loads(message([hostile], "here"))["text"].count("\n") == 0


@pytest.mark.parametrize("answer", [status(503), status(429), silent, no_http], ids=["503", "429", "silent", "no HTTP"])
async def test_what_was_not_taken_is_told_again(answer: Answer) -> None:
    receiver = Receiver(answer, answer, status(204))
    async with telling(receiver) as webhook:
        webhook.tell([NOTICE])
        await receiver.until(3)
        await emptied(webhook)
    assert receiver.bodies[0] == receiver.bodies[2]


@pytest.mark.parametrize(
    "answer", [status(400), status(302, "Location: http://127.0.0.1:1/\r\n"), status(404)], ids=["400", "302", "404"]
)
async def test_what_is_refused_for_good_is_not_told_again_and_counted(answer: Answer) -> None:
    before = untold()
    receiver = Receiver(answer)
    async with telling(receiver) as webhook:
        webhook.tell([NOTICE])
        await emptied(webhook)
        webhook.tell([NOTICE])
        await emptied(webhook)
    assert len(receiver.bodies) == 2
    assert untold() == before + 2


async def test_of_an_answer_without_end_only_the_begin_is_read() -> None:
    receiver = Receiver(endless)
    async with telling(receiver, seconds=10) as webhook:
        webhook.tell([NOTICE])
        await receiver.until(1)
        await emptied(webhook)


async def test_after_so_many_tries_a_notice_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_TRIES", 3)
    before = untold()
    webhook = Webhook("http://127.0.0.1:1/hook?token=secret", "here", seconds=1, pause=0.01)
    running = asyncio.create_task(webhook.run())
    webhook.tell([NOTICE])
    await emptied(webhook)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert untold() == before + 1


async def test_while_nobody_takes_them_no_more_than_some_wait() -> None:
    before = untold()
    webhook = Webhook("http://127.0.0.1:1/", "here")
    for _ in range(3):
        webhook.tell([NOTICE] * MOST_WAITING)
    assert webhook.waiting == MOST_WAITING
    assert untold() == before + 2 * MOST_WAITING


async def test_a_slow_receiver_holds_up_nobody() -> None:
    async with telling(Receiver(silent), seconds=5) as webhook:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(100):
            webhook.tell([NOTICE])
            await asyncio.sleep(0)
        assert loop.time() - begun < 1
