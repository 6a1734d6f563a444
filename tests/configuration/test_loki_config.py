"""The shipped loki.yaml in the real Loki: what it takes, keeps and answers."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.servers.loki import CONFIGURATION, Loki

DAY = 86_400.0
LABELS = {"job": "nginx", "service": "ollama", "method": "POST", "instance": "test"}


def record(request_time: float, body: str = "{}") -> str:
    """The fields of the guide's sample record."""
    return json.dumps({"method": "POST", "status": 200, "request_time": request_time, "request_body": body})


def entries(start: float, lines: list[str]) -> list[list[Any]]:
    """One entry a millisecond from the Unix time ``start`` on, each with a number as structured metadata."""
    return [
        [str(int(start * 1e9) + number * 1_000_000), line, {"request_time": "1.5"}] for number, line in enumerate(lines)
    ]


def keys_and_values(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of the configuration, by its path."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict | list):
            yield from keys_and_values(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def test_a_burst_of_long_prompts_is_taken_and_read_back(loki: Loki) -> None:
    longest = record(1.5, "error " * 39_000)
    lines = [longest] * 20 + [record(1.5, "x" * 2300)] * 3000
    now = time.time()
    for start in range(0, len(lines), 1000):
        pushed = entries(now - 60 + start / 1000, lines[start : start + 1000])
        assert loki.push([{"stream": LABELS, "values": pushed}]) == (204, "")
    counted = loki.query('sum(count_over_time({job="nginx", service="ollama"}[5m]))', at=now)
    assert int(counted[0]["value"][1]) == len(lines)
    found = loki.query_range('{job="nginx"} |= "error"', start=now - 120, end=now + 10)
    assert [line for stream in found for _, line in stream["values"]] == [longest] * 20
    assert "detected_level" not in found[0]["stream"]


def test_records_from_before_a_long_outage_are_taken_and_found_at_once(loki: Loki) -> None:
    for age in (29 * DAY, 5 * DAY, 4 * 3600.0):
        then = time.time() - age
        assert loki.push([{"stream": {**LABELS, "age": str(age)}, "values": entries(then, [record(2)])}])[0] == 204
        found = loki.query_range(f'{{age="{age}"}} | json | request_time > 1', start=then - 5, end=then + 5)
        assert len(found) == 1


def test_a_record_that_is_sent_again_is_kept_once(loki: Loki) -> None:
    now = time.time()
    stream = {"stream": LABELS, "values": entries(now - 10, [record(number) for number in range(100)])}
    assert loki.push([stream])[0] == loki.push([stream])[0] == 204
    assert loki.query('sum(count_over_time({job="nginx"}[5m]))', at=now)[0]["value"][1] == "100"


def test_a_line_that_is_too_long_is_refused_and_not_cut(loki: Loki) -> None:
    status, reason = loki.push([{"stream": LABELS, "values": entries(time.time(), ["x" * 600_000])}])
    assert status == 400
    assert "max" in reason


def test_what_was_kept_is_there_after_a_restart(start_loki: Callable[..., Loki]) -> None:
    first, now = start_loki(), time.time()
    first.push([{"stream": LABELS, "values": entries(now - 10, [record(1)])}])
    first.server.stop()
    again = start_loki()
    assert again.query('sum(count_over_time({job="nginx"}[5m]))', at=now)[0]["value"][1] == "1"


def test_lines_can_be_erased(loki: Loki) -> None:
    selector = urllib.parse.urlencode({"query": '{instance="test"}', "start": str(int(time.time() - DAY))})
    request = urllib.request.Request(f"{loki.url}/loki/api/v1/delete?{selector}", method="POST")
    with urllib.request.urlopen(request, timeout=20) as reply:
        assert reply.status == 204


def test_every_value_has_a_reason() -> None:
    """A comment stands above each value or beside it, or above a neighbour that it belongs to."""
    without: list[str] = []
    explained = False
    for line in CONFIGURATION.read_text().splitlines():
        words = line.strip()
        explained = words.startswith("#") or "#" in words or (explained and bool(words))
        if words and not words.startswith("#") and not words.endswith(":") and not explained:
            without.append(words)
    assert not without


@pytest.mark.parametrize("word", ["boltdb", "unordered_writes", "per_tenant_override_config", "table_manager"])
def test_nothing_that_loki_4_removes_is_used(word: str) -> None:
    assert word not in CONFIGURATION.read_text()


def test_prompts_are_kept_as_long_as_the_recorder_keeps_them_and_go_nowhere_else() -> None:
    values = dict(keys_and_values(yaml.safe_load(CONFIGURATION.read_text())))
    assert values["analytics.reporting_enabled"] is False
    assert values["limits_config.retention_period"] == "720h"
    assert values["limits_config.reject_old_samples_max_age"] == "720h"
    assert values["compactor.retention_enabled"] is True
    assert values["schema_config.configs.0.schema"] == "v13"
