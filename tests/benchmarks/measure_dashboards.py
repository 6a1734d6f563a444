"""``make bench BENCH=--dashboards``: what it costs Loki to have a dashboard opened on a day of many records.

A real Loki with the shipped configuration is given a day of exchanges, 4.4 kB in the mean. Then each dashboard is
opened twice, half a minute apart, six queries at a time as a browser asks, and each panel once more by itself. Closed
rows ask nothing. Seconds of processor time are Loki's own; seconds of the clock depend on what else the machine does.
"""

import os
import random
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from service.record.fields import METADATA
from tests.benchmarks.counters import peak_resident_bytes, resident_bytes, usage
from tests.integration.a_day import DAY, a_day
from tests.integration.asked_loki import AS_OPENED
from tests.integration.grafana_queries import DASHBOARDS, QUERIES, GrafanaQuery, with_variables
from tests.servers.loki import Loki, running_loki

RECORDS = (20_000, 200_000)
SHORT_RECORDS = (5_000,)
INSTANCE = "of-the-bench"
_MEAN_BYTES, _PUSHED_AT_ONCE, _AT_ONCE, _STEP = 4_400, 2_000, 6, 120
_TEMPLATES = 1_000
_HOURS = {"now-24h": 24, "now-6h": 6}
"""How far back a dashboard looks when it is opened."""
# Grafana begins to ask anew so long after it has asked.
_UNTIL_AGAIN = 30.0


@dataclass(slots=True)
class Opened:
    """One dashboard: processor seconds of its two loads, and its panels' failures and slowest one."""

    first: float = 0.0
    second: float = 0.0
    queries: int = 0
    failures: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")


def main(sizes: tuple[int, ...]) -> int:
    failures = 0
    for records in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_loki(Path(folder)) as loki:
            failures += _measure(records, loki)
    return 1 if failures else 0


def _measure(records: int, loki: Loki) -> int:
    pid, end = loki.server.process.pid, int(time.time())
    began = time.monotonic()
    sent = sum(_push(loki, entries) for entries in _entries(records, end))
    _tell(f"\n{records:,} records of a day, {sent / 1e6:.0f} MB, given in {time.monotonic() - began:.0f} s")
    _settle(pid)
    _tell(
        f"Loki resident after filling: {_megabytes(resident_bytes(pid))}; load of the machine {os.getloadavg()[0]:.0f}"
    )
    _tell(f"{'dashboard':<24}{'queries':>8}{'first':>9}{'second':>9}   slowest panel")
    failed = 0
    # As a click in the list of the newest 200 chooses it.
    chosen = {"ollama-prompts": ("", f"{records - 100:032x}")}
    for uid, exchange in [(name, one) for name in DASHBOARDS for one in chosen.get(name, ("",))]:
        opened = _open(loki, uid, end, exchange)
        failed += len(opened.failures)
        seconds, title = opened.slowest
        shown = f"{uid}, chosen" if exchange else uid
        _tell(f"{shown:<24}{opened.queries:>8}{opened.first:>7.2f} s{opened.second:>7.2f} s   {seconds:.2f} s {title}")
        for failure in opened.failures:
            _tell(f"    failed: {failure}")
    _tell(f"Loki resident at most: {_megabytes(peak_resident_bytes(pid))}")
    return failed


def _open(loki: Loki, uid: str, end: int, exchange: str) -> Opened:
    """Open one dashboard, *Prompts* with an ``exchange`` chosen or none."""
    closed = {
        panel["title"] for row in DASHBOARDS[uid]["panels"] if row.get("collapsed") for panel in row.get("panels") or ()
    }
    asked = [
        query
        for query in QUERIES
        if query.place == uid and query.source == "loki" and query.title.rpartition(" ")[0] not in closed
    ]
    opened = Opened(queries=len(asked))
    opened.first = _load(loki, asked, exchange, end, opened.failures)
    opened.second = _load(loki, asked, exchange, end + int(_UNTIL_AGAIN), [])
    for query in asked:
        began = time.perf_counter()
        _ask(loki, query, exchange, end + 3 * int(_UNTIL_AGAIN))
        opened.slowest = max(opened.slowest, (time.perf_counter() - began, query.title))
    return opened


def _load(loki: Loki, asked: list[GrafanaQuery], exchange: str, end: int, failures: list[str]) -> float:
    """Processor seconds of Loki until every panel has its answer."""
    pid = loki.server.process.pid
    before = usage(pid)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failures += [one for one in pool.map(lambda query: _ask(loki, query, exchange, end), asked) if one]
    return (usage(pid) - before).tree


def _ask(loki: Loki, query: GrafanaQuery, exchange: str, end: int) -> str:
    """Ask as Grafana would; empty, or why Loki refused."""
    spans = {"__range": f"{DAY}s", "__auto": f"{_STEP}s"}
    asked = {"query": with_variables(query.expr, AS_OPENED | spans | {"instance": INSTANCE, "exchange": exchange})}
    if query.is_instant:
        route, times = "query", {"time": str(end * 10**9)}
    else:
        route = "query_range"
        hours = min(query.hours, _HOURS[DASHBOARDS[query.place]["time"]["from"]])
        times = {"start": str((end - hours * 3600) * 10**9), "end": str(end * 10**9), "step": f"{_STEP}s"}
        times |= {"limit": str(query.lines), "direction": "forward" if query.is_forward else "backward"}
    address = f"{loki.url}/loki/api/v1/{route}?{urllib.parse.urlencode(asked | times)}"
    try:
        with urllib.request.urlopen(address, timeout=300) as reply:
            reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return f"{query.title}: {error.code} {error.read(300).decode(errors='replace').strip()}"
    return ""


def _entries(records: int, end: int) -> Iterator[list[tuple[str, list[Any]]]]:
    """The day in pieces: method, and time, line and metadata of each record. The same numbers give the same day."""
    chance = random.Random(records)
    words = ["".join(chance.choices("aeioubdfgklmnprstvz", k=chance.randrange(2, 9))) for _ in range(3000)]
    text = " ".join(chance.choices(words, k=1_000_000))
    make = [_template(said, text, chance) for said in a_day(_TEMPLATES, end).said]
    piece: list[tuple[str, list[Any]]] = []
    for number in range(records):
        at = (end - DAY + 30) * 10**9 + (DAY - 40) * 10**9 // records * number
        piece.append(make[number % _TEMPLATES](number, at))
        if len(piece) == _PUSHED_AT_ONCE:
            yield piece
            piece = []
    yield piece


def _template(said: dict[str, Any], text: str, chance: random.Random) -> Callable[[int, int], tuple[str, list[Any]]]:
    """A function that makes an exchange like ``said`` of its number and its time, with a prompt out of ``text``."""
    method = said["method"]

    def entry(number: int, at: int) -> tuple[str, list[Any]]:
        exchange = f"{number:032x}"
        own = said | {"exchange": exchange, "trace_id": exchange}
        if method == "POST":
            start = chance.randrange(len(text) // 2)
            prompt = text[start : start + int(chance.expovariate(1 / _MEAN_BYTES))]
            own["request_body"] = f'{{"prompt": "{prompt}"}}'
        if "execution_id" in own:
            own["execution_id"] = str(number // 12)
        metadata = {name: _text(own[name]) for name in METADATA if name in own}
        return method, [str(at), orjson.dumps(own).decode(), metadata]

    return entry


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _push(loki: Loki, entries: list[tuple[str, list[Any]]]) -> int:
    """Bytes of the lines."""
    streams: dict[str, list[Any]] = {}
    for method, entry in entries:
        streams.setdefault(method, []).append(entry)
    labels = {"job": "nginx", "service": "ollama", "instance": INSTANCE}
    if not streams:
        return 0
    status, reason = loki.push(
        [{"stream": labels | {"method": method}, "values": of} for method, of in streams.items()]
    )
    assert status == 204, reason
    return sum(len(entry[1]) for _, entry in entries)


def _settle(pid: int) -> None:
    """Wait until Loki has nothing left to do, at most a minute."""
    for _ in range(30):
        before = usage(pid)
        time.sleep(2)
        if (usage(pid) - before).tree < 0.1:
            return


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.0f} MB"


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
