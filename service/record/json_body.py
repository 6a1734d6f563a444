"""The JSON object that a request of our own addresses holds: its fields, each of its kind, or what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson


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
        if not isinstance(value, kind):
            return form.mistyped.format(name=name, expected=expected)
    return given
