"""The page's tables, which repeat what the recorder knows: the same names, asked of Node.js."""

import json
import re
import subprocess
import typing
from typing import Any

import pytest

from service.inspector.assets import FOLDER
from service.record.fields import BODIES, FIELD_NAMES, LABELS
from service.record.phases import PhaseName
from service.search.parameters import NAME_FIELDS
from tests.servers.process import require

TABLES = FOLDER / "state" / "tables.js"
GENERATED = TABLES.with_name("generated.js")
# Parameters of a page of the list, not of what is looked for.
OF_THE_LIST = {"before", "after"}
# What a summary has beside the record's fields.
OF_A_SUMMARY = {"number", "instance", "prompt", "answer", "phases", "hit"}


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    """Everything that the module exports."""
    node = require("node", "install Node.js 20.19 or newer")
    script = f"import({json.dumps(TABLES.as_uri())}).then((tables) => console.log(JSON.stringify(tables)))"
    ran = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True, timeout=20)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_the_facets_are_those_of_the_recorder(tables: dict[str, Any]) -> None:
    assert set(tables["FACETS"]) == {*NAME_FIELDS, "status", "exchange"}
    assert set(tables["OFFERED_FACETS"]) == set(tables["FACETS"]) - {"exchange"}
    assert set(tables["PROMINENT_FACETS"]) | set(tables["GROUPINGS"]) <= set(tables["FACETS"])


def test_every_phase_has_its_words(tables: dict[str, Any]) -> None:
    phases = set(typing.get_args(PhaseName))
    assert set(tables["PHASE_LABELS"]) == phases


def test_every_field_is_one_of_a_record(tables: dict[str, Any]) -> None:
    fields = {row[1] for row in tables["COMPARED"]} - set(tables["PHASE_LABELS"])
    fields |= set(tables["SUMMARY_KEYS"] + tables["REPEATED_NAMES"]) - OF_A_SUMMARY
    assert fields <= set(FIELD_NAMES) - set(BODIES)


def test_no_other_module_lists_fields_of_a_record() -> None:
    # Of the names that are two words: the others, such as "status", are words of the page as well.
    names = "|".join(name for name in FIELD_NAMES if "_" in name)
    for module in sorted(FOLDER.rglob("*.js")):
        if module != GENERATED:
            assert not re.findall(rf"""["'`](?:{names})["'`]""", module.read_text()), module.name


def test_every_value_of_the_comparison_is_shown_somehow(tables: dict[str, Any]) -> None:
    shown = (FOLDER / "text" / "format.js").read_text()
    assert not [row[2] for row in tables["COMPARED"] if not re.search(rf"^  {row[2]}\b", shown, re.MULTILINE)]


def test_every_field_with_a_label_is_among_the_numbers_and_ids(tables: dict[str, Any]) -> None:
    assert [(row["name"], row["label"]) for row in tables["DETAILS"]] == list(LABELS.items())
