"""Values written as JSON text, whatever they hold."""

import json
from typing import Any

import orjson


def compact(value: Any) -> str:
    """``value`` as JSON text without white space; what JSON cannot hold is shown as text."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        # Deeper than orjson goes, or with lone surrogates.
        return json.dumps(value, default=str, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__} that is nested too deeply>"
