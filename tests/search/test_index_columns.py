import orjson
import pytest

from service.journal.reader import Row
from service.search.index import NAMED
from service.search.index_columns import CLIENT_LEFT, COMPLETED, FAILED, IndexColumns, columns_of, height


def row(line: bytes, outcome: str = "completed") -> Row:
    return Row(7, "0" * 32, 1_700_000_000_123_456_789, 1_700_000_001_987_654_321, "POST", "chat", outcome, None, line)


def facts(outcome: str = "completed", /, **said: object) -> IndexColumns:
    return columns_of(row(orjson.dumps(said), outcome))


def test_names_and_numbers_come_from_the_line() -> None:
    found = facts(
        model="llama3.2",
        workflow="Invoices",
        workflow_id="aB3",
        execution_id="231",
        node="AI Agent",
        caller="n8n",
        user="ada",
        task="title",
        operation="generate",
        status=200,
        request_time=1.234,
        prompt_tokens=17,
        completion_tokens=5,
        tokens_per_second=12.345,
        prompt_truncated=True,
        prompt_truncated_by="shift",
        replay_of="f" * 32,
        response_text="an answer",
    )

    assert dict(zip(NAMED, found.names, strict=True)) == {
        "model": "llama3.2",
        "workflow": "Invoices",
        "workflow_id": "aB3",
        "execution": "231",
        "node": "AI Agent",
        "caller": "n8n",
        "user": "ada",
        "task": "title",
        "cut": "shift",
        "operation": "generate",
        "outcome": "completed",
    }
    assert (found.number, found.started_ms, found.ended_ms) == (7, 1_700_000_000_123, 1_700_000_001_987)
    assert found.numbers == (200, COMPLETED, 1, 1234, 4 * height(1234), 17, 5, 12345)
    assert (found.replay_of, found.answer) == ("f" * 32, "an answer")


@pytest.mark.parametrize("line", [b"", b"\xff\x00", b"null", b"[1]", b'"text"', b"{", b"{}"])
def test_of_a_line_that_cannot_be_read_the_row_still_tells_something(line: bytes) -> None:
    found = columns_of(row(line, "gateway_died"))

    assert found.names[-2:] == ("chat", "gateway_died")
    assert found.numbers == (None, FAILED, None, None, FAILED, None, None, None)
    assert (found.prompt, found.answer, found.replay_of) == ("", "", None)


@pytest.mark.parametrize("value", [-1, (1 << 63) - 1, 1e300, "12", None, [], {}, True])
def test_nonsense_among_the_numbers_is_left_out(value: object) -> None:
    keys = ("status", "prompt_tokens", "completion_tokens", "request_time", "tokens_per_second")
    found = columns_of(row(orjson.dumps(dict.fromkeys(keys, value))))

    assert [number for number in found.numbers if number is not None and number > 4000] == []
    assert all(number is None or -(1 << 63) <= number < 1 << 63 for number in found.numbers)


@pytest.mark.parametrize(
    ("outcome", "said", "kind"),
    [
        ("completed", {}, COMPLETED),
        ("completed", {"failed": True}, FAILED),
        ("upstream_broke_off", {}, FAILED),
        ("client_left", {"failed": True}, CLIENT_LEFT),
        ("client_left", {}, CLIENT_LEFT),
        ("client_left", {"failed": False}, COMPLETED),
    ],
)
def test_an_exchange_is_completed_failed_or_left_alone(outcome: str, said: dict[str, object], kind: int) -> None:
    assert facts(outcome, **said).numbers[1] == kind


def test_a_duration_is_drawn_the_higher_the_longer_it_is() -> None:
    heights = [height(milliseconds) for milliseconds in (None, 0, 1, 10, 100, 1000, 86_400_000)]

    assert heights == [0, 1, 1, 21, 41, 61, 159]
    # Four kinds lie at each height, and a column of the timeline has 4096 places.
    assert 4 * height(1 << 53) + 3 < 4096


def test_whether_a_prompt_was_cut_is_one_of_three() -> None:
    lines = (b'{"prompt_truncated":true}', b'{"prompt_truncated":false}', b"{}")
    assert [columns_of(row(line)).numbers[2] for line in lines] == [1, 0, None]
