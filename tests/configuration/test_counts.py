"""Numbers of things that are written in words follow the things: nobody counts by hand twice."""

import re
from pathlib import Path

import pytest

from grafana.alerts import ALERTS

PROJECT = Path(__file__).parents[2]
WORDS = "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
COUNTED = {
    "dashboards": len(list((PROJECT / "grafana/dashboards/json").glob("*.json"))),
    "alerts": len(ALERTS),
    "templates": len(list((PROJECT / "n8n/workflows").glob("*.json"))),
    "Alert rules*:": len(ALERTS),
}
GUIDES = [
    PROJECT / "README.md",
    *sorted((PROJECT / "docs").glob("*.md")),
    PROJECT / "grafana/README.md",
    PROJECT / "n8n/README.md",
]


def counts_in(text: str, thing: str) -> list[int]:
    """The numbers that ``text`` gives for ``thing``: before it, or after a colon."""
    numbers = "|".join(WORDS)
    pattern = rf"{re.escape(thing)} ({numbers})\b" if thing.endswith(":") else rf"\b({numbers}|\d+) {thing}\b"
    found = re.findall(pattern, text, re.IGNORECASE)
    return [int(word) if word.isdigit() else WORDS.index(word.lower()) for word in found]


@pytest.mark.parametrize("thing", COUNTED)
def test_a_number_in_prose_is_how_many_there_are(thing: str) -> None:
    found = {str(path.relative_to(PROJECT)): counts_in(path.read_text(), thing) for path in GUIDES}
    written = {path: counts for path, counts in found.items() if counts}
    assert written, "nobody tells how many there are: leave it out here too"
    assert {path: counts for path, counts in written.items() if set(counts) != {COUNTED[thing]}} == {}
