"""Which lines a filter lets through: by the index's own rules, in memory."""

import orjson
import pytest

from service.exports.formats import DEFAULT_OPTIONS, FORMATS
from service.loki_search.all_recorders import summary_of
from service.loki_search.selection import LokiLine, kept_of, select
from service.search.filters import Filter


def line(number: int, **facts: object) -> LokiLine:
    identifier = f"{number:032x}"
    said = {"exchange": identifier, "outcome": "completed", "operation": "chat", "method": "POST", "request_time": 2.0}
    return LokiLine(number * 10**9, "office", identifier, orjson.dumps(said | facts))


LINES = [
    line(9, model="tiny", response_text="the blue parcel"),
    line(8, model="qwen", response_text="a parcel"),
    line(7, model="tiny", status=500, failed=True),
]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(), [9, 8, 7]),
        (Filter(model=("tiny",)), [9, 7]),
        (Filter(model=("nobody",)), []),
        (Filter(text="parcel -blue"), [8]),
        (Filter(failed=True), [7]),
        (Filter(exchange=(f"{8:032x}",)), [8]),
        (Filter(since_ns=8 * 10**9), [9, 8]),
        # Numbers are of one journal, and nothing is known of those here.
        (Filter(before=1, after=5), [9, 8, 7]),
    ],
)
def test_they_keep_their_order(wanted: Filter, numbers: list[int]) -> None:
    assert [one.ended_ns // 10**9 for one in select(wanted, LINES)] == numbers


def test_of_no_lines_none_is_let_through() -> None:
    assert select(Filter(text="x"), []) == []


def test_a_line_that_is_no_record_is_let_through_only_without_conditions() -> None:
    broken = LokiLine(1, "office", "", b"no json")
    assert select(Filter(), [broken]) == [broken]
    assert select(Filter(model=("tiny",)), [broken]) == []


def test_a_line_with_nested_values_is_read_and_told_without_them() -> None:
    deep = b"[" * 900 + b"]" * 900
    odd = LokiLine(1, "office", "f" * 32, b'{"model":"tiny","user":%b,"status":500,"failed":true}' % deep)
    assert select(Filter(model=("tiny",), failed=True), [odd, LINES[0]]) == [odd]
    assert summary_of(odd)["model"] == "tiny"
    for written in FORMATS.values():
        b"".join(written.write([kept_of(odd)], DEFAULT_OPTIONS))


def test_a_line_as_a_journal_would_give_it() -> None:
    kept = kept_of(LINES[0])
    assert (kept.row.id, kept.row.ended_ns, kept.row.started_ns) == (f"{9:032x}", 9 * 10**9, 7 * 10**9)
    assert (kept.request, kept.response) == (b"", b"")
