"""A real Loki that a recorder filled with a day of exchanges, asked what dashboards and alerts ask."""

import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from grafana.dashboards.names import NO_NAME
from service.journal.reader import Reader
from tests.integration.a_day import Day
from tests.integration.dashboard_numbers import EXPECTED, lines
from tests.integration.grafana_queries import QUERIES, GrafanaQuery, with_variables
from tests.journal.given import open_journal, wait_until
from tests.servers.loki import Loki
from tests.servers.process import free_port
from tests.servers.recorder import running_recorder

# A panel should be there in 2 s, and is where nothing else goes on (the tests print what they measure); one that asks
# for too much takes minutes.
MOST_SECONDS = 6.0
ATTEMPTS = 3
NUMBERS = [query for query in QUERIES if query.source == "loki" and not query.is_log_query]
FOUND_LINES = [query for query in QUERIES if query.is_log_query]
AS_OPENED = {
    "instance": ".+",
    "operation": ".*",
    "outcome": ".*",
    "slower": "1",
    "search": "",
    "model": "",
    "workflow": "",
    "caller": "",
    "lookback": "1h",
    "exchange": f"{7:032x}",
    "execution": "1003",
}
"""The variables of a dashboard at first, and an exchange and an execution that were clicked."""

Wrong = dict[tuple[str, str], str]
"""By place and title: what differs."""


def ship(day: Day, loki: Loki, folder: Path, instance: str) -> None:
    """Let a real recorder bring ``day`` to ``loki``, from a journal in ``folder`` where all of it waits."""
    with open_journal(folder / "data", receivers=("loki",)) as journal:
        journal.connection.execute("INSERT OR REPLACE INTO about VALUES ('instance', ?)", (instance,))
        for first in range(0, len(day.records), 1000):
            journal.write(day.records[first : first + 1000])
    nobody = f"http://127.0.0.1:{free_port()}"
    # Spans lie in a stream of their own, take three times as long to ship as records, and no panel asks for them.
    with running_recorder(folder, ready="/healthz", OLLAMA_URL=nobody, LOKI_URL=loki.url, LOKI_SPANS="false"):
        wait_until(lambda: delivered(folder / "data") == len(day.records), seconds=120)


def delivered(data: Path) -> int:
    """Up to which number Loki has the records of the journal in ``data``; an error if it refused one for good."""
    reader = Reader(data)
    try:
        assert not reader.parked("loki")
        return reader.cursors().get("loki", 0)
    finally:
        reader.close()


class Asked:
    """A ``loki`` that holds ``day``, the ``variables`` of the dashboards, and which answer took longest."""

    def __init__(self, loki: Loki, day: Day, **variables: str) -> None:
        self.loki = loki
        self.day = day
        self.variables = AS_OPENED | variables
        self.slowest = (0.0, "")

    def ask(
        self, query: GrafanaQuery, route: str, expr: str, parameters: Mapping[str, str], *, is_timed: bool = True
    ) -> list[dict[str, Any]]:
        """What Loki answers to ``expr``, the form in which ``query`` is asked."""
        address = f"{self.loki.url}/loki/api/v1/{route}?{urllib.parse.urlencode({'query': expr, **parameters})}"
        seconds: list[float] = []
        # Asked again when it was slow: other tests run at the same time, and a busy machine is no slow query.
        while not seconds or (is_timed and len(seconds) < ATTEMPTS and min(seconds) >= MOST_SECONDS):
            began = time.perf_counter()
            with urllib.request.urlopen(address, timeout=60) as reply:
                answer: list[dict[str, Any]] = json.load(reply)["data"]["result"]
            seconds.append(time.perf_counter() - began)
        if is_timed:
            self.slowest = max(self.slowest, (min(seconds), f"{query.place}: {query.title} ({route})"))
        return answer

    def numbers(self, query: GrafanaQuery, labels: tuple[str, ...]) -> dict[tuple[str, ...], float]:
        """What ``query`` answers when its range is the whole day."""
        whole_day = f"{self.day.seconds}s"
        # The ranges of alerts and of the guide are fixed minutes: asked of the whole day, they have more to tell.
        stretched = query.expr
        for minutes in ("[5m]", "[10m]", "[15m]"):
            stretched = stretched.replace(minutes, f"[{whole_day}]")
        spans = dict.fromkeys(("__range", "__auto", "lookback"), whole_day)
        expr = with_variables(stretched, self.variables | spans)
        is_timed = stretched == query.expr
        answer = self.ask(query, "query", expr, {"time": str(self.day.end * 10**9)}, is_timed=is_timed)
        names = [tuple(one["metric"].get(label, "").replace(NO_NAME, "") for label in labels) for one in answer]
        return {name: float(one["value"][1]) for name, one in zip(names, answer, strict=True)}

    def exchanges(self, query: GrafanaQuery) -> list[str]:
        """The exchanges that a log query finds, in its order."""
        direction = "forward" if query.is_forward else "backward"
        times = {"start": str(self.day.begin * 10**9), "end": str(self.day.end * 10**9)}
        asked = {"limit": str(query.lines), "direction": direction, **times}
        answer = self.ask(query, "query_range", with_variables(query.expr, self.variables), asked)
        found = [(int(at), one["stream"]["exchange"]) for one in answer for at, *_ in one["values"]]
        return [exchange for _, exchange in sorted(found, reverse=not query.is_forward)]

    def wrong_numbers(self, queries: Iterable[GrafanaQuery] = NUMBERS, *, may_be_empty: bool = False) -> Wrong:
        """Which ``queries`` do not give the numbers that the records of the day have."""
        wrong = {}
        for query in queries:
            expected, labels = EXPECTED[query.place, query.title]
            answer = self.numbers(query, labels)
            if not answer and not may_be_empty:
                wrong[query.place, query.title] = "nothing"
            elif difference := same(answer, expected(self.day.said)):
                wrong[query.place, query.title] = difference
        return wrong

    def wrong_lines(self) -> Wrong:
        """Which log queries do not find the newest (or, forward, the oldest) records that they should, in order."""
        wrong = {}
        expected_lines = lines(self.variables["exchange"], self.variables["execution"])
        for query in FOUND_LINES:
            where = expected_lines[query.place, query.title]
            matching = [said["exchange"] for said in self.day.said if where(said)]
            expected = matching[: query.lines] if query.is_forward else matching[::-1][: query.lines]
            found = self.exchanges(query)
            if not matching or found != expected:
                wrong[query.place, query.title] = f"{len(found)} of {len(expected)} records, or another order"
        return wrong


def same(answer: dict[tuple[str, ...], float], expected: dict[tuple[str, ...], float]) -> str:
    """Empty when both are the same, else what differs first."""
    for key in answer.keys() | expected.keys():
        if key not in answer or key not in expected:
            return f"{key}: Loki {answer.get(key)}, the records {expected.get(key)}"
        if not math.isclose(answer[key], expected[key], rel_tol=1e-6, abs_tol=1e-6):
            return f"{key}: Loki {answer[key]}, the records {expected[key]}"
    return ""
