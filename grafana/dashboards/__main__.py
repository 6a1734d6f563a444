"""``python -m grafana.dashboards``: write the dashboards and the alerts to the files that Grafana reads."""

import json
from pathlib import Path

import yaml
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.alerts import provisioning
from grafana.dashboards import at_a_glance, n8n, prompts, recorder_itself, why_slow

GRAFANA = Path(__file__).parents[1]
_WRITTEN = "# Written by make dashboards from grafana/alerts.py; change it there.\n"


def texts() -> dict[str, str]:
    """Each file's path below ``grafana/`` and what belongs into it."""
    modules = (at_a_glance, why_slow, prompts, n8n, recorder_itself)
    dashboards = {f"dashboards/json/{module.UID}.json": _json(module.build()) for module in modules}
    rules = yaml.safe_dump(provisioning(), sort_keys=False, width=118, allow_unicode=True)
    return dashboards | {"provisioning/alerting/alerts.yaml": _WRITTEN + rules}


def _json(made: Dashboard) -> str:
    dashboard = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    for link in dashboard["links"]:
        # The library puts links into a menu unasked. Without this they stand in the row above the panels.
        del link["placement"]
    return json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, text in texts().items():
        (GRAFANA / name).write_text(text, encoding="utf-8")
