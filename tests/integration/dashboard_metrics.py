"""What panels that ask Prometheus of ended exchanges must show for a whole day, computed from the records."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.integration.dashboard_numbers import (
    Expected,
    Numbers,
    Said,
    Where,
    a_model_worked,
    both,
    count,
    cut,
    everything,
    failed,
    mean,
    named,
    outcome,
    over,
    quantile,
    ratio,
    timed,
    total,
)

PHASES = {"waiting": "wait_time", "reading": "prompt_time", "generating": "generation_time"}
DAY, HOUR, MINUTE = 86_400.0, 3600.0, 60.0


@dataclass(frozen=True, slots=True)
class OfADay:
    """``expected`` over the day by ``labels``. What is shown is a rate ``per`` so many seconds; 0: no rate.

    ``is_estimated``: from the bucket in which the number lies.
    """

    expected: Expected
    labels: tuple[str, ...] = ()
    per: float = 0.0
    is_estimated: bool = False


def _sending(records: Sequence[Said], *by: str) -> Numbers:
    whole = total("request_time", timed, *by)(records)
    parts = [total(field, timed, *by)(records) for field in PHASES.values()]
    return {key: seconds - sum(part.get(key, 0) for part in parts) for key, seconds in whole.items()}


def _kind(operation: str) -> Where:
    return lambda said: said.get("operation") == operation


def _table(place: str, title: str, labels: tuple[str, ...], *numbers: Expected) -> dict[tuple[str, str], OfADay]:
    return {(place, f"{title} {ref}"): OfADay(one, labels) for ref, one in zip("ABCDEFGH", numbers, strict=False)}


def _workflows(title: str, *by: str) -> dict[tuple[str, str], OfADay]:
    return _table(
        "ollama-n8n",
        title,
        by,
        count(named, *by),
        total("request_time", named, *by),
        total("wait_time", named, *by),
        total("prompt_tokens", named, *by),
        total("completion_tokens", named, *by),
        count(both(named, failed), *by),
    )


_GLANCE, _SLOW, _MODEL = "ollama-at-a-glance", "ollama-why-slow", ("model",)
EXPECTED_METRICS: dict[tuple[str, str], OfADay] = {
    (_GLANCE, "How many requests? A"): OfADay(count()),
    (_GLANCE, "What share failed? A"): OfADay(ratio(count(failed), count())),
    (_GLANCE, "How many gave up? A"): OfADay(count(both(outcome("client_left"), failed))),
    (_GLANCE, "How long is a call? A"): OfADay(mean("request_time", a_model_worked)),
    (_GLANCE, "How fast is an answer? A"): OfADay(mean("tokens_per_second", a_model_worked)),
    (_GLANCE, "How do requests end? A"): OfADay(count(everything, "outcome"), ("outcome",), MINUTE),
    **{
        (_GLANCE, f"How long do calls to models take? {ref}"): OfADay(
            quantile(q, "request_time", a_model_worked), is_estimated=True
        )
        for ref, q in zip("ABC", (0.5, 0.95, 0.99), strict=True)
    },
    (_GLANCE, "How long do calls to models take? D"): OfADay(mean("request_time", a_model_worked)),
    **{
        (_GLANCE, f"How long until the first word? {ref}"): OfADay(
            quantile(q, "time_to_first_token", a_model_worked), is_estimated=True
        )
        for ref, q in zip("AB", (0.5, 0.95), strict=True)
    },
    (_GLANCE, "Which models are in use? A"): OfADay(count(a_model_worked, "model"), _MODEL, MINUTE),
    (_GLANCE, "How fast does each model generate? A"): OfADay(
        mean("tokens_per_second", a_model_worked, "model"), _MODEL
    ),
    (_GLANCE, "How many tokens are asked and written? A"): OfADay(total("prompt_tokens", a_model_worked), (), MINUTE),
    (_GLANCE, "How many tokens are asked and written? B"): OfADay(
        total("completion_tokens", a_model_worked), (), MINUTE
    ),
    (_GLANCE, "How fast are prompts read? A"): OfADay(
        ratio(total("prompt_tokens", timed, "model"), total("prompt_time", timed, "model")), _MODEL
    ),
    # This day's Ollama does not tell of its cache.
    (_GLANCE, "What share of prompts comes from the cache? A"): OfADay(lambda _: {}),
    **{
        (_SLOW, f"What are calls doing? {ref}"): OfADay(expected, (), 1.0)
        for ref, expected in zip("ABCD", (*(total(one, timed) for one in PHASES.values()), _sending), strict=True)
    },
    **{
        (_SLOW, f"How long do calls wait for their model? {ref}"): OfADay(
            quantile(q, "wait_time", a_model_worked), is_estimated=True
        )
        for ref, q in zip("AB", (0.5, 0.95), strict=True)
    },
    **_table(
        _SLOW,
        "Where does the time of each model go?",
        _MODEL,
        count(timed, "model"),
        total("request_time", timed, "model"),
        *(total(field, timed, "model") for field in PHASES.values()),
        lambda records: _sending(records, "model"),
    ),
    (_SLOW, "Which models are loaded again and again? A"): OfADay(
        count(over("load_time", 1, a_model_worked), "model"), _MODEL, HOUR
    ),
    (_SLOW, "Whose prompts are cut? A"): OfADay(count(cut, "model"), _MODEL, HOUR),
    (_SLOW, "How are prompts cut? A"): OfADay(count(cut, "prompt_truncated_by"), ("how",), HOUR),
    (_SLOW, "Do explicit loads and unloads happen? A"): OfADay(count(_kind("load"), "operation"), ("operation",), HOUR),
    ("ollama-n8n", "Which workflows use Ollama's time? A"): OfADay(
        total("request_time", named, "workflow"), ("workflow",), 1.0
    ),
    ("ollama-n8n", "Which workflows fail? A"): OfADay(count(both(named, failed), "workflow"), ("workflow",), MINUTE),
    **_workflows("What does each workflow cost?", "workflow"),
    **_workflows("What does each node cost?", "workflow", "node"),
}
"""By place and title. The heatmap is looked at by itself."""
