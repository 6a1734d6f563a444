"""The rules of HTTP Archive 1.2, as its published description has them (ahmadnassri/har-spec, versions/1.2.md)."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

Rule = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= -1


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_moment(value: Any) -> bool:
    return (
        _is_text(value)
        and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)", value) is not None
        and datetime.fromisoformat(value).tzinfo is not None
    )


def _is_address(value: Any) -> bool:
    if not _is_text(value) or not re.fullmatch(r"[A-Za-z0-9%:/?\[\]@!$&'()*+,;=._~-]+", value):
        return False
    return urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).netloc)


# For each object: what must be in it, and what else may be.
_PAIR: tuple[dict[str, Rule], dict[str, Rule]] = ({"name": _is_text, "value": _is_text}, {"comment": _is_text})
_RULES: dict[str, tuple[dict[str, Rule], dict[str, Rule]]] = {
    "log": (
        {"version": lambda value: value == "1.2", "creator": _is_object, "entries": _is_list},
        {"browser": _is_object, "pages": _is_list, "comment": _is_text},
    ),
    "creator": ({"name": _is_text, "version": _is_text}, {"comment": _is_text}),
    "entry": (
        {
            "startedDateTime": _is_moment,
            "time": _is_time,
            "request": _is_object,
            "response": _is_object,
            "cache": lambda value: value == {},
            "timings": _is_object,
        },
        {"pageref": _is_text, "serverIPAddress": _is_text, "connection": _is_text, "comment": _is_text},
    ),
    "request": (
        {
            "method": _is_text,
            "url": _is_address,
            "httpVersion": _is_text,
            "cookies": _is_list,
            "headers": _is_list,
            "queryString": _is_list,
            "headersSize": _is_size,
            "bodySize": _is_size,
        },
        {"postData": _is_object, "comment": _is_text},
    ),
    "postData": ({"mimeType": _is_text, "text": _is_text}, {"comment": _is_text}),
    "response": (
        {
            "status": lambda value: isinstance(value, int) and 0 <= value < 1000,
            "statusText": _is_text,
            "httpVersion": _is_text,
            "cookies": _is_list,
            "headers": _is_list,
            "content": _is_object,
            "redirectURL": _is_text,
            "headersSize": _is_size,
            "bodySize": _is_size,
        },
        {"comment": _is_text},
    ),
    "content": (
        {"size": _is_size, "mimeType": _is_text},
        {
            "compression": _is_number,
            "text": _is_text,
            "encoding": lambda value: value == "base64",
            "comment": _is_text,
        },
    ),
    "timings": (
        {"send": _is_time, "wait": _is_time, "receive": _is_time},
        {"blocked": _is_number, "dns": _is_number, "connect": _is_number, "ssl": _is_number, "comment": _is_text},
    ),
}


def faults(archive: Any) -> list[str]:
    """What in ``archive`` (parsed) is against the format; nothing when it is valid."""
    if not isinstance(archive, dict) or set(archive) != {"log"}:
        return ["the root holds one object, log"]
    return list(_faults_of_log(archive["log"]))


def _faults_of_log(log: Any) -> Iterator[str]:
    yield from _check("log", log, "log")
    yield from _check("creator", log["creator"], "log.creator")
    for at, entry in enumerate(log["entries"]):
        place = f"entries[{at}]"
        yield from _check("entry", entry, place)
        yield from _check("timings", entry["timings"], f"{place}.timings")
        request, response = entry["request"], entry["response"]
        yield from _check("request", request, f"{place}.request")
        yield from _check("response", response, f"{place}.response")
        yield from _check("content", response["content"], f"{place}.content")
        if "postData" in request:
            yield from _check("postData", request["postData"], f"{place}.postData")
        for pair in (*request["headers"], *response["headers"], *request["queryString"]):
            yield from _check("pair", pair, f"{place}: a header or parameter")
        parts = [value for name, value in entry["timings"].items() if name != "ssl" and _is_number(value)]
        if abs(sum(value for value in parts if value != -1) - entry["time"]) > 1e-3:
            yield f"{place}: time is not the sum of the timings"


def _check(kind: str, found: Any, place: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{place} is no object"
        return
    required, optional = _PAIR if kind == "pair" else _RULES[kind]
    for name, rule in required.items():
        if name not in found:
            yield f"{place} lacks {name}"
        elif not rule(found[name]):
            yield f"{place}.{name} is {found[name]!r}"
    for name, value in found.items():
        if name in optional and not optional[name](value):
            yield f"{place}.{name} is {value!r}"
        elif name not in required and name not in optional and not name.startswith("_"):
            yield f"{place}.{name} is not of the format"
