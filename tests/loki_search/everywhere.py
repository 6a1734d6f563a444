"""Two recorders' journals with their indexes, and one real Loki that has the records of both."""

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from service.journal.reader import Reader
from service.loki_search.all_recorders import AllRecorders
from service.loki_search.loki_answers import LokiAddress
from service.record.exchange import EncodedRecord
from service.search.filters import Filter
from service.search.search import Search
from service.shipping.loki.encode import encode
from tests.fakes.journals import make_records
from tests.search.indexed import index, said, write
from tests.servers.loki import Loki, running_loki

DAY_NS = 86_400 * 10**9
INSTANCES = ("office", "garage")
LONG = "n" * 999
# What is written otherwise in the line, or counted otherwise in the metadata, than a reader would write it.
PROMPTS = (
    "le résumé du dossier",
    "le re\u0301sume\u0301 du dossier",
    "THE RESUME OF IT",
    "資料の要約を書く",
    'a "quoted" back\\slash, and a tab\there',
    "crème brûlée für 3 Gäste",
    "über alles, naïve façade",
    "an emoji 🦊 fox",
)


@dataclass(frozen=True, slots=True)
class Everywhere:
    """``folders``: a journal and index each. ``store`` asks Loki for all of them."""

    folders: tuple[Path, ...]
    store: AllRecorders
    loki_url: str

    def in_journals(self, wanted: Filter) -> set[str]:
        """The ids that the journals' own search finds."""
        found: set[str] = set()
        for folder in self.folders:
            with contextlib.closing(Search(folder)) as search, contextlib.closing(Reader(folder)) as reader:
                for numbers in search.numbers(wanted):
                    marks = ",".join(map(str, numbers))
                    found |= {id_ for (id_,) in reader.ask(f"SELECT id FROM exchange WHERE number IN ({marks})")}
        return found

    def in_loki(self, wanted: Filter) -> list[str]:
        """The ids that Loki's lines give, newest first."""
        return [line.exchange for line in self.store.lines(wanted)]


@contextlib.contextmanager
def everywhere(folder: Path, records: int) -> Iterator[Everywhere]:
    """So many ``records`` in each of two journals, of the last three days, and some odd ones; all are in Loki too."""
    folders = tuple(folder / instance for instance in INSTANCES)
    until_ns = time.time_ns()
    with running_loki(folder / "loki", flags=("-ingester.max-chunk-age=2h",)) as loki:
        for seed, (instance, journal) in enumerate(zip(INSTANCES, folders, strict=True), 1):
            journal.mkdir()
            # The two make theirs in the same nanoseconds, so that pages end between them.
            made = list(make_records(records, seed=seed, days=3.0, until_ns=until_ns))
            odd = list(_odd_ones(seed)) if seed == 1 else []
            write(journal, sorted([*made, *odd], key=lambda record: record.ended_ns))
            index(journal)
            ship(loki, journal, instance)
        _push_older_log(loki)
        yield Everywhere(folders, AllRecorders(LokiAddress(loki.url), retention_days=4), loki.url)


def ship(loki: Loki, folder: Path, instance: str) -> None:
    """Push all records of a journal, as the recorder does."""
    with contextlib.closing(Reader(folder)) as reader:
        number = 0
        while rows := reader.read_after(number, 500, 8 << 20):
            number = rows[-1].number
            body = encode(rows, instance, with_spans=True).body
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            request = urllib.request.Request(f"{loki.url}/loki/api/v1/push", body, headers)
            urllib.request.urlopen(request, timeout=60).close()


def _push_older_log(loki: Loki) -> None:
    """What Promtail read from NGINX before there was a recorder: other lines with the same labels."""
    now = time.time_ns()
    values = [
        [str(now - days * DAY_NS - second * 10**9), f"GET /old/{second} 200"]
        for days in (0, 1)
        for second in range(3600)
    ]
    stream = {"job": "nginx", "service": "ollama", "instance": "before"}
    assert loki.push([{"stream": stream, "values": sorted(values)}])[0] == 204


def _odd_ones(seed: int) -> Iterator[EncodedRecord]:
    number = 1_000_000 * seed
    for prompt in PROMPTS:
        yield _moved(said(number := number + 1, prompt), number)
        # As Python's json writes it, and many clients with it.
        body = json.dumps({"prompt": prompt})
        yield _moved(said(number := number + 1, request_body=body, operation="generate"), number)
    facts: Sequence[dict[str, Any]] = (
        {"caller": "openai-js", "user_agent": "openai-js/1.0 n8n", "workflow": "Invoices"},
        {"caller": "n8n", "user_agent": "axios/1.8.2 n8n"},
        {"caller": "openai-js", "user_agent": "openai-js/1.0"},
        {"workflow": LONG + "éé", "workflow_id": "w9"},
        {"workflow": 'with "quotes" and \\', "node": "a{b}c|d"},
        {"user": "", "outcome": "client_left", "failed": False, "status": 499},
        {"outcome": "client_left", "status": None},
        {"outcome": "upstream_broke_off", "failed": None, "status": None},
        {"prompt_truncated": False, "request_time": 2.0004},
        {"prompt_truncated": True, "prompt_truncated_by": "messages", "seconds": 1.9996},
        {"seconds": None, "model": "tiny"},
    )
    for one in facts:
        yield _moved(said(number := number + 1, "what is odd", **one), number)


def _moved(record: EncodedRecord, number: int) -> EncodedRecord:
    """The same, as if it had been answered a while ago, and each at a time of its own."""
    ended_ns = time.time_ns() - DAY_NS - number * 1_000_003
    seconds = (record.ended_ns - record.started_ns) or 0
    line = orjson.dumps(orjson.loads(record.line) | {"exchange": record.id})
    return record._replace(started_ns=ended_ns - seconds, ended_ns=ended_ns, line=line)
