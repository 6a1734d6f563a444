"""Grafana's files fit together: they are what the code says, and every uid, link and name leads somewhere."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from grafana.alerts import ALERTS
from grafana.dashboards import at_a_glance
from grafana.dashboards.__main__ import texts
from grafana.dashboards.names import ALL_RECORDS, FOLDER, RECORDER_PAGE, field, key
from service.inspector.exchange_metrics import ExchangeMetrics
from service.inspector.metrics import (
    Numbers,
    NumbersCollector,
    QueueNumbers,
    ReceiverNumbers,
    UpstreamNumbers,
    exposition,
)
from service.inspector.model_memory import ModelMemory
from service.record.fields import METADATA
from service.shipping.loki.encode import encode
from tests.integration.a_day import a_day
from tests.integration.grafana_queries import DASHBOARDS, QUERIES, RULES, panels
from tests.shipping.rows import make_row

SMALL_SCREEN = 1366
"""Pixels. Grafana and the panel take 17 at each side; a column without a width has at least 150."""
LONGEST_TITLE = 22
"""Letters that fit above a sixth of a window of 1,600 pixels, beside the mark of the description."""
GRAFANA = Path(__file__).parents[2] / "grafana"
PANELS = [(uid, panel) for uid, dashboard in DASHBOARDS.items() for panel in panels(dashboard)]
each_panel = pytest.mark.parametrize(
    ("uid", "panel"), [pytest.param(uid, panel, id=f"{uid}: {panel['title']}") for uid, panel in PANELS]
)


def provisioned(name: str) -> Any:
    (path,) = (GRAFANA / "provisioning" / name).glob("*.yaml")
    return yaml.safe_load(path.read_text())


SOURCES = {source["uid"]: source for source in provisioned("datasources")["datasources"]}
ALERTING = provisioned("alerting")


@pytest.mark.parametrize("name", texts())
def test_what_is_committed_is_what_the_code_says(name: str) -> None:
    assert (GRAFANA / name).read_text() == texts()[name], "run make dashboards"


def test_nothing_is_committed_that_the_code_does_not_say() -> None:
    written = {str(path.relative_to(GRAFANA)) for path in (GRAFANA / "dashboards" / "json").iterdir()}
    assert written == {name for name in texts() if name.startswith("dashboards/")}


def test_a_field_that_no_record_has_stops_the_build() -> None:
    with pytest.raises(AttributeError, match="duration"):
        _ = field.duration


def test_queries_select_the_streams_that_the_recorder_writes() -> None:
    pushed = json.loads(gzip.decompress(encode([make_row()], "here", with_spans=False).body))
    (stream,) = pushed["streams"]
    selected = dict(re.findall(r'(\w+)="([^"]*)"', ALL_RECORDS))
    assert selected.items() <= stream["stream"].items()
    assert set(stream["values"][0][2]) <= set(METADATA)


@each_panel
def test_a_panel_says_what_it_shows_and_what_it_means_when_it_shows_nothing(uid: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["targets"]
    assert len(panel["title"]) > 5
    assert panel["description"].endswith(".")
    assert defaults["noValue"]
    assert panel["type"] == "logs" or defaults["unit"]
    if len(steps := defaults.get("thresholds", {}).get("steps", [])) > 1:
        # A threshold without its reason is a colour.
        assert re.search(r"Red|red|Yellow|line", panel["description"]), steps


@each_panel
def test_a_panel_names_no_data_source_but_through_a_variable(uid: str, panel: dict[str, Any]) -> None:
    chosen = {f"${{{one['name']}}}" for one in DASHBOARDS[uid]["templating"]["list"] if one["type"] == "datasource"}
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert {source["uid"] for source in sources} <= chosen


def test_no_two_panels_of_a_dashboard_have_the_same_id_or_title() -> None:
    for uid, dashboard in DASHBOARDS.items():
        own = list(panels(dashboard))
        ids = [panel["id"] for panel in own] + [row["id"] for row in dashboard["panels"] if row["type"] == "row"]
        assert len(set(ids)) == len(ids), uid
        assert len({panel["title"] for panel in own}) == len(own), uid


def test_each_dashboard_begins_with_what_it_is_for() -> None:
    for dashboard in DASHBOARDS.values():
        first, *others = dashboard["panels"]
        assert first["type"] == "text"
        assert len(first["options"]["content"]) > 100
        assert not [panel for panel in others if panel["type"] == "text"]


def test_the_data_source_variables_choose_what_is_provisioned() -> None:
    for dashboard in DASHBOARDS.values():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "datasource":
                source = SOURCES[variable["current"]["value"]]
                assert (source["type"], source["name"]) == (variable["query"], variable["current"]["text"])


def test_every_variable_of_a_query_is_one_of_its_dashboard() -> None:
    built_in = {"__range", "__auto", "__rate_interval"}
    for query in QUERIES:
        known = {one["name"] for one in DASHBOARDS.get(query.place, {"templating": {"list": []}})["templating"]["list"]}
        asked = {name for pair in re.findall(r"\$(?:(\w+)|\{(\w+))", query.expr) for name in pair if name}
        assert asked <= known | built_in, query


def test_every_link_leads_to_a_dashboard_and_sets_a_variable_that_it_has() -> None:
    links = 0
    for _, panel in PANELS:
        for override in panel["fieldConfig"].get("overrides") or []:
            for link in (link for one in override["properties"] if one["id"] == "links" for link in one["value"]):
                links += 1
                if found := re.fullmatch(
                    r"/d/([\w-]+)\?\$\{__url_time_range\}&var-(\w+)=\$\{__value\.raw:percentencode\}"
                    r"(?:&var-lookback=(?:24h|\$\{lookback\}))?",
                    link["url"],
                ):
                    dashboard = DASHBOARDS[found[1]]
                    assert found[2] in {one["name"] for one in dashboard["templating"]["list"]}
                elif not link["url"].startswith(RECORDER_PAGE):
                    assert link["url"].startswith("/explore?schemaVersion=1")
                    assert "%22datasource%22:%22tempo%22" in link["url"]
    assert links > 12


def test_the_chosen_exchange_leads_to_the_recorders_page() -> None:
    (panel,) = (panel for _, panel in PANELS if panel["title"] == "What is the chosen exchange?")
    (column,) = (one for one in panel["fieldConfig"]["overrides"] if one["matcher"]["options"] == key.exchange)
    (links,) = (one["value"] for one in column["properties"] if one["id"] == "links")
    assert [link["url"] for link in links] == [f"{RECORDER_PAGE}/?show=${{__value.raw:percentencode}}"]
    _, derived = SOURCES["loki"]["jsonData"]["derivedFields"]
    assert (derived["matcherType"], derived["matcherRegex"]) == ("label", field.exchange)
    assert derived["url"] == f"{RECORDER_PAGE}/?show=$${{__value.raw}}"


def test_records_lead_to_traces_and_traces_to_records() -> None:
    assert SOURCES.keys() == {"loki", "tempo", "prometheus"}
    derived, _ = SOURCES["loki"]["jsonData"]["derivedFields"]
    assert derived["matcherRegex"] == field.trace_id
    assert derived["datasourceUid"] == "tempo"
    assert derived["url"] == "$${__value.raw}"
    back = SOURCES["tempo"]["jsonData"]["tracesToLogsV2"]
    assert back["datasourceUid"] == "loki"
    assert back["query"] == f'{ALL_RECORDS} | {field.trace_id}="$${{__trace.traceId}}"'


def test_the_provider_reads_the_folder_that_the_stack_mounts() -> None:
    (provider,) = provisioned("dashboards")["providers"]
    assert provider["folderUid"] == FOLDER
    assert not provider["allowUiUpdates"]
    compose = (GRAFANA.parent / "docker-compose.yml").read_text()
    if "grafana/grafana" in compose:
        assert f"./grafana/dashboards/json:{provider['options']['path']}:ro" in compose


def test_only_the_environment_of_the_stack_is_interpolated() -> None:
    names = set()
    for path in (GRAFANA / "provisioning").rglob("*.yaml"):
        lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        names |= set(re.findall(r"\$\{?(\w+)", "\n".join(lines).replace("$$", "")))
    assert names == {"ALERT_P95_SECONDS", "ALERT_WEBHOOK_URL"}


def test_every_table_fits_on_a_small_screen() -> None:
    """The links that lead on stand in the last columns, and nobody looks for them beyond the edge."""
    for panel in (panel for dashboard in DASHBOARDS.values() for panel in panels(dashboard)):
        if panel["type"] == "table":
            given = [one["properties"] for one in panel["fieldConfig"]["overrides"]]
            widths = [next((one["value"] for one in of if one["id"] == "custom.width"), 150) for of in given]
            assert sum(widths) <= SMALL_SCREEN - 2 * 17, (panel["title"], sum(widths))


def test_the_title_of_a_number_is_shown_whole() -> None:
    for dashboard in DASHBOARDS.values():
        titles = [panel["title"] for panel in panels(dashboard) if panel["type"] == "stat"]
        assert [title for title in titles if len(title) > LONGEST_TITLE] == []


def test_the_five_queries_of_the_guide_stand_word_for_word_in_one_row() -> None:
    (row,) = (row for row in DASHBOARDS[at_a_glance.UID]["panels"] if "guide" in row["title"])
    assert row["collapsed"]
    assert [panel["targets"][0]["expr"] for panel in row["panels"]] == [
        '{job="nginx", service="ollama"} | json',
        '{job="nginx", service="ollama", method="POST"} | json | line_format "{{.request_body}}"',
        '{job="nginx", service="ollama"} | json | request_time > 10',
        'avg(avg_over_time({job="nginx", service="ollama"} | json | unwrap request_time [5m]))',
        'sum(count_over_time({job="nginx", service="ollama"}[5m]))',
    ]


def test_numbers_come_from_structured_metadata_without_a_parser() -> None:
    guide = set(at_a_glance.GUIDE.values())
    parsing = [query for query in QUERIES if "| json" in query.expr and query.expr not in guide]
    assert [query.title for query in parsing] == ["The prompts and answers that match A"]
    assert all("unwrap" not in query.expr for query in parsing)


def test_an_alert_says_what_to_do_and_where_to_look() -> None:
    assert len({rule["uid"] for rule in RULES}) == len(RULES) == len(ALERTS)
    for rule in RULES:
        asked, last, condition = rule["data"]
        assert last["model"]["expression"] == asked["refId"]
        assert rule["condition"] == condition["refId"]
        assert asked["datasourceUid"] in SOURCES
        assert condition["datasourceUid"] == "__expr__"
        assert re.fullmatch(r"\$\$B [<>] (\d+(\.\d+)?|\$ALERT_\w+)", condition["model"]["expression"])
        assert len(rule["annotations"]["description"]) > 60
        assert rule["annotations"]["dashboard"].removeprefix("/d/") in DASHBOARDS
        assert rule["labels"]["severity"] in ("warning", "critical")
    assert ALERTING["policies"][0]["receiver"] == ALERTING["contactPoints"][0]["name"]


def metrics() -> dict[str, set[str]]:
    """The names that /metrics shows, with the labels of each."""
    receiver = ReceiverNumbers("loki", True, 0.0, 1, 0, 0)
    numbers = Numbers(
        in_flight=0,
        is_ollama_up=True,
        journal_bytes=0,
        disk_free_bytes=0,
        newest_number=1,
        not_indexed=0,
        queued=0,
        waiting=0,
        bodies_lost=0,
        records_lost=0,
        is_journal_degraded=False,
        last_commit_seconds=0.0,
        log_lines_dropped=0,
        receivers=(receiver,),
        queue=QueueNumbers(0, 0, (("1.0", 0.0), ("+Inf", 0.0)), 0.0),
        upstreams=(UpstreamNumbers("gpu1", True, 0),),
    )
    ended = ExchangeMetrics()
    ended.add(a_day(200, 1_800_000_000).records)
    loaded = ModelMemory()
    loaded.note(b'{"models": [{"name": "tiny", "size": 2, "size_vram": 1}]}', 0)
    others = [*ended.families("here"), *loaded.families("here")]
    shown = exposition(NumbersCollector(lambda: numbers, lambda: others, "1")).decode()
    families = text_string_to_metric_families(shown)
    found: dict[str, set[str]] = {"up": {"job"}}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_queries_of_prometheus_ask_for_metrics_and_labels_that_the_recorder_shows() -> None:
    known = metrics()
    asked = [query for query in QUERIES if query.source == "prometheus"]
    assert len(asked) > 15
    for query in asked:
        names = re.findall(r"\b(ollama_recorder_\w+|up)\b", query.expr)
        assert names
        assert not [name for name in names if name not in known], query
        grouped = {label for group in re.findall(r"by \(([^)]*)\)", query.expr) for label in group.split(", ")}
        assert all(grouped <= known[name] for name in names), query
        for name, matchers in re.findall(r"\b(ollama_recorder_\w+|up)\{([^}]*)\}", query.expr):
            assert {*re.findall(r"(\w+)=", matchers)} <= known[name], query
        rated = re.findall(r"(?:rate|increase)\((\w+)", query.expr)
        assert all(name.endswith(("_total", "_bucket", "_sum", "_count")) for name in rated), query


def test_the_recorder_is_scraped_under_the_name_that_the_alert_knows() -> None:
    scraped = GRAFANA.parent / "prometheus" / "prometheus.yml"
    if not scraped.is_file():
        pytest.skip("the stack has no Prometheus")
    jobs = [job["job_name"] for job in yaml.safe_load(scraped.read_text())["scrape_configs"]]
    (query,) = (query for query in QUERIES if query.expr.startswith("up{"))
    assert query.expr == f'up{{job="{jobs[0]}"}}'
