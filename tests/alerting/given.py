"""What alerts look at, made up."""

from typing import Any

from service.alerting.looking import PartNumbers
from service.search.recent_numbers import RecentNumbers


def parts(**facts: Any) -> PartNumbers:
    """Parts that are well, but for ``facts``."""
    return PartNumbers(**({"ollama": None, "journal": None, "lost": 0, "behind": {}, "parked": {}, "away": {}} | facts))


def recent(**facts: Any) -> RecentNumbers:
    """Minutes in which all went well, but for ``facts``."""
    given: dict[str, Any] = {"exchanges": 100, "failed": 0, "clients_left": 0, "p95": 2.0, "cut_prompts": {}}
    return RecentNumbers(**(given | facts))
