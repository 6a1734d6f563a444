"""``make bench BENCH=--all-recorders``: how long whoever looks at all recorders waits for a real Loki.

Three recorders' records are given to Loki by the code that ships them: 100,000 each, of ten days. The third is killed
before it has shipped its last tenth, and it sent its last request twice. A fourth recorder, which is asked, has none of
them. Each question is asked several times, most with another value each time. A target that is missed is marked and
does not fail; an exchange that is missing or there twice does.
"""

import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from urllib.parse import urlencode

import orjson

from service.journal.reader import Row
from service.loki_search.all_recorders import began_ns
from service.record.exchange import EncodedRecord
from service.shipping.loki.encode import encode
from tests.benchmarks.counters import peak_resident_bytes, resident_bytes, usage
from tests.fakes.journals import COMMON_WORD, MODELS, RARE_WORD, USERS, WORKFLOWS, make_records
from tests.servers.loki import Loki, running_loki
from tests.servers.recorder import running_recorder

RECORDS, SHORT_RECORDS = 100_000, 5_000
INSTANCES = ("office", "garage", "attic")
KILLED = "attic"
DAYS = 10.0
_PUSHED_AT_ONCE = 500
_KILLED_AT, _SENT_TWICE_NS = 0.9, 1_800 * 10**9
_DAY_NS, _HOUR_NS = 86_400 * 10**9, 3_600 * 10**9
_TIMES = 8
# A question that is given up is told as such.
_PATIENCE_SECONDS = 300.0


@dataclass(slots=True)
class Shipped:
    """``ids`` are those that Loki took, ``bytes`` those of their lines; ``some`` are (id, execution, end)."""

    ids: set[str] = field(default_factory=set)
    bytes: int = 0
    some: list[str] = field(default_factory=list)


def main(records: int) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with running_loki(folder / "loki") as loki:
            shipped, until_ns = fill(loki, records)
            away = "http://127.0.0.1:9"
            with running_recorder(folder / "asked", ready="/healthz", LOKI_URL=loki.url, OLLAMA_URL=away) as recorder:
                _tell(f"Loki resident: {_megabytes(resident_bytes(loki.server.process.pid))}")
                ask_everything(recorder.url, loki.server.process.pid, shipped, until_ns)
                wrong = _compare(recorder.url, shipped)
            _tell(f"Loki resident at most: {_megabytes(peak_resident_bytes(loki.server.process.pid))}")
            _tell(f"Loki on disk: {_megabytes(_size(folder / 'loki'))}; load of the machine {os.getloadavg()[0]:.0f}")
    return 1 if wrong else 0


def fill(loki: Loki, records: int) -> tuple[Shipped, int]:
    """What Loki took of all, and when the newest ended."""
    shipped, until_ns, began = Shipped(), time.time_ns() - 60 * 10**9, time.monotonic()
    making = {
        instance: make_records(records, seed=seed, days=DAYS, until_ns=until_ns)
        for seed, instance in enumerate(INSTANCES, 1)
    }
    left = dict.fromkeys(INSTANCES, records)
    left[KILLED] = int(records * _KILLED_AT)
    while any(left.values()):
        for instance in INSTANCES:
            if batch := list(islice(making[instance], min(_PUSHED_AT_ONCE, left[instance]))):
                left[instance] -= len(batch)
                _ship(loki, instance, batch, shipped)
                if instance == KILLED and not left[instance]:
                    # Nobody told it that these had arrived. Older ones Loki refuses beside the newest.
                    again = [one for one in batch if batch[-1].ended_ns - one.ended_ns < _SENT_TWICE_NS]
                    _ship(loki, instance, again, shipped)
    seconds = time.monotonic() - began
    _tell(
        f"{len(shipped.ids):,} records of {DAYS:.0f} days by {len(INSTANCES)} recorders,"
        f" {shipped.bytes / 1e6:.0f} MB, given in {seconds:.0f} s"
    )
    return shipped, until_ns


def _ship(loki: Loki, instance: str, records: Sequence[EncodedRecord], shipped: Shipped) -> None:
    rows = [
        Row(number, one.id, one.started_ns, one.ended_ns, one.method, one.operation, one.outcome, None, one.line)
        for number, one in enumerate(records)
    ]
    body = encode(rows, instance, with_spans=True).body
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    request = urllib.request.Request(f"{loki.url}/loki/api/v1/push", body, headers)
    urllib.request.urlopen(request, timeout=60).close()
    shipped.bytes += sum(len(one.line) for one in records if one.id not in shipped.ids)
    shipped.ids.update(one.id for one in records)
    shipped.some.append(records[0].id)


def ask_everything(base: str, loki: int, shipped: Shipped, until_ns: int) -> None:
    """Ask, and tell how long each kind of question took. ``loki`` is its process."""
    random = Random(1)
    _tell(f"{'question':<48}{'median':>9}{'slowest':>9}{'target':>9}{'of Loki':>10}")

    def a_day() -> dict[str, str]:
        end = until_ns - random.randrange(0, int(DAYS) - 1) * _DAY_NS
        return {"from": str((end - _DAY_NS) / 1e9), "to": str(end / 1e9)}

    def a_list(**wanted: str) -> str:
        return f"/exchanges.json?{urlencode({'store': 'loki', 'limit': '100', **wanted})}"

    for what, target, path in (
        ("the first page, of the last day", 1.0, lambda: a_list(**{"from": "-24h"})),
        ("the first page, of all time", 1.0, a_list),
        ("a model, of the last day", 2.0, lambda: a_list(model=random.choice(MODELS), **{"from": "-24h"})),
        ("a workflow, of all time", 2.0, lambda: a_list(workflow=random.choice(WORKFLOWS))),
        ("a user and failed, in some day", 2.0, lambda: a_list(user=random.choice(USERS), failed="true", **a_day())),
        ("what failed, of all time", 2.0, lambda: a_list(failed="true")),
        ("a common word in some day", 3.0, lambda: a_list(q=COMMON_WORD, **a_day())),
        ("a rare word in some day", 3.0, lambda: a_list(q=RARE_WORD, **a_day())),
        ("a word that is nowhere, in some day", 3.0, lambda: a_list(q="xylophone", **a_day())),
        ("a rare word, of all time", None, lambda: a_list(q=RARE_WORD)),
        ("the timeline of the last day", None, lambda: "/timeline.json?store=loki&from=-24h"),
        ("the timeline of what failed, of all time", None, lambda: "/timeline.json?store=loki&failed=true"),
        ("totals by workflow, of the last day", None, lambda: "/stats.json?store=loki&by=workflow&from=-24h"),
        ("one exchange", 0.5, lambda: f"/exchanges/{random.choice(shipped.some)}.json?store=loki"),
    ):
        _measure(base, loki, what, target, path)


def _measure(base: str, loki: int, what: str, target: float | None, path: Callable[[], str]) -> None:
    seconds, of_loki, parts, given_up = [], [], 0, 0
    for _ in range(_TIMES):
        asked, before, began = path(), usage(loki).tree, time.perf_counter()
        answer: dict[str, object] = {}
        try:
            answer = orjson.loads(_get(base, asked))
        except urllib.error.HTTPError as error:
            # One stretch of time took Loki too long.
            error.close()
            given_up += 1
        seconds.append(time.perf_counter() - began)
        of_loki.append(usage(loki).tree - before)
        parts += answer.get("complete") is False
    note = f"  in parts {parts} of {_TIMES} times" if parts else ""
    note += f"  given up {given_up} of {_TIMES} times" if given_up else ""
    missed = " !" if target is not None and median(seconds) > target else ""
    aim = f"{target:>7.1f} s" if target is not None else f"{'-':>9}"
    times = f"{median(seconds):>7.2f} s{max(seconds):>7.2f} s{aim}{median(of_loki):>8.2f} s"
    _tell(f"{what:<48}{times}{missed}{note}")


def _get(base: str, path: str) -> bytes:
    with urllib.request.urlopen(base + path, timeout=_PATIENCE_SECONDS) as reply:
        return bytes(reply.read())


def _compare(base: str, shipped: Shipped) -> bool:
    """Whether an exchange is missing or there twice, in one export of everything."""
    began = time.monotonic()
    found = Counter(_exported(base))
    seconds = time.monotonic() - began
    twice = sum(count - 1 for count in found.values())
    absent = shipped.ids - found.keys()
    missing, strange = len(absent), len(found.keys() - shipped.ids)
    _tell(f"exported: {found.total():,} records in {seconds:.0f} s, {found.total() / seconds:,.0f} a second")
    _tell(f"twice: {twice}, missing: {missing}, never shipped: {strange}")
    if absent:
        # Together or far apart: that tells a part of Loki's that was not read from a place where pages were joined.
        hours = Counter(began_ns(one) // _HOUR_NS for one in absent)
        _tell(f"missing in {len(hours)} hours, at most {max(hours.values())} in one; for example {sorted(absent)[:3]}")
    return bool(twice or missing or strange)


def _exported(base: str) -> Iterator[str]:
    with urllib.request.urlopen(f"{base}/exchanges.jsonl?store=loki", timeout=_PATIENCE_SECONDS) as reply:
        for line in reply:
            yield orjson.loads(line)["exchange"]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.0f} MB"


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
