"""The files that are written from tables of the recorder: ``make written`` writes them, a test compares.

Each is the text of a module beside this one. Grafana's dashboards and n8n's pictures have commands of their own.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.configuration import (
    chart_schema,
    env_example,
    filters_table,
    openapi,
    page_tables,
    record_page,
    settings_page,
)

PROJECT = Path(__file__).parents[2]
CHART = "deploy/helm/ollama-recorder"


def _on_one_line(path: Path) -> str:
    """A dashboard as the chart has it, which can read no file outside its folder."""
    return json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(",", ":")) + "\n"


WRITTEN: dict[str, Callable[[], str]] = {
    ".env.example": env_example.text,
    **{
        f"{CHART}/dashboards/{path.name}": partial(_on_one_line, path)
        for path in sorted((PROJECT / "grafana" / "dashboards" / "json").iterdir())
    },
    f"{CHART}/values.schema.json": chart_schema.schema_text,
    "docs/api.md": filters_table.text,
    f"{CHART}/README.md": chart_schema.page_text,
    "docs/record.md": record_page.text,
    "docs/settings.md": settings_page.text,
    "service/inspector/openapi.json": openapi.text,
    "service/inspector/page/state/generated.js": page_tables.text,
}


def write_all() -> None:
    """Write every file whose text is another than it was."""
    for name, text in WRITTEN.items():
        path = PROJECT / name
        if not path.exists() or path.read_text() != text():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text())
            print(f"written: {name}")


if __name__ == "__main__":
    write_all()
