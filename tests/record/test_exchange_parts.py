"""Which parts an exchange has."""

from service.record.exchange_parts import as_it_came, parts_of
from service.record.record import record_of


def test_the_question_comes_first_and_turns_from_the_newest_on() -> None:
    body = (
        '{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "1"},'
        ' {"role": "assistant", "content": "A"}, {"role": "tool", "content": "T"}, {"role": "user", "content": "2"}]}'
    )
    record = record_of({"operation": "chat", "request_body": body, "response_text": "Answer", "error": "late"})
    told = [(part, text) for part, text in parts_of(record) if text]
    assert told == [
        ("question", "2"),
        ("answer", "Answer"),
        ("result of a tool", "T"),
        ("earlier answer", "A"),
        ("earlier question", "1"),
        ("system prompt", "S"),
        ("error", "late"),
    ]
    assert dict(as_it_came(record))["tools or parameters"] == body
