from collections import Counter
from types import GetSetDescriptorType

from service.record.fields import (
    BODIES,
    FIELD_NAMES,
    FIELDS,
    MODEL_CALL_ATTRIBUTES,
    SERVER_ATTRIBUTES,
    FieldKind,
    OnSpan,
)
from service.record.record import Record, record_of
from tests.record.wire import NAMES, line_of, recorded

_TYPES: dict[FieldKind, type | tuple[type, ...]] = {
    FieldKind.TEXT: str,
    FieldKind.TIME: str,
    FieldKind.NUMBER: (int, float),
    FieldKind.COUNT: int,
    FieldKind.TRUTH: bool,
    FieldKind.NAMES: list,
}
_TEXT, _TRUTH, _COUNT, _NUMBER, _LIST = "text", True, 3, 0.5, ["a", "b"]
# What each kind gives back of these: the others are None.
_READ: dict[FieldKind, list[object]] = {
    FieldKind.TEXT: [_TEXT],
    FieldKind.TIME: [_TEXT],
    FieldKind.NUMBER: [_COUNT, _NUMBER],
    FieldKind.COUNT: [_COUNT],
    FieldKind.TRUTH: [_TRUTH],
    FieldKind.NAMES: [("a", "b")],
}


def test_every_field_stands_once_and_is_explained() -> None:
    assert len(set(FIELD_NAMES)) == len(FIELDS)
    assert not [field.name for field in FIELDS if not field.meaning.endswith(".") or len(field.meaning.split()) > 25]


def test_an_attribute_names_one_field_of_one_span() -> None:
    assert set(Counter(field.attribute for field in FIELDS if field.attribute).values()) == {1}
    assert not [field.name for field in FIELDS if bool(field.attribute) != (field.on_span is not OnSpan.NONE)]
    on_spans = {name for _, name in (*SERVER_ATTRIBUTES, *MODEL_CALL_ATTRIBUTES)}
    assert on_spans == {field.name for field in FIELDS if field.attribute}


def test_no_body_is_metadata() -> None:
    assert BODIES
    assert not [field.name for field in FIELDS if field.is_body and (field.in_metadata or field.label)]


def test_the_view_has_a_property_for_each_field_that_reads_its_kind() -> None:
    # A property of Python, or compiled.
    named = {name for name, each in vars(Record).items() if isinstance(each, property | GetSetDescriptorType)}
    assert named - {"values", "line", "_values"} == {field.name for field in FIELDS}
    for field in FIELDS:
        given: tuple[object, ...] = (_TEXT, _TRUTH, _COUNT, _NUMBER, _LIST, None, -1, {})
        found = [getattr(record_of({field.name: value}), field.name) for value in given]
        assert [value for value in found if value is not None] == _READ[field.kind], field.name


def test_what_is_written_has_the_kind_that_the_table_gives_it() -> None:
    for name in NAMES:
        line = line_of(recorded(name), context_length=256)
        for field in FIELDS:
            if field.name in line:
                assert isinstance(line[field.name], _TYPES[field.kind]), (name, field.name)
                assert isinstance(line[field.name], bool) == (field.kind is FieldKind.TRUTH), (name, field.name)
