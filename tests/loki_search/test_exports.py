"""The same filter gives the same file of both stores."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from service.exports.chats import ChatOptions
from service.exports.formats import DEFAULT_OPTIONS as AS_USUAL
from service.exports.formats import FORMATS, ExportOptions
from service.journal.reader import Bodies, KeptRecord, Reader
from service.loki_search.selection import kept_of
from service.search.filters import Filter
from service.search.search import Search
from tests.loki_search.everywhere import Everywhere, everywhere
from tests.loki_search.test_all_recorders import FILTERS

RECORDS = 120
ALL_CHATS = ExportOptions(ChatOptions(all_outcomes=True, tasks=True))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    with everywhere(tmp_path_factory.mktemp("exports"), RECORDS) as stores:
        yield stores


def in_journals(stores: Everywhere, wanted: Filter) -> list[KeptRecord]:
    """The records of all journals, newest first."""
    found: list[KeptRecord] = []
    for folder in stores.folders:
        with contextlib.closing(Search(folder)) as search, contextlib.closing(Reader(folder)) as reader:
            for numbers in search.numbers(wanted):
                found += reader.records(numbers, Bodies.BOTH, 1 << 30)
    return sorted(found, key=lambda kept: (kept.row.ended_ns, kept.row.id), reverse=True)


def written(suffix: str, records: list[KeptRecord], options: ExportOptions = AS_USUAL) -> bytes:
    return b"".join(FORMATS[suffix].write(iter(records), options))


def entries_of(archive: bytes) -> list[dict[str, Any]]:
    """What an archive tells without the bodies, of which Loki has the texts only.

    When a record began is told by its line, where that has it.
    """
    names = ("time", "timings", "_record")
    return [
        {**{name: entry[name] for name in names}, "at": entry["request"]["url"]}
        for entry in json.loads(archive)["log"]["entries"]
    ]


def same_in_both(stores: Everywhere, wanted: Filter) -> int:
    here, there = in_journals(stores, wanted), [kept_of(line) for line in stores.store.lines(wanted, 300)]
    for suffix, options in (
        ("jsonl", AS_USUAL),
        ("csv", AS_USUAL),
        ("chat.jsonl", AS_USUAL),
        ("chat.jsonl", ALL_CHATS),
    ):
        assert written(suffix, there, options) == written(suffix, here, options)
    assert entries_of(written("har", there)) == entries_of(written("har", here))
    return len(here)


@pytest.mark.parametrize(
    "wanted",
    [Filter(), Filter(text="résumé dossier"), Filter(caller=("n8n",)), Filter(failed=True, slower=2.0)],
    ids=["all", "words", "caller", "failed and slow"],
)
def test_a_few_filters_give_the_same_files(stores: Everywhere, wanted: Filter) -> None:
    assert same_in_both(stores, wanted)


@pytest.mark.long
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS)
def test_any_filter_gives_the_same_files(stores: Everywhere, wanted: Filter) -> None:
    same_in_both(stores, wanted)
