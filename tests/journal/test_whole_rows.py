from typing import Any

import pytest

from service.journal.reader import COLUMNS
from service.journal.whole_rows import is_whole

WHOLE = tuple(f"a {name}" for name in COLUMNS)


def without(name: str) -> tuple[Any, ...]:
    return tuple(None if column == name else value for column, value in zip(COLUMNS, WHOLE, strict=True))


@pytest.mark.parametrize("name", COLUMNS)
def test_only_a_parent_may_be_unknown(name: str) -> None:
    assert is_whole(WHOLE)
    assert is_whole(without(name)) is (name == "parent_span_id")


def test_what_was_asked_of_a_row_is_known() -> None:
    assert is_whole((1, b"line"))
    assert not is_whole((1, None))
