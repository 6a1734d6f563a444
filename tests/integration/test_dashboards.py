"""Every query of every dashboard and alert, asked of a real Loki that a recorder filled with a day of exchanges."""

import asyncio
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grafana.dashboards.names import ALL_RECORDS
from tests.fakes.ollama import FakeOllama
from tests.integration.a_day import Day, a_day
from tests.integration.asked_loki import FOUND_LINES, MOST_SECONDS, NUMBERS, Asked, delivered, ship
from tests.integration.dashboard_numbers import EXPECTED, lines
from tests.integration.grafana_queries import with_variables
from tests.integration.load import ask_all, chat, request_bytes
from tests.integration.recorder_process import StartRecorder, eventually, start
from tests.servers.loki import running_loki

pytestmark = pytest.mark.long

INSTANCE = "the-day"


def test_every_query_of_loki_has_its_expectation_and_every_expectation_its_query() -> None:
    assert {(query.place, query.title) for query in NUMBERS} == EXPECTED.keys()
    assert {(query.place, query.title) for query in FOUND_LINES} == lines("", "").keys()


@pytest.fixture(
    scope="module", params=[1500, pytest.param(20_000, marks=pytest.mark.long)], ids=["1,500", "20,000 records"]
)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    day = a_day(request.param, int(time.time()) - 5)
    with running_loki(tmp_path_factory.mktemp("loki")) as loki:
        ship(day, loki, tmp_path_factory.mktemp("recorder"), INSTANCE)
        # Its parts find each other a second after it says that it is ready: the first question waits for that.
        assert loki.query(f"sum(count_over_time({ALL_RECORDS}[1d]))", at=day.end)
        yield Asked(loki, day, instance=INSTANCE)


def instances(asked: Asked) -> set[str]:
    """What the variable *Recorder* offers."""
    times = urllib.parse.urlencode({"start": asked.day.begin, "end": asked.day.end, "query": ALL_RECORDS})
    with urllib.request.urlopen(f"{asked.loki.url}/loki/api/v1/label/instance/values?{times}", timeout=60) as reply:
        return {*json.load(reply)["data"]}


def test_loki_answers_every_query_with_the_numbers_of_the_records(
    asked: Asked, measured: Callable[[str], None]
) -> None:
    assert not asked.wrong_numbers()
    records = len(asked.day.said)
    measured(f"slowest of {len(NUMBERS)} queries over {records} records: {asked.slowest[0]:.2f} s, {asked.slowest[1]}")
    assert asked.slowest[0] < MOST_SECONDS, asked.slowest


def test_every_log_query_finds_the_newest_records_that_it_should(asked: Asked) -> None:
    assert not asked.wrong_lines()
    assert asked.slowest[0] < MOST_SECONDS, asked.slowest


def test_every_query_over_time_has_points_and_comes_in_time(asked: Asked, measured: Callable[[str], None]) -> None:
    step = 300
    empty = []
    for query in (query for query in NUMBERS if not query.is_instant):
        expr = with_variables(query.expr, asked.variables | {"__auto": f"{step}s"})
        times = {"start": str(asked.day.end - query.hours * 3600), "end": str(asked.day.end), "step": str(step)}
        if not asked.ask(query, "query_range", expr, times):
            empty.append((query.place, query.title))
    assert not empty
    measured(f"slowest over time: {asked.slowest[0]:.2f} s, {asked.slowest[1]}")
    assert asked.slowest[0] < MOST_SECONDS, asked.slowest


def test_what_is_typed_into_the_boxes_narrows_what_is_found(asked: Asked) -> None:
    (query,) = (query for query in FOUND_LINES if query.title == "Which exchanges match? A")
    wanted = next(
        said
        for said in asked.day.said
        if said.get("workflow") == "Résumé agent" and said["operation"] == "chat" and not said["failed"]
    )
    words = wanted["request_body"].partition("Summarise ")[2][:13]
    typed = {"search": words.upper(), "model": wanted["model"][1:5].upper(), "workflow": "résumé", "operation": "chat"}
    times = {"start": str(asked.day.begin * 10**9), "end": str(asked.day.end * 10**9), "limit": "5000"}

    def found(**values: str) -> set[str]:
        expr = with_variables(query.expr, asked.variables | values)
        return {one["stream"]["exchange"] for one in asked.ask(query, "query_range", expr, times)}

    matching = found(**typed)
    assert wanted["exchange"] in matching
    for said in (said for said in asked.day.said if said["exchange"] in matching):
        assert words.lower() in said["request_body"].lower()
        assert (said["workflow"], said["operation"]) == ("Résumé agent", "chat")
    for other in ({"search": "no such words (at all)"}, {"model": "gemma"}, {"outcome": "gateway_died"}):
        assert not found(**typed | other)


@pytest.mark.blocks("what is tested are processes of their own; this loop is only the load around them")
async def test_what_passes_a_recorder_is_on_the_dashboards_once_it_is_delivered(
    asked: Asked, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama:
        recorder = await start(start_recorder, tmp_path, ollama.url, LOKI_URL=asked.loki.url)
        headers = {"X_N8N_Workflow_Name": "Live", "X_N8N_Execution_Id": "77", "X_N8N_Node": "Chat"}
        requests = [chat(f"question {number}", stream=number % 2 == 0, **headers) for number in range(40)]
        await ask_all(recorder.port, [*requests, request_bytes("GET", "/api/ollama/api/tags")], 4)
        await eventually(lambda: delivered(recorder.data) == len(requests) + 1, within=30)
        said = [kept.line for kept in await recorder.records()]
    (instance,) = instances(asked) - {INSTANCE}
    live = Asked(asked.loki, Day(int(time.time()) + 1, said=said), instance=instance)
    of_one_recorder = [query for query in NUMBERS if "$instance" in query.expr]
    assert len(said) == 41
    assert not await asyncio.to_thread(live.wrong_numbers, of_one_recorder, may_be_empty=True)


def test_loki_lists_the_recorders_to_choose_from(asked: Asked) -> None:
    assert INSTANCE in instances(asked)
