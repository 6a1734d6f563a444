"""Grafana's own grammar of LogQL reads every query: one that it does not read cannot be edited in Grafana."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.integration.grafana_queries import QUERIES, with_variables
from tests.servers.process import require

VALUES = dict.fromkeys(("search", "model", "workflow", "caller", "exchange", "execution"), "a-name") | {
    "instance": ".+",
    "operation": ".*",
    "outcome": ".*",
    "slower": "1",
    "lookback": "1h",
    "__range": "1h",
    "__auto": "1m",
}


def mistakes(queries: list[str]) -> list[list[int]]:
    """For each query, the places at which the grammar finds a mistake."""
    installed = require("javascript", "run make servers")
    if not (installed / "node_modules" / "@grafana" / "lezer-logql").is_dir():
        pytest.skip("Grafana's grammar is not here: run make servers")
    program = Path(__file__).with_name("logql_grammar.mjs")
    ran = subprocess.run(
        [require("node", "apt-get install nodejs"), program, installed],
        input=json.dumps(queries),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    found: list[list[int]] = json.loads(ran.stdout)
    return found


def test_grafana_reads_every_query_of_loki() -> None:
    queries = [with_variables(query.expr, VALUES) for query in QUERIES if query.source == "loki"]
    found = mistakes([*queries, '{job="nginx"} |'])
    assert [query for query, at in zip(queries, found, strict=False) if at] == []
    assert found[-1], "the grammar finds no mistake where there is one"
