from dataclasses import fields

from service.record.fields import FIELDS
from service.search.filters import Filter
from service.search.parameters import FIELDS_OF, PARAMETERS, Takes


def test_each_parameter_has_a_place_in_a_filter_and_each_place_a_parameter() -> None:
    assert [one.attribute for one in PARAMETERS] == [one.name for one in fields(Filter)]


def test_every_filter_that_a_field_names_is_one() -> None:
    assert {field.filter for field in FIELDS if field.filter} <= FIELDS_OF.keys()


def test_only_words_numbers_and_ends_of_a_time_are_compared_with_no_field() -> None:
    without = {one.name for one in PARAMETERS if not FIELDS_OF[one.name]}
    assert without == {"q", "to", "before", "after"}


def test_help_texts_are_sentences() -> None:
    assert not [one.name for one in PARAMETERS if not one.meaning.endswith((".", "…"))]
    assert {one.takes for one in PARAMETERS} == set(Takes)
