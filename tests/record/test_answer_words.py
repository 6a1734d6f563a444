"""What an answer says."""

from service.record.answer_words import answer_of
from service.record.record import record_of


def test_an_answer_without_words_is_its_calls_or_its_error() -> None:
    call = '[{"function": {"name": "clock", "arguments": {}}}]'
    assert answer_of(record_of({"tool_calls": call, "response_text": "\n"})) == "clock({})"
    assert answer_of(record_of({"error": "it broke"})) == "it broke"
    assert answer_of(record_of({})) == ""
