"""What is left for those who may see numbers only."""

from service.record.without_words import without_words


def test_texts_go_at_any_depth_and_names_and_numbers_stay() -> None:
    entry = {"number": 1, "model": "m", "prompt": "p", "error": "e", "phases": [["load", 1.0]], "request_uri": "/a?b"}
    expected = {"number": 1, "model": "m", "phases": [["load", 1.0]]}
    assert without_words({"in_flight": [entry], "call": entry}) == {"in_flight": [expected], "call": expected}
