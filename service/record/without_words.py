"""What is shown to those who may see numbers only: names, times and counts, and no text of anybody."""

from typing import Any, Final

from service.record.fields import BODIES

# First words, the end of an answer so far; errors may quote a request, an address may hold one.
_WORDS: Final = frozenset((*BODIES, "prompt", "answer", "hit", "text", "error", "request_uri", "user_agent"))


def without_words(value: Any) -> Any:
    """``value``, made of dicts and lists, without what holds somebody's words."""
    if isinstance(value, dict):
        return {key: without_words(inner) for key, inner in value.items() if key not in _WORDS}
    return [without_words(inner) for inner in value] if isinstance(value, list) else value
