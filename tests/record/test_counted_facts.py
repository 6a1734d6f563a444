"""The facts that are counted of each record."""

from dataclasses import asdict, fields

import orjson
import pytest

from service.record.counted_facts import CountedFacts, counted_facts, counted_now
from service.record.fields import FIELD_NAMES
from service.record.record import Record
from tests.integration.a_day import a_day


def test_each_fact_is_what_the_record_says() -> None:
    assert {field.name for field in fields(CountedFacts)} <= set(FIELD_NAMES)
    for encoded in a_day(60, 1_800_000_000).records:
        record = Record(encoded.line)
        assert asdict(counted_facts(encoded.summary)) == {
            field.name: getattr(record, field.name) for field in fields(CountedFacts)
        }


def test_what_a_new_record_carries_is_what_its_line_says() -> None:
    records = [encoded for encoded in a_day(60, 1_800_000_000).records if encoded.counted is not None]
    assert records
    for encoded in records:
        assert encoded.counted == counted_facts(encoded.summary)


@pytest.mark.parametrize("text", ["Rechnungen für März", "\udc80", "😀"])
def test_a_text_that_a_line_may_hold_otherwise_is_read_from_the_line(text: str) -> None:
    assert counted_now({"model": "llama3.2", "failed": False}) == CountedFacts(model="llama3.2", failed=False)
    assert counted_now({"model": "llama3.2", "workflow": text}) is None


@pytest.mark.parametrize("line", [b"", b"[]", b"no JSON"])
def test_a_line_that_is_no_record_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        counted_facts(line)


def test_what_is_absent_is_none() -> None:
    assert counted_facts(orjson.dumps({})) == CountedFacts()
