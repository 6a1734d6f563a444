"""What the stand-in claims of Loki, asked of Loki itself."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from service.journal.reader import Row
from service.shipping.delivery import DeliveryState
from service.shipping.loki.receiver import make_receiver
from service.shipping.loki.settings import LokiSettings, login_headers
from service.shipping.receiver import Receiver
from tests.servers.loki import Loki
from tests.shipping.rows import MemoryJournal, holds, make_row, shipping

pytestmark = pytest.mark.blocks("the fixtures start and stop Loki on the event loop's thread")

# The five queries of the guide that users have in their notes, as they stand there.
ALL = '{job="nginx", service="ollama"} | json'
PROMPTS = '{job="nginx", service="ollama", method="POST"} | json | line_format "{{.request_body}}"'
SLOW = '{job="nginx", service="ollama"} | json | request_time > 10'
MEAN = 'avg(avg_over_time({job="nginx", service="ollama"} | json | unwrap request_time [5m]))'
COUNT = 'sum(count_over_time({job="nginx", service="ollama"}[5m]))'
SPANS = '{job="spans", service="ollama"} | trace_id="%s" | json'


def receiver_for(loki: Loki) -> Receiver:
    return replace(make_receiver(LokiSettings(loki.url), "box-1"), bytes_per_second=1e9)


async def ask(loki: Loki, query: str) -> list[tuple[str, str]]:
    """Times and lines of a log query over the last hour, oldest first."""
    now = time.time()
    found = await asyncio.to_thread(loki.query_range, query, start=now - 3600, end=now + 60)
    values: list[Any] = [value for stream in found for value in stream["values"]]
    return sorted((value[0], value[1]) for value in values)


async def number(loki: Loki, query: str) -> float:
    (series,) = await asyncio.to_thread(loki.query, query, at=time.time() + 1)
    return float(series["value"][1])


def rows_of_the_last_minute(count: int) -> list[Row]:
    now = time.time_ns()
    return [
        make_row(
            each,
            ended_ns=now - (count - each) * 50_000_000,
            request_time=15.5 if each % 10 == 0 else 1.5,
            method="GET" if each % 5 == 1 else "POST",
        )
        for each in range(1, count + 1)
    ]


async def test_the_five_queries_of_the_guide_answer_rightly(loki: Loki) -> None:
    rows = rows_of_the_last_minute(300)
    journal = MemoryJournal(list(rows))
    async with shipping(journal, receiver_for(loki)):
        await journal.wait_for_cursor(300)
    assert await ask(loki, ALL) == [(str(row.ended_ns), row.line.decode()) for row in rows]
    prompts = await ask(loki, PROMPTS)
    assert len(prompts) == 240
    assert {line for _, line in prompts} == {orjson.loads(rows[0].line)["request_body"]}
    slow = await ask(loki, SLOW)
    assert [orjson.loads(line)["request_time"] for _, line in slow] == [15.5] * 30
    assert round(await number(loki, MEAN), 6) == 2.9
    assert await number(loki, COUNT) == 300
    # The same mean from structured metadata, without parsing a line.
    assert round(await number(loki, MEAN.replace("| json ", "")), 6) == 2.9
    spans = [orjson.loads(line) for _, line in await ask(loki, SPANS % rows[6].id)]
    assert {span["name"] for span in spans} == {
        "POST /api/ollama/api/chat",
        "chat llama3.2",
        "wait",
        "prompt",
        "generation",
    }


async def test_what_is_sent_again_is_stored_once(loki: Loki) -> None:
    rows = rows_of_the_last_minute(40)
    for first_batch in (40, 7, 1):
        journal = MemoryJournal(list(rows))
        async with shipping(journal, replace(receiver_for(loki), most_records=first_batch)):
            await journal.wait_for_cursor(40)
    assert await number(loki, COUNT) == 40
    assert len(await ask(loki, ALL)) == 40
    assert len(await ask(loki, SPANS % rows[0].id)) == 5


async def test_the_good_lines_of_a_batch_are_stored_once_and_the_bad_one_is_parked(
    start_loki: Callable[..., Loki],
) -> None:
    loki = await asyncio.to_thread(start_loki, flags=("-distributor.max-line-size=256KB",))
    rows = rows_of_the_last_minute(60)
    rows[16] = make_row(17, ended_ns=rows[16].ended_ns, response_text="x" * 270_000)
    rows[47] = make_row(48, ended_ns=rows[47].ended_ns - 3 * 3600 * 1_000_000_000)
    journal = MemoryJournal(list(rows))
    async with shipping(journal, receiver_for(loki)) as shipper:
        await journal.wait_for_cursor(60)
        assert shipper.delivery().late == 1
    assert {parked: reason for parked, (reason, _) in journal.parked.items()} == {
        17: "line_too_long",
        48: "too_far_behind",
    }
    assert await ask(loki, ALL) == [
        (str(row.ended_ns), row.line.decode()) for row in rows if row.number not in (17, 48)
    ]
    assert await number(loki, COUNT) == 58


async def test_a_loki_with_default_limits_takes_a_backlog_and_one_that_wants_a_tenant_says_so(
    start_loki: Callable[..., Loki],
) -> None:
    """Rate limits are Loki's defaults here: the shipper must not need the shipped configuration's."""
    defaults = (
        "-auth.enabled=true",
        "-distributor.ingestion-rate-limit-mb=4",
        "-distributor.ingestion-burst-size-mb=6",
    )
    loki = await asyncio.to_thread(start_loki, flags=defaults)
    journal = MemoryJournal([make_row(each, request_body="word " * 1000) for each in range(1, 601)])
    async with shipping(journal, receiver_for(loki)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
        assert "LOKI_TENANT" in shipper.delivery().what_to_do
    assert journal.cursor == 0
    with_tenant = LokiSettings(loki.url, login_headers(tenant="team-a"))
    async with shipping(journal, make_receiver(with_tenant, "box-1")) as shipper:
        await journal.wait_for_cursor(600, seconds=30)
        assert shipper.delivery().last_error == ""
    assert journal.parked == {}
