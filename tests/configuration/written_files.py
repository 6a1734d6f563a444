"""The files that are written from tables of the recorder: ``make written`` writes them, a test compares.

Each is the text of a module beside this one. Grafana's dashboards and n8n's pictures have commands of their own.
"""

from collections.abc import Callable
from pathlib import Path

from tests.configuration import env_example, filters_table, openapi, page_tables, record_page, settings_page

PROJECT = Path(__file__).parents[2]
WRITTEN: dict[str, Callable[[], str]] = {
    ".env.example": env_example.text,
    "docs/api.md": filters_table.text,
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
            path.write_text(text())
            print(f"written: {name}")


if __name__ == "__main__":
    write_all()
