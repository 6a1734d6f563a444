"""What ``docs/record.md`` holds: every field, outcome, operation and phase, from the tables of ``service/record``."""

from service.record.fields import FIELDS, Field, FieldKind
from service.record.operations import OPERATIONS, Operation
from service.record.outcomes import OUTCOMES
from service.record.phases import MEASURED_PHASES

_HEAD = """\
# The record

One exchange leaves one record: a JSON object on one line, at most 240 kB.
The journal keeps it, Loki gets it, every export and the page show it.
This page is written from the recorder's own tables (`make written`).

- A field that is not known is absent. It is never `null`, and never an invented 0.
- Fields stand in the order of this table. Times of day are RFC 3339 in UTC, durations are seconds.
- *Metadata* is structured metadata in Loki, so that no query has to parse a line.
  The only stream labels are `job="nginx"`, `service="ollama"`, `method` and `instance`.
- *Masked*: well-known shapes of secrets are replaced by `***`, unless `MASK_SECRETS=false`. Bodies are masked too.
- *Span* is the attribute under which the field goes to receivers of traces.

The [glossary](glossary.md) explains the words.
"""
_UNITS = {"s": "seconds"}
_KINDS = {
    FieldKind.TRUTH: "true, false",
    FieldKind.COUNT: "whole number",
    FieldKind.TIME: "time",
    FieldKind.NAMES: "list of names",
}


def text() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_fields(), *_outcomes(), *_operations(), *_phases()])


def _fields() -> list[str]:
    lines = [
        "## Fields",
        "",
        "| field | is | what it tells | absent | in Loki | span | filter |",
        "|---|---|---|---|---|---|---|",
    ]
    return [*lines, *(_field(field) for field in FIELDS), ""]


def _field(field: Field) -> str:
    kind = _UNITS.get(field.unit, field.unit) or _KINDS.get(field.kind, str(field.kind))
    in_loki = "metadata" if field.in_metadata else "line"
    if field.is_masked or field.is_body:
        in_loki += ", masked"
    span = f"`{field.attribute}`" if field.attribute else ""
    cells = [
        f"`{field.name}`",
        kind,
        field.meaning,
        field.absent,
        in_loki,
        span,
        f"`{field.filter}`" if field.filter else "",
    ]
    return f"| {' | '.join(cells)} |"


def _outcomes() -> list[str]:
    rows = [f"| `{words.outcome}` | {words.meaning} |" for words in OUTCOMES]
    return ["## Outcomes", "", "| `outcome` | means |", "|---|---|", *rows, ""]


def _operations() -> list[str]:
    head = "| `operation` | means | a model call | GenAI name of its span |"
    return ["## Operations", "", head, "|---|---|---|---|", *(_operation(one) for one in OPERATIONS), ""]


def _operation(operation: Operation) -> str:
    is_call = "yes" if operation.is_model_call else ""
    span = f"`{operation.span_name}`" if operation.span_name else ""
    return f"| `{operation.name}` | {operation.meaning} | {is_call} | {span} |"


def _phases() -> list[str]:
    rows = [f"| {phase.name} | `{phase.field}` | {phase.doing} |" for phase in MEASURED_PHASES]
    return [
        "## Phases",
        "",
        "Ollama measures three phases. *Sending* is what they leave of `request_time`, and `upload_time` before them.",
        "Where Ollama measured nothing, the time until the first words counts as waiting.",
        "",
        "| phase | field | the model is |",
        "|---|---|---|",
        *rows,
        "",
    ]
