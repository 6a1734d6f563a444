"""Panels with everything that a panel of ours must have: title, description, unit, text for no data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.builders import heatmap, logs, loki, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.loki import LokiQueryDirection
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from grafana.dashboards.names import LOKI, PROMETHEUS, TEMPO

CLICKED = "${__value.raw:percentencode}"
"""The cell of a link as part of an address. Without the format Grafana leaves ``&``, ``#`` and ``+`` as they are."""
NOTHING_YET = "No exchange in this time"
Steps = Sequence[tuple[float | None, str]]
NO_STEPS: Steps = ((None, "blue"),)
REFS = "ABCDEFGHIJ"
COUNT = "locale"
"""The unit of what is counted, in full: Grafana's ``short`` shows 1,500 as *2 K*."""
TOKENS_A_SECOND = "suffix:tok/s"
MOMENT = "time:YYYY-MM-DD HH:mm:ss.SSS"
Panel = stat.Panel | table.Panel | timeseries.Panel | logs.Panel | heatmap.Panel | text.Panel
P = TypeVar("P", stat.Panel, table.Panel, timeseries.Panel, logs.Panel, heatmap.Panel)


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    ``lines`` bounds the lines of a log query, which come oldest first with ``forward``. ``form`` is how Prometheus'
    answer is arranged: ``table``, ``heatmap``, or as lines.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    source: str = LOKI
    lines: int = 0
    forward: bool = False
    form: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its key in the data, title, unit, width in pixels and where a click leads."""

    key: str
    title: str
    unit: str = ""
    width: int = 0
    link: tuple[str, str] | None = None


def stat_panel(
    title: str, description: str, query: Query, unit: str, *, steps: Steps = NO_STEPS, no_value: str = NOTHING_YET
) -> stat.Panel:
    """One number."""
    panel = _prepared(stat.Panel(), title, description, [query], no_value)
    reduced = common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    panel.unit(unit).thresholds(_thresholds(steps)).reduce_options(reduced).height(4).span(4)
    return panel.graph_mode(common.BigValueGraphMode.NONE).decimals(0 if unit == COUNT else 2)


def series_panel(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    stacked: bool = False,
    steps: Steps = NO_STEPS,
    no_value: str = NOTHING_YET,
) -> timeseries.Panel:
    """Lines over time, or stacked areas; thresholds, where there are some, are drawn as lines."""
    panel = _prepared(timeseries.Panel(), title, description, queries, no_value)
    panel.unit(unit).thresholds(_thresholds(steps)).min(0).height(8).span(12).interval("1m")
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).show_legend(True)
    panel.legend(legend.placement(common.LegendPlacement.BOTTOM))
    panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A")).fill_opacity(60)
    if len(steps) > 1:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    return panel


def heatmap_panel(
    title: str, description: str, query: Query, unit: str, *, no_value: str = NOTHING_YET
) -> heatmap.Panel:
    """How many observations fell into which bucket, over time."""
    panel = _prepared(heatmap.Panel(), title, description, [replace(query, form="heatmap", legend="{{le}}")], no_value)
    panel.unit("short").calculate(False).y_axis(heatmap.YAxisConfig().unit(unit)).height(8).span(12).interval("1m")
    colors = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(32).exponent(0.5)
    return panel.color(colors.fill("dark-blue").reverse(False)).show_legend()


def text_panel(title: str, content: str) -> text.Panel:
    """What a board is for, in Markdown."""
    return text.Panel().title(title).mode(TextMode.MARKDOWN).content(content).height(4).span(24)


def metric_table(
    title: str,
    description: str,
    queries: Mapping[str, Query],
    shown: Sequence[Column],
    sort: str,
    *,
    no_value: str = NOTHING_YET,
) -> table.Panel:
    """A table of numbers by labels: each of ``queries`` is the column of its name, each label one of its own.

    Queries are instant and have the same labels. *Merge* makes one row of what they answer for the same labels.
    """
    values = {name: f"Value #{ref}" for name, ref in zip(queries, REFS, strict=False)}
    asked = [replace(query, instant=True, form="table" * (query.source == PROMETHEUS)) for query in queries.values()]
    columns = [replace(column, key=values.get(column.key, column.key)) for column in shown]
    panel = _table(title, description, asked, columns, no_value)
    _sort_by(panel, shown, sort)
    panel.with_transformation(_transformation("merge", {}))
    if asked[0].source == PROMETHEUS:
        # A counter that did not rise is 0 in every column.
        rose = {"fieldName": "Value #A", "config": {"id": "greater", "options": {"value": 0}}}
        panel.with_transformation(
            _transformation("filterByValue", {"filters": [rose], "type": "include", "match": "any"})
        )
    return panel.with_transformation(_only(columns))


def record_table(
    title: str, description: str, query: Query, shown: Sequence[Column], sort: str, *, no_value: str = NOTHING_YET
) -> table.Panel:
    """A table of records, read from their lines."""
    panel = _table(title, description, [query], shown, no_value)
    _sort_by(panel, shown, sort)
    # Every key becomes a column: a list of paths would write "Not Found" where a record lacks one. The second name of
    # the lines is that of Grafana's newer form; what is not there is passed over.
    for source in ("Line", "body"):
        panel.with_transformation(_transformation("extractFields", _extracted(source)))
    return panel.with_transformation(_only(shown))


def facts_table(
    title: str, description: str, query: Query, shown: Sequence[Column], sort: str, *, no_value: str = NOTHING_YET
) -> table.Panel:
    """A table of records without their texts, read from structured metadata: lines do not travel to the browser."""
    panel = _table(title, description, [replace(query, expr=query.expr + ' | line_format "-"')], shown, no_value)
    _sort_by(panel, shown, sort)
    panel.with_transformation(_transformation("extractFields", _extracted("labels")))
    # Metadata is text, also where it is a number.
    numbers = [{"targetField": column.key, "destinationType": "number"} for column in shown if column.unit]
    panel.with_transformation(_transformation("convertFieldType", {"fields": {}, "conversions": numbers}))
    return panel.with_transformation(_only(shown))


def logs_panel(title: str, description: str, query: Query, *, pretty: bool = False) -> logs.Panel:
    """Lines as they are; a click on one shows its fields, its trace among them."""
    panel = _prepared(logs.Panel(), title, description, [query], NOTHING_YET)
    panel.show_time(True).wrap_log_message(True).prettify_log_message(pretty).enable_log_details(True)
    panel.sort_order(common.LogsSortOrder.ASCENDING if query.forward else common.LogsSortOrder.DESCENDING)
    return panel.dedup_strategy(common.LogsDedupStrategy.NONE).height(12).span(24)


def to_dashboard(uid: str, **variables: str) -> str:
    """The address of another of our dashboards, at the same time, with variables set."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return f"/d/{uid}?${{__url_time_range}}{chosen}"


def to_trace(trace_id: str) -> str:
    """The address of a trace in Explore; ``trace_id`` is a variable of Grafana's."""
    query = f'{{"refId":"A","queryType":"traceql","query":"{trace_id}"}}'
    pane = f'{{"trace":{{"datasource":"{TEMPO}","queries":[{query}],"range":{{"from":"now-30d","to":"now"}}}}}}'
    return "/explore?schemaVersion=1&orgId=1&panes=" + quote(pane, safe="${}_.:,")


def _prepared(panel: P, title: str, description: str, queries: Sequence[Query], no_value: str) -> P:
    source = queries[0].source
    if source == PROMETHEUS and no_value == NOTHING_YET:
        no_value += ", or Prometheus does not know the recorder"
    panel.title(title).description(description).no_value(no_value)
    panel.datasource(_source(source))
    for number, query in enumerate(queries):
        panel.with_target(_target(query, REFS[number]))
    return panel


def _source(name: str) -> common.DataSourceRef:
    return common.DataSourceRef(type_val=name, uid=f"${{{name}}}")


def _target(query: Query, ref: str) -> loki.Dataquery | prometheus.Dataquery:
    if query.source == PROMETHEUS:
        asked = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(_source(PROMETHEUS))
        asked = asked.instant() if query.instant else asked.range()
        if query.form:
            asked.format(PromQueryFormat(query.form))
        return asked.legend_format(query.legend) if query.legend else asked
    target = loki.Dataquery().expr(query.expr).ref_id(ref).datasource(_source(LOKI))
    target.query_type("instant" if query.instant else "range")
    if query.legend:
        target.legend_format(query.legend)
    if query.lines:
        target.max_lines(query.lines)
        target.direction(LokiQueryDirection.FORWARD if query.forward else LokiQueryDirection.BACKWARD)
    return target


def _table(
    title: str, description: str, queries: Sequence[Query], shown: Sequence[Column], no_value: str
) -> table.Panel:
    panel = _prepared(table.Panel(), title, description, queries, no_value)
    panel.height(9).span(24).unit("string").cell_height(common.TableCellHeight.SM)
    for column in shown:
        panel.override_by_name(column.key, _properties(column))
    return panel


def _sort_by(panel: table.Panel, shown: Sequence[Column], sort: str) -> None:
    by = {column.key: column.title for column in shown}[sort.lstrip("-")]
    panel.sort_by([common_builders.TableSortByFieldState().display_name(by).desc(sort.startswith("-"))])


def _extracted(source: str) -> dict[str, object]:
    return {"source": source, "format": "json", "keepTime": source == "labels", "replace": True}


def _properties(column: Column) -> list[dashboard.DynamicConfigValue]:
    # Without a text of its own an empty cell shows the panel's, which is about the whole of it.
    said: dict[str, object] = {"displayName": column.title, "noValue": ""}
    if column.unit:
        said["unit"] = column.unit
    if column.unit == COUNT:
        said["decimals"] = 0
    if column.width:
        said["custom.width"] = column.width
    if column.link:
        said["links"] = [{"title": column.link[0], "url": column.link[1]}]
    return [dashboard.DynamicConfigValue(id_val=name, value=value) for name, value in said.items()]


def _only(shown: Sequence[Column]) -> dashboard.DataTransformerConfig:
    included = {column.key: True for column in shown}
    order = {column.key: number for number, column in enumerate(shown)}
    return _transformation("organize", {"includeByName": included, "indexByName": order, "excludeByName": {}})


def _transformation(name: str, options: Mapping[str, object]) -> dashboard.DataTransformerConfig:
    return dashboard.DataTransformerConfig(id_val=name, options=dict(options))


def _thresholds(steps: Steps) -> dashboards.ThresholdsConfig:
    made = [dashboard.Threshold(value=value, color=color) for value, color in steps]
    return dashboards.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(made)
