"""Whether a row is that of a record: where a disk lost a sector, its zeros read as a row of nothing."""

from typing import Any, Final

NO_RECORD: Final = "there are zeros where a record was"
# Of a whole row, ``parent_span_id`` alone may be unknown.
_MAY_BE_NONE: Final = 7


def is_whole(values: tuple[Any, ...]) -> bool:
    """Whether all is there that each record has. ``values`` begin as reader.COLUMNS, or have fewer, none unknown."""
    return values.count(None) == (len(values) > _MAY_BE_NONE and values[_MAY_BE_NONE] is None)
