"""The facts that are counted of each record."""

import orjson
import pytest

from service.record.counted_facts import CountedFacts, counted_facts
from service.record.fields import FIELD_NAMES
from service.record.record import Record
from tests.integration.a_day import a_day


def test_each_fact_is_what_the_record_says() -> None:
    assert set(CountedFacts._fields) <= set(FIELD_NAMES)
    for encoded in a_day(60, 1_800_000_000).records:
        record = Record(encoded.line)
        assert counted_facts(encoded.summary)._asdict() == {
            name: getattr(record, name) for name in CountedFacts._fields
        }


@pytest.mark.parametrize("line", [b"", b"[]", b"no JSON"])
def test_a_line_that_is_no_record_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        counted_facts(line)


def test_what_is_absent_is_none() -> None:
    assert counted_facts(orjson.dumps({})) == CountedFacts()
