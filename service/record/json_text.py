"""Values written as JSON text, whatever they hold."""

import json
from typing import Any

import orjson

from service.json_writing import write_json


def as_text(value: Any) -> str:
    """A text as it is, all else as JSON text. ``str`` raises for what is nested too deeply."""
    return value if isinstance(value, str) else compact(value)


def compact(value: Any) -> str:
    """``value`` as JSON text without white space; what JSON cannot hold is shown as text."""
    try:
        return write_json(value, otherwise=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        # Deeper than orjson goes, or with lone surrogates.
        return json.dumps(value, default=str, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__} that is nested too deeply>"
