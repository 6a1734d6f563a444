"""What the page's ``generated.js`` holds: the recorder's tables as constants and types of JavaScript."""

import json
from typing import Any, get_args

from service.record.exchange import GATEWAY_PREFIX
from service.record.fields import FIELDS, Field, FieldKind
from service.record.outcomes import OUTCOMES
from service.record.phases import PhaseName
from service.search.parameters import FIELDS_OF, PARAMETERS, Parameter, Takes
from service.search.totals import STATS_FIELDS

_HEAD = """\
/** The recorder's own tables, written from its Python by `make written`. Nobody edits this file. */
"""
_TYPES = {
    FieldKind.TEXT: "string",
    FieldKind.NUMBER: "number",
    FieldKind.COUNT: "number",
    FieldKind.TRUTH: "boolean",
    FieldKind.NAMES: "string[]",
}
_KINDS = {
    Takes.WORDS: "words",
    Takes.NAME: "name",
    Takes.STATUS: "name",
    Takes.TRUTH: "truth",
    Takes.TRUTH_IF_KNOWN: "truth_if_known",
    Takes.SECONDS: "duration",
    Takes.TIME: "time",
    Takes.ID: "id",
}
# Places in the list, which only an address has.
_OF_THE_LIST = (Takes.NUMBER,)


def text() -> str:
    """The whole module."""
    fields = [{"name": one.name, "kind": str(one.kind), "unit": one.unit, "label": one.label} for one in _fields()]
    # An address begins with what can be there once.
    filters = [_filter(one) for one in sorted(PARAMETERS, key=_is_repeated) if one.takes not in _OF_THE_LIST]
    return "\n".join(
        [
            _HEAD,
            _type_of_a_record(),
            _names(),
            _list("FIELDS", "The fields of a record without its bodies, in the order of its line.", fields),
            _list("FILTERS", "The filters. Any of its `fields` may hold what one asks for.", filters),
            _list("GROUPINGS", "What totals can be grouped by; the first is meant where none is named.", STATS_FIELDS),
            _outcomes(),
            f"/** Below it lies Ollama. */\nexport const GATEWAY_PREFIX = {_literal(GATEWAY_PREFIX)};\n",
        ]
    )


def _fields() -> list[Field]:
    return [one for one in FIELDS if not one.is_body]


def _type_of_a_record() -> str:
    unit = {"s": "  seconds", "": ""}
    properties = [
        f" * @property {{{_TYPES[one.kind]}}} [{one.name}]{unit.get(one.unit, f'  {one.unit}')}"
        for one in _fields()
        if one.kind is not FieldKind.TIME
    ]
    names = " | ".join(json.dumps(name) for name in get_args(PhaseName))
    return "\n".join(
        [
            "/**",
            " * The fields of a record, without its bodies and its times. What is unknown is absent.",
            " *",
            " * @typedef {object} RecordFields",
            *properties,
            " *",
            f" * @typedef {{{names}}} PhaseName",
            " */",
            "",
        ]
    )


def _is_repeated(parameter: Parameter) -> bool:
    return parameter.is_repeatable


def _names() -> str:
    lines = "".join(f"  {one.name}: {_literal(one.name)},\n" for one in _fields())
    frozen = f"Object.freeze(/** @type {{const}} */ ({{\n{lines}}}))"
    meaning = "The name of each field: what is misspelt is found when types are checked."
    return f"/** {meaning} */\nexport const FIELD = {frozen};\n"


def _filter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"name": parameter.name, "kind": _KINDS[parameter.takes]}
    if fields := FIELDS_OF[parameter.name]:
        described["fields"] = list(fields)
    if parameter.is_repeatable:
        described["isRepeated"] = True
    if parameter.label:
        described["label"] = parameter.label
    if parameter.is_at_end:
        described["isAtEnd"] = True
    return described


def _list(name: str, meaning: str, rows: Any) -> str:
    lines = "".join(f"  {_literal(row)},\n" for row in rows)
    return f"/** {meaning} */\nexport const {name} = Object.freeze(/** @type {{const}} */ ([\n{lines}]));\n"


def _outcomes() -> str:
    lines = "".join(f"  {words.outcome}: {_literal(words.label)},\n" for words in OUTCOMES)
    frozen = f"Object.freeze(/** @type {{Record<string, string>}} */ ({{\n{lines}}}))"
    return f"/** How each outcome is named where there is little room. */\nexport const OUTCOMES = {frozen};\n"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {_literal(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
