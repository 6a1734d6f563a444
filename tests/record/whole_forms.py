"""What is asked and answered in each form, with every field that is read, and any value in the place of any other."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

Place = tuple[str | int, ...]


class WholeForm(NamedTuple):
    """One way of asking and being answered: a document, and the pieces of its answer as they are written."""

    api: str
    operation: str
    path: str
    asked: dict[str, Any]
    answered: list[dict[str, Any]]
    response_type: str
    status: int = 200


FORMS: Final = tuple(WholeForm(**form) for form in json.loads(Path(__file__).with_suffix(".json").read_text()))


class Written(str):
    """A value as JSON, as it stands in a body: of what Python would not write."""

    __slots__ = ()


def written(value: Any) -> str:
    """``value`` as JSON, with what is Written as it is."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


def answer_of(form: WholeForm, pieces: list[Any]) -> bytes:
    """The pieces of an answer as that form writes them."""
    if form.response_type == "text/event-stream":
        return "".join(f"event: x\ndata: {written(piece)}\n\n" for piece in pieces).encode()
    return "".join(f"{written(piece)}\n" for piece in pieces).encode()


def replaced(form: WholeForm, value: Any) -> Iterator[tuple[Place, bytes, bytes]]:
    """``form`` with ``value`` in one place after the other: where, the request, the answer."""
    asked, answered = written(form.asked).encode(), answer_of(form, form.answered)
    for place in _places(form.asked):
        yield place, written(_with(form.asked, place, value)).encode(), answered
    for place in _places(form.answered):
        yield place, asked, answer_of(form, _with(form.answered, place, value))


def _places(value: Any) -> Iterator[Place]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (key,)
        yield from ((key, *rest) for rest in _places(one))


def _with(value: Any, place: Place, other: Any) -> Any:
    changed = copy.deepcopy(value)
    holder = changed
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = other
    return changed


def nested(depth: int, opening: str = "[", closing: str = "]") -> Written:
    """A value in ``depth`` others."""
    return Written(opening * depth + "1" + closing * depth)


ODD: Final[tuple[Any, ...]] = (
    *(nested(250), nested(500), nested(990), nested(240, '{"type": ', "}"), nested(990, '{"type": ', "}")),
    *(Written("1" + "0" * 30), Written("1" + "0" * 400), Written("1e999"), Written("NaN"), Written("-0.0")),
    *(Written('"\\ud800"'), Written('"\\udfff\\ud83d"'), Written('{"\\ud800": 1}'), Written('{"a": 1, "a": 2}')),
    *("", "\0", "12", '{"a": 1}', "<think>a</think>b", "data:image/png;base64," + "A" * 2000, "x" * 300_000),
    *(True, False, None, 0, -1, 1.5, 2**53, 2**63, -(2**63), 2**64),
    *([[]], [None], [1, 2], ["a", "b"], [["x"]], [{"a": 1}], [{"type": "text", "text": "x"}]),
    *({"": 1}, {"a": {"b": [1]}}, {"text": "x"}, {"type": 5, "text": [1]}),
)
"""What may stand in the place of any value."""
