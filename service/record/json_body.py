"""The JSON object that a request of our own addresses holds: its fields, each of its kind, or what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.json_writing import write_json

# Levels of the documents that a value stands in.
_ROOM: Final = 54


@dataclass(frozen=True, slots=True)
class JsonForm:
    """What an object may hold: of each field the type, and words for it.

    ``unknown`` and ``mistyped`` are the sentences for any other field, and for a value of another type. They may name
    ``{name}``, and ``mistyped`` what is ``{expected}``.
    """

    fields: Mapping[str, tuple[type, str]]
    unknown: str
    mistyped: str


def read_fields(body: bytes, form: JsonForm) -> dict[str, Any] | str:
    """The fields of ``body`` that have a value, or what is wrong with it in one sentence."""
    try:
        values = orjson.loads(body)
    except ValueError:
        return "The body is empty." if not body.strip() else "The body is not JSON."
    if not isinstance(values, dict):
        return "The body is JSON, but no object."
    # null is what a script sends for a value that it has not got.
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        if name not in form.fields:
            return form.unknown.format(name=repr(name[:50]))
        kind, expected = form.fields[name]
        # Python takes true for 1.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            return form.mistyped.format(name=name, expected=expected)
        if not _can_be_written(value):
            return f"{name} is nested too deeply: at most 200 levels can be kept."
    return given


def _can_be_written(value: object) -> bool:
    """Whether ``value`` can be kept and shown in documents of our own: orjson reads 1,024 levels and writes 254."""
    for _ in range(_ROOM):
        value = [value]
    try:
        write_json(value)
    except TypeError:
        return False
    return True
