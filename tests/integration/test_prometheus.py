"""Every query that dashboards and alerts ask of Prometheus, asked of a real one that scrapes a real recorder."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.record.exchange import EncodedRecord
from tests.fakes.loki import FakeLoki, Limits
from tests.fakes.ollama import HOLD, FakeOllama, answer
from tests.integration.a_day import a_day
from tests.integration.grafana_queries import QUERIES, RULES, GrafanaQuery, with_variables
from tests.integration.load import ask_all, chat, connected, request_bytes
from tests.integration.recorder_process import RecorderProcess, StartRecorder, eventually, start
from tests.journal.given import open_journal
from tests.servers.process import free_port
from tests.servers.prometheus import Prometheus, running_prometheus

pytestmark = pytest.mark.blocks("what is tested are processes of their own; this loop is only the load around them")

TOKEN = "of a test"
MINUTES_BEHIND = 50
LONGEST_LINE = 100_000
# What is asked of ended exchanges is looked at in test_drawn_metrics.py.
ASKED = [query for query in QUERIES if query.source == "prometheus" and "recorder=~" not in query.expr]
ITSELF = "ollama-recorder-itself"

Numbers = Mapping[str, float]
"""By the value of the one label, empty without one."""
Looks = Callable[[Numbers], bool]


def alone(number: float) -> Looks:
    return lambda found: found == {"": number}


def loki(low: float, high: float) -> Looks:
    return lambda found: found.keys() == {"loki"} and low <= found["loki"] <= high


def between(low: float, high: float) -> Looks:
    return lambda found: found.keys() == {""} and low <= found[""] <= high


NEVER, BEHIND = alone(0), MINUTES_BEHIND * 60
CHATS = 30


def about_all_chats(found: Numbers) -> bool:
    """A minute's rate; Prometheus draws the line on to half a scrape before and after."""
    return found.keys() <= {"completed", "client_left"} and CHATS - 1 <= found.get("completed", 0) * 60 <= 2 * CHATS


def no_long_wait(found: Numbers) -> bool:
    """Nobody waited: a quantile of nothing is not a number."""
    return not any(seconds > 1 for seconds in found.values())


# By place and title: while Ollama and Loki are away, then when all is well, two answers are on their way, and Loki
# has refused one record for good.
EXPECTED: dict[tuple[str, str], tuple[Looks, Looks]] = {
    ("ollama-at-a-glance", "How many in flight? A"): (alone(0), alone(2)),
    ("ollama-why-slow", "Is there a queue? A"): (alone(0), alone(2)),
    (ITSELF, "How many were lost? A"): (NEVER, NEVER),
    (ITSELF, "How many lack bodies? A"): (NEVER, NEVER),
    (ITSELF, "How many were refused? A"): (alone(0), alone(1)),
    (ITSELF, "How many came late? A"): (NEVER, NEVER),
    (ITSELF, "How late is shipping? A"): (between(BEHIND, BEHIND + 100), alone(0)),
    (ITSELF, "How much disk is left? A"): (between(1e6, 1e16), between(1e6, 1e16)),
    (ITSELF, "How far behind is each receiver? A"): (loki(BEHIND, BEHIND + 100), loki(0, 0)),
    (ITSELF, "Does Ollama answer, and does each receiver take records? A"): (alone(0), alone(1)),
    (ITSELF, "Does Ollama answer, and does each receiver take records? B"): (loki(0, 0), loki(1, 1)),
    # There is one Ollama.
    (ITSELF, "Does Ollama answer, and does each receiver take records? C"): (lambda found: not found,) * 2,
    (ITSELF, "How large is the journal? A"): (between(1e4, 1e8), between(1e4, 1e8)),
    (ITSELF, "How long does a commit take? A"): (between(0, 5), between(1e-5, 5)),
    (ITSELF, "How many exchanges end, and how? A"): (lambda found: not found, about_all_chats),
    (ITSELF, "How many calls wait for a place at Ollama? A"): (alone(0), alone(2)),
    (ITSELF, "How many calls wait for a place at Ollama? B"): (NEVER, NEVER),
    (ITSELF, "What is on its way? A"): (alone(0), alone(2)),
    (ITSELF, "What is on its way? B"): (NEVER, NEVER),
    (ITSELF, "What is on its way? C"): (NEVER, NEVER),
    (ITSELF, "Are answers held up or log lines dropped? A"): (NEVER, NEVER),
    (ITSELF, "Are answers held up or log lines dropped? B"): (NEVER, NEVER),
    (ITSELF, "Are there defects? A"): (NEVER, NEVER),
    ("alerts", "Calls wait long for a place at Ollama A"): (no_long_wait, no_long_wait),
    ("alerts", "Ollama is not there A"): (alone(0), alone(1)),
    ("alerts", "One Ollama of several is not there A"): (lambda found: not found,) * 2,
    ("alerts", "The recorder does not answer A"): (lambda found: [*found.values()] == [1],) * 2,
    ("alerts", "The recorder loses records A"): (NEVER, NEVER),
    ("alerts", "The recorder's journal was damaged A"): (NEVER, NEVER),
    ("alerts", "A receiver refuses records for good A"): (loki(0, 0), loki(0.9, 2)),
    ("alerts", "A receiver is 5 minutes behind A"): (loki(BEHIND, BEHIND + 100), loki(0, 0)),
    ("alerts", "A receiver is 45 minutes behind: Loki soon refuses A"): (loki(BEHIND, BEHIND + 100), loki(0, 0)),
}


def test_every_query_of_prometheus_has_its_expectation_and_every_expectation_its_query() -> None:
    assert {(query.place, query.title) for query in ASKED} == EXPECTED.keys()


def unexpected(prometheus: Prometheus, state: int) -> dict[tuple[str, str], Numbers]:
    """The queries that do not look as they should in that ``state``, and what they gave."""
    given = {(query.place, query.title): numbers(prometheus, query) for query in ASKED}
    return {name: found for name, found in given.items() if not EXPECTED[name][state](found)}


def numbers(prometheus: Prometheus, query: GrafanaQuery) -> Numbers:
    expr = with_variables(query.expr, {"__rate_interval": "1m"})
    labels = ("receiver", "outcome")
    return {
        "".join(one["metric"].get(label, "") for label in labels): float(one["value"][1])
        for one in prometheus.query(expr)
    }


def firing(prometheus: Prometheus) -> set[str]:
    """The alerts whose condition holds, as Grafana computes it from their query's answer."""
    fires = set()
    for rule in (rule for rule in RULES if rule["data"][0]["datasourceUid"] == "prometheus"):
        found = prometheus.query(rule["data"][0]["model"]["expr"])
        condition = re.fullmatch(r"\$\$B ([<>]) ([\d.]+)", rule["data"][2]["model"]["expression"])
        assert condition
        for value in (float(one["value"][1]) for one in found):
            if value < float(condition[2]) if condition[1] == "<" else value > float(condition[2]):
                fires.add(rule["title"])
    return fires


def record_of_long_ago() -> EncodedRecord:
    """One that ended so long ago that Loki would soon refuse it."""
    (record,) = a_day(1, int(time.time())).records
    return record._replace(ended_ns=time.time_ns() - MINUTES_BEHIND * 60 * 10**9)


@pytest.fixture
def start_prometheus(tmp_path: Path) -> Iterator[Callable[[int], Prometheus]]:
    with ExitStack() as started:
        yield lambda port: started.enter_context(
            running_prometheus(tmp_path / "prometheus", f"127.0.0.1:{port}", TOKEN)
        )


@pytest.mark.long
async def test_prometheus_answers_every_query_with_how_the_recorder_is_and_the_right_alerts_fire(
    tmp_path: Path, start_recorder: StartRecorder, start_prometheus: Callable[[int], Prometheus]
) -> None:
    with open_journal(tmp_path / "recorder" / "data", receivers=("loki",)) as journal:
        journal.write([record_of_long_ago()])
    async with FakeLoki(limits=Limits(max_line_size=LONGEST_LINE)) as receiver:
        await receiver.stop()
        port = free_port()
        settings = {"LOKI_URL": receiver.url, "INSPECTOR_TOKEN": TOKEN, "MAX_ACTIVE": "8"}
        recorder = await start(start_recorder, tmp_path, f"http://127.0.0.1:{port}", **settings)
        prometheus = await asyncio.to_thread(start_prometheus, recorder.port)
        await becomes(prometheus, 0)
        assert await asyncio.to_thread(firing, prometheus) == {
            "Ollama is not there",
            "A receiver is 5 minutes behind",
            "A receiver is 45 minutes behind: Loki soon refuses",
        }
        await receiver.start()
        async with FakeOllama(port) as ollama:
            await all_is_well(recorder, ollama, prometheus)
    assert await recorder.stop() == 0
    await eventually(lambda: asyncio.to_thread(lambda: "The recorder does not answer" in firing(prometheus)))


async def all_is_well(recorder: RecorderProcess, ollama: FakeOllama, prometheus: Prometheus) -> None:
    """One refused line, many chats, and two that wait for their answers."""
    ollama.answers("/api/generate", answer(HOLD))
    await ask_all(recorder.port, [chat("x" * 2 * LONGEST_LINE)], 1)
    # A counter that appears is not yet one that rises: Prometheus has to have seen it.
    await eventually(lambda: asyncio.to_thread(prometheus.query, "ollama_recorder_exchanges_total"), within=20)
    await ask_all(recorder.port, [chat(f"question {number}") for number in range(CHATS)], 4)
    async with connected(recorder.port) as first, connected(recorder.port) as second:
        for client in (first, second):
            client.writer.write(request_bytes("POST", "/api/ollama/api/generate", b'{"model": "tiny"}'))
            await client.writer.drain()
        await becomes(prometheus, 1)
        assert await asyncio.to_thread(firing, prometheus) == {"A receiver refuses records for good"}


async def becomes(prometheus: Prometheus, state: int) -> None:
    """Wait until every query looks as it should; what does not is shown when it takes too long."""
    until = time.monotonic() + 30
    while wrong := await asyncio.to_thread(unexpected, prometheus, state):
        assert time.monotonic() < until, wrong
        await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("ups", "fires"),
    [
        ({"gpu1": 1, "gpu2": 1, "gpu3": 1}, set()),
        ({"gpu1": 1, "gpu2": 0, "gpu3": 0}, {"gpu2", "gpu3"}),
        ({"gpu1": 0, "gpu2": 0}, set()),
    ],
)
def test_of_several_ollamas_each_that_is_gone_is_told_unless_all_are(
    start_prometheus: Callable[[int], Prometheus], ups: dict[str, int], fires: set[str]
) -> None:
    (rule,) = (rule for rule in RULES if rule["title"] == "One Ollama of several is not there")
    prometheus = start_prometheus(free_port())
    named = [({"__name__": "ollama_recorder_upstream_up", "upstream": one}, up) for one, up in ups.items()]
    prometheus.write(named, time.time())
    found = prometheus.query(rule["data"][0]["model"]["expr"])
    assert {one["metric"]["upstream"] for one in found if float(one["value"][1]) < 1} == fires
