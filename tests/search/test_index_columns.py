import orjson
import pytest

from service.journal.reader import Row
from service.search.index import FACT_COLUMNS, NAMED
from service.search.index_columns import (
    CALL,
    CLIENT_LEFT,
    COMPLETED,
    EMBEDDING,
    FAILED,
    OTHER,
    REFUSED,
    IndexColumns,
    columns_of,
    height,
)


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
        key="shop",
        remote_addr="192.0.2.7",
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
        "key": "shop",
        "address": "192.0.2.7",
        "task": "title",
        "cut": "shift",
        "conversation": None,
        "upstream": None,
        "cause": None,
        "operation": "generate",
        "outcome": "completed",
    }
    assert (found.number, found.started_ms, found.ended_ms) == (7, 1_700_000_000_123, 1_700_000_001_987)
    assert found.numbers[:8] == (200, COMPLETED, 1, 1234, 4 * height(1234), 17, 5, 12345)
    assert (found.replay_of, found.answer) == ("f" * 32, "an answer")


@pytest.mark.parametrize("line", [b"", b"\xff\x00", b"null", b"[1]", b'"text"', b"{", b"{}"])
def test_of_a_line_that_cannot_be_read_the_row_still_tells_something(line: bytes) -> None:
    found = columns_of(row(line, "gateway_died"))

    assert found.names[-2:] == ("chat", "gateway_died")
    assert found.numbers == (None, FAILED, None, None, FAILED, None, None, None, 0, *[None] * 5, 0, None, None, None)
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


def number(found: IndexColumns, column: str) -> int | None:
    return found.numbers[FACT_COLUMNS.index(column) - FACT_COLUMNS.index("status")]


def test_how_long_it_waited_and_how_long_its_model_worked_stand_apart() -> None:
    timed = {"request_time": 10.0, "queue_time": 2.0, "load_time": 3.0, "prompt_time": 1.0, "generation_time": 4.0}
    found = facts(operation="chat", stream=True, time_to_first_token=6.0, **timed)
    assert (number(found, "waited_ms"), number(found, "works_ms")) == (5000, 5000)
    assert number(found, "begun_ms") == found.started_ms + 5000
    assert (number(found, "load_begun_ms"), number(found, "loads_ms")) == (found.started_ms + 2000, 3000)


@pytest.mark.parametrize(
    ("outcome", "given", "held_ms"),
    [
        ("completed", {}, 0),
        ("completed", {"upload_time": 1.0, "queue_time": 2.0}, 3000),
        ("completed", {"queue_time": 50.0}, 10_000),
        ("client_left", {"queue_time": 2.0}, 2000),
        ("client_left", {"queue_time": 9.95}, None),
        ("client_left", {"queue_time": 8.0, "upload_time": 2.0}, None),
        ("client_left", {"queue_time": 10.0, "upstream_status": 200}, 10_000),
        ("gateway_stopped", {"queue_time": 10.0}, None),
        ("upstream_timed_out", {"queue_time": 10.0}, 10_000),
        ("upstream_unreachable", {}, None),
        ("refused", {"queue_time": 10.0}, None),
        ("gateway_died", {"request_time": None}, 0),
    ],
)
def test_the_moment_when_it_went_to_ollama_is_known_unless_it_never_did(
    outcome: str, given: dict[str, object], held_ms: int | None
) -> None:
    assert number(facts(outcome, **({"request_time": 10.0} | given)), "held_ms") == held_ms


@pytest.mark.parametrize(
    ("operation", "outcome", "apart"),
    [
        ("chat", "completed", CALL),
        ("generate", "upstream_timed_out", CALL),
        ("embed", "completed", EMBEDDING),
        ("chat", "refused", REFUSED),
        ("list", "completed", OTHER),
        ("load", "completed", OTHER),
    ],
)
def test_embeddings_refusals_and_lists_stand_apart_from_model_calls(operation: str, outcome: str, apart: int) -> None:
    assert number(facts(outcome, operation=operation), "apart") == apart


@pytest.mark.parametrize(
    ("given", "caller"),
    [
        ({"caller": "ollama-js", "user_agent": "ollama-js/0.6.4 (x64 linux)", "workflow": "Mails"}, "n8n"),
        ({"caller": "OpenAI", "user_agent": "OpenAI/JS 6.9.0", "workflow_id": "w1"}, "n8n"),
        ({"caller": "ollama-js", "user_agent": "ollama-js/0.6.4 (x64 linux)"}, "ollama-js"),
        ({"caller": "shop", "user_agent": "ollama-js/0.6.4 (x64 linux)", "workflow": "Mails"}, "shop"),
        ({"caller": "curl", "user_agent": "curl/8.5.0", "workflow": "Mails"}, "curl"),
        ({"user_agent": "ollama-js/0.6.4", "workflow": "Mails"}, None),
    ],
)
def test_n8n_is_counted_as_n8n_whatever_library_its_node_asks_with(given: dict[str, str], caller: str | None) -> None:
    assert facts(request_uri="/api/ollama/api/chat", **given).names[NAMED.index("caller")] == caller
