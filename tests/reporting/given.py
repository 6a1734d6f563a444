"""Reports on records of the tests' own."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.record.exchange import EncodedRecord
from service.reporting.report import Report, make_report
from service.search.failure_groups import FailureReport
from service.search.filters import Filter
from service.search.search import Search
from tests.search.indexed import index, said, write

HOSTILE = "<script>alert(1)</script> [a](https://evil.example) ![x](//e) | `c` **b** \x1b[31m\u202egnp www.e.example"


def failed(number: int, prompt: str = "Why?", **facts: Any) -> EncodedRecord:
    given: dict[str, Any] = {"status": 500, "failed": True, "error": "it broke", "user": "ada"} | facts
    return said(number, prompt, **given)


def reports(folder: Path, records: Sequence[EncodedRecord]) -> tuple[Report, FailureReport]:
    """What is told of these records."""
    write(folder, records)
    index(folder)
    with contextlib.closing(Search(folder)) as search:
        return make_report(search, Filter()), search.failures(Filter())
