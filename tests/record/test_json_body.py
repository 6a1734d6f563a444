import pytest

from service.record.json_body import JsonForm, read_fields

FORM = JsonForm(
    {"model": (str, "a string"), "stream": (bool, "true or false"), "place": (int, "a number")},
    unknown="{name} is not known.",
    mistyped='"{name}" has to be {expected}.',
)


def test_fields_of_the_right_types_are_read_and_null_is_none() -> None:
    assert read_fields(b' {"model": "tiny", "stream": null} ', FORM) == {"model": "tiny"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b" \n", "The body is empty."),
        (b"{", "The body is not JSON."),
        (b"\xff", "The body is not JSON."),
        (b"[]", "The body is JSON, but no object."),
        (b'{"model": "tiny", "prompt": 1}', "'prompt' is not known."),
        (b'{"stream": "yes"}', '"stream" has to be true or false.'),
        (b'{"place": true}', '"place" has to be a number.'),
        (b'{"stream": 1}', '"stream" has to be true or false.'),
        (b'{"model": 1}', '"model" has to be a string.'),
    ],
)
def test_what_is_wrong_is_one_sentence(body: bytes, sentence: str) -> None:
    assert read_fields(body, FORM) == sentence


def test_what_cannot_be_written_is_not_taken() -> None:
    form = JsonForm({"options": (dict, "an object")}, unknown="", mistyped="")
    for levels, is_taken in ((1, True), (199, True), (200, False), (900, False)):
        read = read_fields(b'{"options": {"a": %s1%s}}' % (b"[" * levels, b"]" * levels), form)
        assert isinstance(read, dict) is is_taken, levels
    assert read == "options is nested too deeply: at most 200 levels can be kept."


def test_a_name_is_repeated_in_short_whatever_it_holds() -> None:
    sentence = read_fields(b'{"{0}\\u202e%s": 1}' % (b"x" * 5000), FORM)
    assert isinstance(sentence, str)
    assert sentence.startswith("'{0}\\u202exxx")
    assert len(sentence) < 90
