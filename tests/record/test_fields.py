from collections import Counter

from service.record.fields import (
    BODIES,
    FIELD_NAMES,
    FIELDS,
    MODEL_CALL_ATTRIBUTES,
    SERVER_ATTRIBUTES,
    FieldKind,
    OnSpan,
)
from service.record.record import Record
from tests.record.wire import NAMES, line_of, recorded

_TYPES: dict[FieldKind, type | tuple[type, ...]] = {
    FieldKind.TEXT: str,
    FieldKind.TIME: str,
    FieldKind.NUMBER: (int, float),
    FieldKind.COUNT: int,
    FieldKind.TRUTH: bool,
    FieldKind.NAMES: list,
}
_READERS = {
    FieldKind.TEXT: "_text",
    FieldKind.TIME: "_text",
    FieldKind.NUMBER: "_number",
    FieldKind.COUNT: "_count",
    FieldKind.TRUTH: "_truth",
    FieldKind.NAMES: "_names",
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
    getters = {
        name: each.fget for name, each in vars(Record).items() if isinstance(each, property) and name != "values"
    }
    found = {name: each.__qualname__.partition(".")[0] for name, each in getters.items() if each}
    assert found == {field.name: _READERS[field.kind] for field in FIELDS}


def test_what_is_written_has_the_kind_that_the_table_gives_it() -> None:
    for name in NAMES:
        line = line_of(recorded(name), context_length=256)
        for field in FIELDS:
            if field.name in line:
                assert isinstance(line[field.name], _TYPES[field.kind]), (name, field.name)
                assert isinstance(line[field.name], bool) == (field.kind is FieldKind.TRUTH), (name, field.name)
