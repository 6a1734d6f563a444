"""Every query that the committed dashboards and alerts hold, as Grafana would send it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

GRAFANA = Path(__file__).parents[2] / "grafana"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards" / "json").glob("*.json"))
}
RULES: list[dict[str, Any]] = yaml.safe_load((GRAFANA / "provisioning" / "alerting" / "alerts.yaml").read_text())[
    "groups"
][0]["rules"]


@dataclass(frozen=True, slots=True)
class GrafanaQuery:
    """One query: ``place`` is the dashboard's uid or ``alerts``, ``title`` its panel's or rule's with the ref.

    ``hours`` is how far back its panel looks on a dashboard that shows a day.
    """

    place: str
    title: str
    expr: str
    source: str
    is_instant: bool
    lines: int
    is_forward: bool
    hours: int = 24

    @property
    def is_log_query(self) -> bool:
        return self.source == "loki" and self.expr.startswith("{")


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels of a dashboard that ask something, those of closed rows too."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels") or []
        if panel["type"] not in ("row", "text"):
            yield panel


def _of_dashboards() -> Iterator[GrafanaQuery]:
    for uid, dashboard in DASHBOARDS.items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield GrafanaQuery(
                    uid,
                    f"{panel['title']} {target['refId']}",
                    target["expr"],
                    target["datasource"]["type"],
                    target.get("queryType") == "instant" or target.get("instant", False),
                    target.get("maxLines", 1000),
                    target.get("direction") == "forward",
                    1 if panel.get("timeFrom") in ("1h", "$lookback") else 24,
                )


def _of_alerts() -> Iterator[GrafanaQuery]:
    for rule in RULES:
        asked = rule["data"][0]
        expr = asked["model"]["expr"].replace("$$", "$")
        yield GrafanaQuery("alerts", f"{rule['title']} A", expr, asked["datasourceUid"], True, 0, False)


QUERIES = (*_of_dashboards(), *_of_alerts())


def with_variables(expr: str, values: Mapping[str, str]) -> str:
    """``expr`` with each ``$name`` and ``${name:regex}`` replaced; a name without a value is an error."""

    def value(match: re.Match[str]) -> str:
        name, form = match["bare"] or match["name"], match["form"]
        return re.escape(values[name]) if form == "regex" and values[name] != ".*" else values[name]

    return re.sub(r"\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?::(?P<form>\w+))?\})", value, expr)
