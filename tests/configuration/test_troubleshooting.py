"""docs/troubleshooting.md: its links lead somewhere, and its queries find what they are said to find."""

import gzip
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from service.journal.reader import Row
from service.shipping.loki.encode import encode
from tests.cli.doctor.given_traffic import call
from tests.cli.doctor.page import PAGE, anchor, blocks, chapters
from tests.cli.doctor.traffic_situations import TRAFFIC_SITUATIONS, Traffic
from tests.configuration.test_grafana_grammar import mistakes
from tests.journal.given import wait_until
from tests.servers.loki import Loki
from tests.servers.process import RunningServer
from tests.servers.prometheus import running_prometheus

TEXT = PAGE.read_text()
STREAMED_LATE = call(90, ago=1, stream=True, time_to_first_token=0.2, time_to_first_byte=0.2)


def anchors_of(page: Path) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_every_link_leads_somewhere(link: str) -> None:
    name, _, place = link.partition("#")
    page = PAGE.parent / name if name else PAGE
    assert page.is_file()
    assert not place or place in anchors_of(page)


def test_grafana_reads_every_query() -> None:
    queries = blocks("logql", TEXT)
    assert len(queries) > 15
    assert [query for query, at in zip(queries, mistakes(queries), strict=True) if at] == []


def test_every_query_finds_its_situation_in_a_real_loki(loki: Loki) -> None:
    records = [record for one in TRAFFIC_SITUATIONS if isinstance(one.make, Traffic) for record in one.make.records]
    records = sorted([*records, STREAMED_LATE], key=lambda record: record.ended_ns)
    rows = [
        Row(at, one.id, one.started_ns, one.ended_ns, one.method, one.operation, one.outcome, None, one.line)
        for at, one in enumerate(records)
    ]
    now = time.time()
    assert loki.push(orjson.loads(_unzipped(rows))["streams"]) == (204, "")
    for name, text in chapters().items():
        for query in blocks("logql", text):
            if query.startswith("{"):
                found = loki.query_range(query, start=now - 90_000, end=now + 5)
            else:
                found = loki.query(query, at=now + 5)
            assert found, f"nothing found in the chapter {name}: {query}"


@pytest.mark.long
def test_prometheus_answers_every_query(start_recorder: Callable[..., RunningServer], tmp_path: Path) -> None:
    away = "http://127.0.0.1:1"
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=away, LOKI_URL=away, INSPECTOR_TOKEN="secret")
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"{recorder.url}/readyz", timeout=20)
    with urllib.request.urlopen(f"{recorder.url}/metrics", timeout=20) as answer:
        told = {line.split()[2] for line in answer.read().decode().splitlines() if line.startswith("# TYPE")}
    queries = blocks("promql", TEXT)
    asked = {name for query in queries for name in re.findall(r"ollama_recorder_\w+", query)}
    assert len(asked) >= 7
    assert {name for name in asked if name not in told and name.removesuffix("_total") not in told} == set()
    with running_prometheus(tmp_path / "prometheus", f"127.0.0.1:{recorder.port}", "secret") as prometheus:
        wait_until(lambda: prometheus.query("ollama_recorder_ollama_up"))
        found = {query for query in queries if prometheus.query(query)}
    assert {"ollama_recorder_ollama_up == 0", 'ollama_recorder_receiver_up{receiver="loki"} == 0'} <= found
    assert "ollama_recorder_index_behind_records > 1000" not in found


def _unzipped(rows: list[Row]) -> bytes:
    return gzip.decompress(encode(rows, "test", with_spans=False).body)
