"""What each query of the dashboards must answer, computed from the records without Loki."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy
import orjson

Said = Mapping[str, Any]
Where = Callable[[Said], bool]
Numbers = dict[tuple[str, ...], float]
Expected = Callable[[Sequence[Said]], Numbers]
MODELS_WORKED = {"chat", "embed", "generate", "transcribe"}


def everything(_: Said) -> bool:
    return True


def a_model_worked(said: Said) -> bool:
    return said.get("operation") in MODELS_WORKED


def failed(said: Said) -> bool:
    return bool(said["failed"])


def outcome(name: str) -> Where:
    return lambda said: said["outcome"] == name


def timed(said: Said) -> bool:
    return a_model_worked(said) and {"wait_time", "prompt_time", "generation_time"} <= said.keys()


def over(field: str, limit: float, where: Where = everything) -> Where:
    return lambda said: where(said) and said.get(field, 0) > limit


def cut(said: Said) -> bool:
    return a_model_worked(said) and said.get("prompt_truncated") is True


def named(said: Said) -> bool:
    return bool(said.get("workflow"))


def both(*wheres: Where) -> Where:
    return lambda said: all(where(said) for where in wheres)


def _gathered(field: str | None, where: Where, by: Sequence[str], records: Sequence[Said]) -> dict[Any, list[float]]:
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for said in records:
        if where(said) and (field is None or field in said):
            found[tuple(_label(said.get(name, "")) for name in by)].append(1.0 if field is None else said[field])
    return found


def _label(value: Any) -> str:
    """A value as it is written in the record's line."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _reduced(reduce: Callable[[list[float]], float], field: str | None, where: Where, by: Sequence[str]) -> Expected:
    return lambda records: {key: reduce(found) for key, found in _gathered(field, where, by, records).items()}


def count(where: Where = everything, *by: str) -> Expected:
    return _reduced(sum, None, where, by)


def total(field: str, where: Where, *by: str) -> Expected:
    return _reduced(sum, field, where, by)


def mean(field: str, where: Where, *by: str) -> Expected:
    return _reduced(lambda found: sum(found) / len(found), field, where, by)


def quantile(q: float, field: str, where: Where, *by: str) -> Expected:
    return _reduced(lambda found: float(numpy.quantile(found, q)), field, where, by)


def ratio(above: Expected, below: Expected) -> Expected:
    return lambda records: {key: number / below(records)[key] for key, number in above(records).items()}


def sending(records: Sequence[Said]) -> Numbers:
    phases = ("wait_time", "prompt_time", "generation_time")
    rests = [said["request_time"] - sum(said[phase] for phase in phases) for said in records if timed(said)]
    return {(): sum(rests)} if rests else {}


def longest(most: int, expected: Expected) -> Expected:
    def cut_off(records: Sequence[Said]) -> Numbers:
        return dict(sorted(expected(records).items(), key=lambda item: -item[1])[:most])

    return cut_off


def _plain(expected: Expected, *by: str) -> tuple[Expected, tuple[str, ...]]:
    return expected, by


Table = dict[tuple[str, str], tuple[Expected, tuple[str, ...]]]


EXPECTED: Table = {
    ("ollama-n8n", "Which 25 executions took most of Ollama's time? A"): _plain(
        longest(25, total("request_time", named, "workflow", "execution_id")), "workflow", "execution_id"
    ),
    ("ollama-at-a-glance", "Mean time over 5 minutes A"): _plain(mean("request_time", everything)),
    ("ollama-at-a-glance", "Requests in 5 minutes A"): _plain(count()),
    ("alerts", "More than 10 % of requests fail A"): _plain(ratio(count(failed), count())),
    ("alerts", "Calls to models take long A"): _plain(quantile(0.95, "request_time", a_model_worked)),
    ("alerts", "Clients give up waiting A"): _plain(count(both(outcome("client_left"), failed))),
    ("alerts", "Prompts are being cut A"): _plain(count(cut, "model"), "model"),
    ("alerts", "A model is loaded again and again A"): _plain(
        count(over("load_time", 1, a_model_worked), "model"), "model"
    ),
}
"""By place and title: the numbers over the whole day, and the labels that tell them apart."""


def lines(exchange: str, execution: str) -> dict[tuple[str, str], Where]:
    """By place and title: which records a log query finds when these two are chosen and nothing else is."""

    def chosen(said: Said) -> bool:
        return bool(said["exchange"] == exchange)

    return {
        ("ollama-at-a-glance", "Requêtes lentes (> 10 s) A"): over("request_time", 10),
        ("ollama-at-a-glance", "All calls to Ollama, as they were recorded A"): everything,
        ("ollama-at-a-glance", "What was asked: the requests' bodies alone A"): lambda said: said["method"] == "POST",
        ("ollama-at-a-glance", "Which requests took more than 10 s? A"): over("request_time", 10),
        ("ollama-why-slow", "Which calls were slow, and in which phase? A"): over("request_time", 1, a_model_worked),
        ("ollama-prompts", "What is the chosen exchange? A"): chosen,
        ("ollama-prompts", "The chosen exchange, everything that was recorded A"): chosen,
        ("ollama-prompts", "Which exchanges match? A"): everything,
        ("ollama-prompts", "The prompts and answers that match A"): everything,
        ("ollama-n8n", "Which calls did the execution make, in order? A"): lambda said: (
            said.get("execution_id") == execution
        ),
    }
