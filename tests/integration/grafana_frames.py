"""Answers of Loki and Prometheus as the frames that Grafana's data sources make of them, before any transformation.

Restated from what was seen of Grafana 13: an instant metric query is one table for each query (``Time``, a column for
each label, ``Value #A``), a metric query over time one frame for each series, a log query one frame of lines.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

Answer = Sequence[Mapping[str, Any]]
Frame = dict[str, Any]


def table_of_numbers(ref: str, answer: Answer, value: str = "") -> list[Frame]:
    """An instant metric query. ``value`` is the name of the number's column, if it is not ``Value #A``."""
    if not answer:
        return []
    labels = sorted({label for one in answer for label in one["metric"]})
    return [
        {
            "refId": ref,
            "fields": [
                _field("Time", "time", [int(float(one["value"][0]) * 1000) for one in answer]),
                *(_field(label, "string", [one["metric"].get(label, "") for one in answer]) for label in labels),
                _field(value or f"Value #{ref}", "number", [_number(one["value"][1]) for one in answer]),
            ],
        }
    ]


def series_of_numbers(ref: str, answer: Answer, legend: str = "") -> list[Frame]:
    """A metric query over time, or an instant one of Prometheus that is no table."""
    return [_series(ref, one, one["values"] if "values" in one else [one["value"]], legend) for one in answer]


def _series(ref: str, one: Mapping[str, Any], points: Sequence[Sequence[Any]], legend: str) -> Frame:
    labels = one["metric"]
    plain = "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
    name = re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), legend) if legend else plain
    value = _field("Value", "number", [_number(number) for _, number in points])
    return {
        "refId": ref,
        "name": name,
        "fields": [
            _field("Time", "time", [int(float(at) * 1000) for at, _ in points]),
            value | {"labels": labels, "config": {"displayNameFromDS": name}},
        ],
    }


def lines(ref: str, answer: Answer, *, is_forward: bool = False, body: str = "Line") -> list[Frame]:
    """A log query. ``body`` is what the column of lines is called: ``Line``, in Grafana's newer form ``body``."""
    found = [(int(at), line, one["stream"]) for one in answer for at, line, *_ in one["values"]]
    found.sort(key=lambda entry: entry[0], reverse=not is_forward)
    return [
        {
            "refId": ref,
            "meta": {"preferredVisualisationType": "logs"},
            "fields": [
                _field("labels", "other", [labels for _, _, labels in found]),
                _field("Time", "time", [at // 10**6 for at, _, _ in found]),
                _field(body, "string", [line for _, line, _ in found]),
                _field("tsNs", "string", [str(at) for at, _, _ in found]),
                _field("id", "string", [f"{at}_{number}" for number, (at, _, _) in enumerate(found)]),
            ],
        }
    ]


def _field(name: str, kind: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "type": kind, "config": {}, "values": values}


def _number(text: str) -> float | None:
    number = float(text)
    return number if abs(number) != float("inf") and number == number else None
