"""What each panel draws, from a real Loki's answers through Grafana's own transformers, is what the records say."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grafana.dashboards.names import NO_NAME
from service.record.fields import FIELD_NAMES
from service.record.timestamps import read_moment
from tests.integration.a_day import Day, a_day
from tests.integration.asked_loki import Asked, ship
from tests.integration.dashboard_numbers import EXPECTED, Said, Where, lines
from tests.integration.drawn_panels import DrawnPanel, draw
from tests.integration.grafana_frames import Frame, series_of_numbers, table_of_numbers
from tests.integration.grafana_frames import lines as frame_of_lines
from tests.integration.grafana_queries import DASHBOARDS, QUERIES, GrafanaQuery, panels, with_variables
from tests.servers.loki import running_loki

pytestmark = pytest.mark.long

RECORDS, WINDOW = 1000, 300
Panel = Mapping[str, Any]
QUERY_OF = {(query.place, query.title): query for query in QUERIES}
OF_LOKI = [
    (uid, panel)
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    if panel["datasource"]["type"] == "loki" and panel["type"] != "logs"
]
Drawn = dict[tuple[str, str], tuple[Panel, DrawnPanel]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with loki_of(a_day(RECORDS, int(time.time()) // WINDOW * WINDOW), tmp_path_factory.mktemp("loki")) as asked:
        yield asked


@contextmanager
def loki_of(day: Day, folder: Path) -> Iterator[Asked]:
    """One to which a recorder brought ``day``."""
    with running_loki(folder) as loki:
        ship(day, loki, folder / "recorder", "drawn")
        yield Asked(loki, day, instance="drawn")


@pytest.fixture(scope="module")
def drawn(asked: Asked) -> Drawn:
    """Every panel of Loki, with variables as they are when the dashboard is opened and something was clicked."""
    made = draw([(panel, frames_of(asked, uid, panel)) for uid, panel in OF_LOKI])
    return {(uid, panel["title"]): (panel, one) for (uid, panel), one in zip(OF_LOKI, made, strict=True)}


def frames_of(asked: Asked, uid: str, panel: Panel) -> list[Frame]:
    return [frame for target in panel["targets"] for frame in frames_of_query(asked, uid, panel, target)]


def frames_of_query(asked: Asked, uid: str, panel: Panel, target: Mapping[str, Any]) -> list[Frame]:
    query, ref = QUERY_OF[uid, f"{panel['title']} {target['refId']}"], target["refId"]
    over = {"__range": f"{asked.day.seconds}s", "__auto": f"{WINDOW}s", "lookback": f"{asked.day.seconds}s"}
    expr = with_variables(query.expr, asked.variables | over)
    times = {"start": str(asked.day.begin * 10**9), "end": str(asked.day.end * 10**9)}
    if query.is_log_query:
        order = {"limit": str(query.lines), "direction": "forward" if query.is_forward else "backward"}
        found = asked.ask(query, "query_range", expr, times | order, is_timed=False)
        return frame_of_lines(ref, found, is_forward=query.is_forward)
    if query.is_instant:
        at = {"time": str(asked.day.end * 10**9)}
        return table_of_numbers(ref, asked.ask(query, "query", expr, at, is_timed=False))
    found = asked.ask(query, "query_range", expr, times | {"step": str(WINDOW)}, is_timed=False)
    return series_of_numbers(ref, found, target.get("legendFormat", ""))


def titles(panel: Panel) -> dict[str, str]:
    """What each column of a table is called in the data, by what it is called on the panel."""
    return {
        one["value"]: override["matcher"]["options"]
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "displayName"
    }


def close(one: object, other: object) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return one == other


def test_each_table_of_numbers_shows_the_numbers_of_the_records(asked: Asked, drawn: Drawn) -> None:
    seen = 0
    for (uid, title), (panel, made) in drawn.items():
        if panel["type"] != "table" or QUERY_OF[uid, f"{title} A"].is_log_query:
            continue
        seen += 1
        keys = titles(panel)
        assert [column.title for column in made.columns] == [*keys], title
        by = EXPECTED[uid, f"{title} A"][1]
        rows = [*zip(*(made.column(name).texts for label in by for name in keys if keys[name] == label), strict=True)]
        wanted: set[tuple[str, ...]] = set()
        for target in panel["targets"]:
            expected = EXPECTED[uid, f"{title} {target['refId']}"][0](asked.day.said)
            named = {tuple(one or NO_NAME for one in key): value for key, value in expected.items()}
            wanted |= named.keys()
            (column,) = (one for one in made.columns if keys[one.title] == f"Value #{target['refId']}")
            assert column.type == "number", (title, column.title)
            for row, value, text in zip(rows, column.values, column.texts, strict=True):
                assert close(value, named.get(row)), (title, column.title, row)
                assert bool(text) == (row in named), (title, column.title, row)
        assert len(rows) == len(wanted), title
        assert {*rows} == wanted, title
        assert_sorted(panel, made)
    assert seen >= 1


def assert_sorted(panel: Panel, made: DrawnPanel) -> None:
    """The column that the panel sorts by is there, and its values stand in that order."""
    (by,) = panel["options"]["sortBy"]
    values = [value for value in made.column(by["displayName"]).values if value is not None]
    assert values == sorted(values, reverse=by["desc"]), panel["title"]
    assert made.is_sorted
    assert made.frames == 1


def test_each_table_of_records_shows_what_the_records_say_and_nothing_where_they_say_nothing(
    asked: Asked, drawn: Drawn
) -> None:
    wheres = lines(asked.variables["exchange"], asked.variables["execution"])
    seen = 0
    for (uid, title), (panel, made) in drawn.items():
        query = QUERY_OF[uid, f"{title} A"]
        if panel["type"] != "table" or not query.is_log_query:
            continue
        seen += 1
        keys = titles(panel)
        records = newest(asked.day, query, wheres[uid, f"{title} A"])
        by_id = {said["exchange"]: said for said in records}
        shown = made.column("Exchange").values
        assert sorted(shown) == sorted(by_id), title
        absent = {name for name in keys if name not in {column.title for column in made.columns}}
        assert not any(keys[name] in said for name in absent for said in records), title
        for column in made.columns:
            for exchange, value, text in zip(shown, column.values, column.texts, strict=True):
                check_cell(title, column.title, keys[column.title], by_id[exchange], value, text)
        assert_sorted(panel, made)
    assert seen > 3


def newest(day: Day, query: GrafanaQuery, where: Where) -> Sequence[Said]:
    matching = [said for said in day.said if where(said)]
    return matching[: query.lines] if query.is_forward else matching[::-1][: query.lines]


def check_cell(title: str, column: str, key: str, said: Said, value: object, text: str) -> None:
    place = (title, column, said["exchange"])
    if key == "Time":
        assert value == read_moment(said["time"]) // 10**6, place
    elif key not in said:
        assert (value in (None, ""), text) == (True, ""), place
    else:
        assert close(value, said[key]), place
        assert text, place


def test_each_line_has_the_points_that_the_records_of_its_minutes_give(asked: Asked, drawn: Drawn) -> None:
    for (uid, title), (panel, made) in drawn.items():
        if panel["type"] != "timeseries":
            continue
        names: set[str] = set()
        for target in panel["targets"]:
            query = QUERY_OF[uid, f"{title} {target['refId']}"]
            assert "[5m]" in query.expr
            names |= check_lines(asked.day, query, target["legendFormat"], made)
        assert {line.name for line in made.lines} == names, title


def check_lines(day: Day, query: GrafanaQuery, legend: str, made: DrawnPanel) -> set[str]:
    expected, by = EXPECTED[query.place, query.title]
    points: dict[str, dict[int, float]] = {}
    for end in range(day.begin + WINDOW, day.end + 1, WINDOW):
        ended = [said for said in day.said if end - WINDOW < read_moment(said["time"]) / 10**9 <= end]
        for key, value in expected(ended).items():
            name = legend.replace("{{" + by[0] + "}}", key[0]) if by else legend
            points.setdefault(name, {})[end * 1000] = value
    for name, wanted in points.items():
        (line,) = (line for line in made.lines if line.name == name)
        found = dict(zip(line.times, line.values, strict=True))
        found.pop(day.begin * 1000, None)
        assert found.keys() == wanted.keys(), (query.title, name)
        for at, value in wanted.items():
            assert close(found[at], value), (query.title, name, at)
    return {*points}


def test_a_panel_without_data_says_what_that_means() -> None:
    for (_, panel), made in zip(OF_LOKI, draw([(panel, []) for _, panel in OF_LOKI]), strict=True):
        assert made.nothing == panel["fieldConfig"]["defaults"]["noValue"]


def test_tables_of_records_are_read_in_the_newer_form_of_lines_too() -> None:
    assert "body" not in FIELD_NAMES
    ((_, panel),) = (one for one in OF_LOKI if one[1]["title"] == "Which exchanges match?")
    record = {"started": "2026-11-29T00:00:00.000Z", "exchange": "1"}
    stream = {"stream": {}, "values": [["1000000000", json.dumps(record)]]}
    older, newer = draw([(panel, frame_of_lines("A", [stream], body=body)) for body in ("Line", "body")])
    assert older == newer
    assert older.column("Exchange").values == ["1"]


def test_links_between_dashboards_stand_above_the_panels() -> None:
    for dashboard in DASHBOARDS.values():
        # Grafana puts a link with a placement into a menu.
        assert [link.get("placement") for link in dashboard["links"]] == [None]
