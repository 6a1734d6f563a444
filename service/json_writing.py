"""Values as JSON, for every room: the only place that asks orjson to write.

orjson writes dataclasses by itself, and reads their fields where CPython keeps them. A compiled class keeps them
elsewhere, and the process ends (orjson 3.13, mypyc 2.4). So dataclasses are written field by field here.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, Final

import orjson

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATACLASS


def write_json(value: Any, *, option: int = 0, otherwise: Callable[[Any], Any] | None = None) -> bytes:
    """``value`` as JSON. ``option`` is orjson's; ``otherwise`` gives what is written for what JSON cannot hold.

    Raises TypeError where there is no ``otherwise``.
    """
    return orjson.dumps(value, default=partial(_written, otherwise), option=_OPTIONS | option)


def _written(otherwise: Callable[[Any], Any] | None, value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if otherwise is not None:
        return otherwise(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")
