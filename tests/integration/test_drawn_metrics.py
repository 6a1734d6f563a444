"""What panels draw of a real Prometheus' answers, through Grafana's own transformers, is what the records say."""

import json
import math
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grafana.dashboards.names import NO_NAME
from service.inspector.exchange_metrics import CALL_SECONDS, ExchangeMetrics
from service.inspector.model_memory import ModelMemory
from tests.integration.a_day import Day, a_day
from tests.integration.asked_loki import AS_OPENED
from tests.integration.dashboard_metrics import DAY, EXPECTED_METRICS, OfADay
from tests.integration.drawn_panels import DrawnColumn, DrawnPanel, draw
from tests.integration.grafana_frames import Frame, series_of_numbers, table_of_numbers
from tests.integration.grafana_queries import DASHBOARDS, panels, with_variables
from tests.integration.test_drawn_panels import assert_sorted, titles
from tests.servers.prometheus import Prometheus, prometheus_to_write_to

RECORDS, SCRAPED_EVERY = 1000, 120
MEMORY = {"Which models are in memory? A", "Which models had to leave early? A"}
HEATMAP = "How are the times of calls spread?"
Panel = Mapping[str, Any]
OF_METRICS = [
    (uid, panel)
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    if all("recorder=~" in target["expr"] for target in panel["targets"])
]
Drawn = dict[tuple[str, str], tuple[Panel, DrawnPanel]]


def test_every_query_has_its_expectation_and_every_expectation_its_query() -> None:
    asked = {(uid, f"{panel['title']} {target['refId']}") for uid, panel in OF_METRICS for target in panel["targets"]}
    asked = {(uid, title) for uid, title in asked if title not in {f"{HEATMAP} A", *MEMORY}}
    assert asked == EXPECTED_METRICS.keys()


@pytest.fixture(scope="module")
def day() -> Day:
    return a_day(RECORDS, int(time.time()) // SCRAPED_EVERY * SCRAPED_EVERY)


@pytest.fixture(scope="module")
def prometheus(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus_of(day, tmp_path_factory.mktemp("prometheus") / "it") as server:
        yield server


@contextmanager
def prometheus_of(day: Day, folder: Path) -> Iterator[Prometheus]:
    """One that has asked a recorder all through the day, every two minutes."""
    with prometheus_to_write_to(folder) as server:
        now = float(day.begin)
        metrics = ExchangeMetrics(lambda: now)
        ended = iter(day.records)
        record = next(ended, None)
        while now <= day.end:
            while record is not None and record.ended_ns <= now * 10**9:
                metrics.add([record])
                record = next(ended, None)
            samples = [sample for family in metrics.families("drawn", is_scrape=True) for sample in family.samples]
            if samples:
                server.write([({"__name__": one.name, **one.labels}, one.value) for one in samples], now)
            now += SCRAPED_EVERY
        yield server


@pytest.fixture(scope="module")
def drawn(day: Day, prometheus: Prometheus) -> Drawn:
    made = draw([(panel, frames_of(day, prometheus, panel)) for _, panel in OF_METRICS])
    return {(uid, panel["title"]): (panel, one) for (uid, panel), one in zip(OF_METRICS, made, strict=True)}


def frames_of(day: Day, prometheus: Prometheus, panel: Panel) -> list[Frame]:
    """Each query is asked once, of the whole day."""
    spans = dict.fromkeys(("__range", "__rate_interval"), f"{day.seconds}s")
    answers = {
        target["refId"]: prometheus.query(
            with_variables(target["expr"], AS_OPENED | spans | {"instance": "drawn"}), at=day.end
        )
        for target in panel["targets"]
    }
    if any(target.get("format") == "table" for target in panel["targets"]):
        # As soon as there is only one table left, its number is called otherwise.
        few = sum(bool(answer) for answer in answers.values()) == 1
        return [
            frame for ref, answer in answers.items() for frame in table_of_numbers(ref, answer, "Value" if few else "")
        ]
    legends = {target["refId"]: target.get("legendFormat", "") for target in panel["targets"]}
    return [frame for ref, answer in answers.items() for frame in series_of_numbers(ref, answer, legends[ref])]


def agrees(shown: float, wanted: float, of: OfADay) -> bool:
    """Whether both are the same, as far as counting every two minutes and buckets let them."""
    if of.is_estimated:
        at = bisect_left(CALL_SECONDS.buckets, wanted)
        return ([0.0, *CALL_SECONDS.buckets])[at] <= shown <= ([*CALL_SECONDS.buckets, math.inf])[at]
    if of.per:
        shown *= DAY / of.per
    return math.isclose(shown, wanted, rel_tol=0.01, abs_tol=0.05)


@pytest.mark.long
def test_each_table_shows_the_numbers_of_the_records(day: Day, drawn: Drawn) -> None:
    tables = {place: both for place, both in drawn.items() if both[0]["type"] == "table"}
    assert len(tables) == 3
    for (uid, title), (panel, made) in tables.items():
        keys = titles(panel)
        assert [column.title for column in made.columns] == [*keys], title
        labels = EXPECTED_METRICS[uid, f"{title} A"].labels
        rows = [
            *zip(*(made.column(name).texts for label in labels for name in keys if keys[name] == label), strict=True)
        ]
        assert len({*rows}) == len(rows) == len(EXPECTED_METRICS[uid, f"{title} A"].expected(day.said))
        for target in panel["targets"]:
            of = EXPECTED_METRICS[uid, f"{title} {target['refId']}"]
            wanted = {tuple(one or NO_NAME for one in key): value for key, value in of.expected(day.said).items()}
            (column,) = (one for one in made.columns if keys[one.title] == f"Value #{target['refId']}")
            check_column(title, column, dict(zip(rows, column.values, strict=True)), wanted, of)
        assert_sorted(panel, made)


def check_column(title: str, column: DrawnColumn, shown: Any, wanted: Any, of: OfADay) -> None:
    assert column.type == "number", (title, column.title)
    for row, value in shown.items():
        assert agrees(value, wanted.get(row, 0), of), (title, column.title, row, value, wanted.get(row, 0))
    assert all(column.texts), (title, column.title)
    if column.title == "Calls":
        assert {text.replace(",", "") for text in column.texts} == {
            str(wanted[row]).removesuffix(".0") for row in shown
        }


@pytest.mark.long
def test_each_number_and_line_is_that_of_the_records(day: Day, drawn: Drawn) -> None:
    for (uid, title), (panel, made) in drawn.items():
        if panel["type"] == "stat":
            ((shown, text),) = made.numbers
            of = EXPECTED_METRICS[uid, f"{title} A"]
            assert agrees(shown, of.expected(day.said)[()], of), title
            assert text[0].isdigit(), (title, text)
        elif panel["type"] == "timeseries" and f"{title} A" not in MEMORY:
            lines = {line.name: line.values[-1] for line in made.lines}
            expected = [one for target in panel["targets"] for one in wanted_lines(day, uid, title, target)]
            for name, value, of in expected:
                # A line that never rose may be there.
                assert agrees(lines.pop(name) or 0, value, of), (title, name, value)
            assert not any(lines.values()), (title, lines)


def wanted_lines(day: Day, uid: str, title: str, target: Mapping[str, Any]) -> list[tuple[str, float, OfADay]]:
    of = EXPECTED_METRICS[uid, f"{title} {target['refId']}"]
    legend = target["legendFormat"]
    names = {
        key: legend.replace("{{" + of.labels[0] + "}}", key[0]) if key else legend for key in of.expected(day.said)
    }
    return [(names[key], value, of) for key, value in of.expected(day.said).items()]


@pytest.mark.long
def test_models_in_memory_are_drawn_by_their_place(tmp_path: Path) -> None:
    memory, now = ModelMemory(), int(time.time())
    panels_of_memory = {panel["title"]: panel for _, panel in OF_METRICS if f"{panel['title']} A" in MEMORY}
    with prometheus_to_write_to(tmp_path / "it") as server:
        for at, loaded in ((now - 60, "a"), (now, "b")):
            body = {"name": loaded, "size": 3 * 2**30, "size_vram": 2**30, "expires_at": "2999-01-01T00:00:00Z"}
            memory.note(json.dumps({"models": [body]}).encode(), at * 10**9)
            samples = [sample for family in memory.families("drawn") for sample in family.samples]
            server.write([({"__name__": one.name, **one.labels}, one.value) for one in samples], at)
        made = dict(
            zip(
                panels_of_memory,
                draw([(one, frames_of(a_day(0, now), server, one)) for one in panels_of_memory.values()]),
                strict=True,
            )
        )
    in_memory = {line.name: line.texts[-1] for line in made["Which models are in memory?"].lines}
    assert {name: in_memory[name] for name in in_memory if name[0] == "b"} == {"b (gpu)": "1 GiB", "b (cpu)": "2 GiB"}
    (left,) = (line.values[-1] for line in made["Which models had to leave early?"].lines if line.name == "a")
    assert left is not None
    assert left > 0


@pytest.mark.long
def test_the_heatmap_has_each_call_in_a_bucket(day: Day, drawn: Drawn) -> None:
    panel, made = drawn["ollama-at-a-glance", HEATMAP]
    assert panel["targets"][0]["format"] == "heatmap"
    lower = 0.0
    for line in sorted(made.lines, key=lambda one: float(one.name)):
        (calls,) = (value * DAY for value in line.values if value is not None)
        wanted = sum(
            said.get("request_time", 0) <= float(line.name) and said["operation"] in ("chat", "generate", "embed")
            for said in day.said
        )
        assert calls == pytest.approx(wanted, rel=0.01, abs=0.05), line.name
        assert calls >= lower
        lower = calls
    assert lower > 0


def test_what_is_stacked_are_parts_of_a_whole() -> None:
    for _, panel in OF_METRICS:
        if panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {}).get("mode") == "normal":
            # One query by a label, or every phase of the calls.
            assert len(panel["targets"]) == 1 or panel["title"] == "What are calls doing?"
            assert "/" not in panel["targets"][0]["expr"]
            assert "quantile" not in panel["targets"][0]["expr"]
