"""What ``service/inspector/openapi.json`` holds: addresses by hand, parameters, records and answers from the tables."""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any

import yaml

from service.record.conversation import Conversation
from service.record.explanation import Explanation
from service.record.fields import FIELDS, FieldKind
from service.search.filters import LARGEST_NUMBER, LONGEST_NAME, MOST_REPEATED
from service.search.parameters import PARAMETERS, Parameter, Takes
from service.search.query_language import LONGEST_SEARCH

_FOLDER = Path(__file__).parent
_ERROR = {"$ref": "#/components/responses/Error"}
_KINDS = {
    FieldKind.TEXT: "string",
    FieldKind.TIME: "string",
    FieldKind.NUMBER: "number",
    FieldKind.COUNT: "integer",
    FieldKind.TRUTH: "boolean",
    FieldKind.NAMES: "array",
}
_NAME = {"type": "string", "maxLength": LONGEST_NAME}
_VALUES: dict[Takes, dict[str, Any]] = {
    Takes.WORDS: {"type": "string", "maxLength": LONGEST_SEARCH},
    Takes.NAME: _NAME,
    Takes.STATUS: {"type": "integer", "minimum": 100, "maximum": 999},
    Takes.TRUTH: {"type": "boolean"},
    Takes.TRUTH_IF_KNOWN: {"type": "string", "enum": ["true", "false", "unknown"]},
    Takes.SECONDS: {"type": "number", "minimum": 0},
    Takes.TIME: {"type": "string", "examples": ["-24h", "2026-11-21T08:30:00Z"]},
    Takes.NUMBER: {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER},
    Takes.ID: {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


_STORE = {
    "name": "store",
    "in": "query",
    "required": False,
    "description": "Whose; loki is all recorders that ship to the same LOKI_URL, and knows no `before` and `after`.",
    "schema": {"type": "string", "enum": ["journal", "loki"], "default": "journal"},
}


def text() -> str:
    """The whole file."""
    described: dict[str, Any] = yaml.safe_load((_FOLDER / "openapi_schemas.yaml").read_text())
    paths: dict[str, Any] = yaml.safe_load((_FOLDER / "openapi_paths.yaml").read_text())
    components = described.pop("components")
    components["parameters"] = {one.name: _parameter(one) for one in PARAMETERS}
    components["schemas"] |= {
        "Record": _record(has_bodies=True),
        "Summary": _summary(),
        "Conversation": _schema_of(Conversation),
        "Explanation": _schema_of(Explanation),
    }
    described["paths"] = {path: _operations(operations) for path, operations in paths.items()}
    return json.dumps(described | {"components": components}, indent=1, ensure_ascii=False) + "\n"


def _operations(operations: dict[str, Any]) -> dict[str, Any]:
    return {method: _operation(one) if isinstance(one, dict) else one for method, one in operations.items()}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    parameters = operation.pop("parameters", [])
    if operation.pop("filtered", False):
        parameters = [*({"$ref": f"#/components/parameters/{one.name}"} for one in PARAMETERS), *parameters]
    errors = {str(status): _ERROR for status in operation.pop("errors", ())}
    if operation.pop("of_all_recorders", False):
        parameters = [*parameters, _STORE]
        errors["409"] = _ERROR
    if "401" in errors:
        # Where somebody has to be known, READERS_FILE may say that this one may not.
        errors["403"] = _ERROR
    responses = {str(status): answer for status, answer in operation.pop("responses").items()}
    return operation | {"parameters": parameters, "responses": responses | errors}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"name": parameter.name, "in": "query", "required": False}
    if not parameter.is_repeatable:
        return described | {"description": parameter.meaning, "schema": _VALUES[parameter.takes]}
    values = {"type": "array", "items": _VALUES[parameter.takes], "maxItems": MOST_REPEATED}
    repeated = f"{parameter.meaning} Repeated: any of them."
    return described | {"description": repeated, "schema": values, "style": "form", "explode": True}


def _record(*, has_bodies: bool) -> dict[str, Any]:
    properties = {}
    for field in FIELDS:
        if field.is_body and not has_bodies:
            continue
        unit = f" In {field.unit}." if field.unit else ""
        absent = f" Absent {field.absent}." if field.absent else ""
        items = {"items": {"type": "string"}} if field.kind is FieldKind.NAMES else {}
        properties[field.name] = {"type": _KINDS[field.kind], **items, "description": f"{field.meaning}{unit}{absent}"}
    return {"type": "object", "properties": properties}


def _summary() -> dict[str, Any]:
    number = {"type": "integer", "description": "Grows in the order in which exchanges ended; not with store=loki."}
    instance = {"type": "string", "description": "With store=loki, the recorder that has it."}
    pair = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "minItems": 2, "maxItems": 2}
    text = {"type": "string"}
    hit = {
        "type": "object",
        "description": "With q: the part of the exchange that has most of the words, and the text around them.",
        "properties": {"part": text, "before": text, "found": text, "after": text},
        "required": ["part", "before", "found", "after"],
    }
    added = {
        "prompt": {"type": "string", "description": "First words of the newest question."},
        "answer": {"type": "string", "description": "First words of the answer."},
        "hit": hit,
        "phases": {"type": "array", "items": pair, "description": "Each phase and its seconds, in their order."},
    }
    return {
        "type": "object",
        "description": "A record without its bodies, its number, the first words of both, and its phases.",
        "properties": {"number": number, "instance": instance, **_record(has_bodies=False)["properties"], **added},
    }


def _schema_of(kind: Any) -> dict[str, Any]:
    """The schema of what is made of a value of this type: of a dataclass, and of a tuple with names, an object."""
    is_tuple = hasattr(kind, "_fields")
    if is_tuple or dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = kind._fields if is_tuple else [field.name for field in dataclasses.fields(kind)]
        properties = {name: _schema_of(hints[name]) for name in names}
        return {"type": "object", "properties": properties, "required": list(names)}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return {"type": "array", "items": _schema_of(arguments[0])}
    if origin is typing.Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin in (types.UnionType, typing.Union):
        if all(typing.get_origin(one) is typing.Literal for one in arguments):
            return {"type": "string", "enum": [value for one in arguments for value in typing.get_args(one)]}
        return {"oneOf": [_schema_of(one) if one is not types.NoneType else {"type": "null"} for one in arguments]}
    if origin is dict or kind is dict:
        return {"type": "object"}
    return {"type": _PLAIN[kind]}
