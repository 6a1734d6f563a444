import pytest

from service.record.fields import BODIES
from service.record.line import make_record
from service.record.phases import durations_of, phases_of
from service.record.record import Record
from service.record.summary import summarise
from tests.record.wire import NAMES, always, line_of, recorded


@pytest.mark.parametrize("name", NAMES)
def test_a_summary_is_the_record_without_bodies_and_with_first_words(name: str) -> None:
    line = make_record(recorded(name), context_length_of=always(None), mask=True).line
    said, summary = line_of(recorded(name)), summarise(7, Record(line))
    assert summary.pop("number") == 7
    for key, words in (("prompt", "request_body"), ("answer", "response_text")):
        assert summary.pop(key, "x")
        assert key not in said or words in said
    phases = summary.pop("phases", [])
    record = Record(line)
    assert phases == [(phase.name, phase.seconds) for phase in phases_of(record, durations_of(record))]
    assert sum(seconds for _, seconds in phases) == pytest.approx(said.get("request_time", 0.0), abs=0.002)
    assert summary == {key: value for key, value in said.items() if key not in BODIES}


def test_first_words_are_absent_when_nothing_was_said() -> None:
    assert summarise(1, Record(b'{"operation":"list","response_body":"{}"}')) == {"number": 1, "operation": "list"}
    assert summarise(
        1, Record(b'{"operation":"generate","request_body":"{\\"prompt\\":\\"hi\\"}","response_text":"ho"}')
    ) == {
        "number": 1,
        "operation": "generate",
        "prompt": "hi",
        "answer": "ho",
    }


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b"\xff"])
def test_of_a_line_that_is_no_record_the_number_is_left(line: bytes) -> None:
    assert summarise(3, Record(line)) == {"number": 3}
