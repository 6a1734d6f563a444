import orjson
import pytest

from service.journal.reader import Row
from service.record.record import Record
from service.record.span_ids import child_span_id
from service.shipping.span_content import SpanContent
from service.shipping.spans import Kind, Span, make_spans, span_line
from tests.shipping.rows import make_row

SECOND = 1_000_000_000


def spans_of(row: Row, with_messages: bool = False) -> list[Span]:
    return make_spans(row, Record(row.line), SpanContent(messages=with_messages))


def test_a_chat_is_a_server_span_with_a_model_call_and_its_phases_below() -> None:
    row = make_row(7, ended_ns=10 * SECOND, parent_span_id="00f067aa0ba902b7")
    server, call, *phases = spans_of(row)
    assert (server.name, server.kind, server.span_id) == ("POST /api/ollama/api/chat", Kind.SERVER, f"{8:016x}")
    assert (server.parent_span_id, server.has_remote_parent) == ("00f067aa0ba902b7", True)
    assert (server.start_ns, server.end_ns) == (8 * SECOND, 10 * SECOND)
    assert (call.name, call.kind, call.parent_span_id) == ("chat llama3.2", Kind.CLIENT, server.span_id)
    assert call.span_id == child_span_id(row.id, "model_call")
    assert [(phase.name, phase.start_ns, phase.end_ns) for phase in phases] == [
        ("wait", 8 * SECOND, 8 * SECOND + SECOND // 2),
        ("prompt", 8 * SECOND + SECOND // 2, 8 * SECOND + SECOND * 3 // 4),
        ("generation", 8 * SECOND + SECOND * 3 // 4, 9 * SECOND + SECOND * 3 // 4),
    ]
    assert {phase.parent_span_id for phase in phases} == {call.span_id}
    assert {span.trace_id for span in (server, call, *phases)} == {row.id}
    assert len({span.span_id for span in (server, call, *phases)}) == 5


def test_the_phases_begin_when_the_request_had_come() -> None:
    row = make_row(ended_ns=10 * SECOND, upload_time=0.25)
    _, call, wait, *_ = spans_of(row)
    assert (call.start_ns, wait.start_ns) == (8 * SECOND, 8 * SECOND + SECOND // 4)


def test_the_server_span_says_who_called_and_what_was_asked() -> None:
    row = make_row(request_uri="/api/ollama/api/chat?x=1", workflow_id="w1", node="Chat", user_agent="n8n")
    attributes = spans_of(row)[0].attributes
    assert attributes["http.request.method"] == "POST"
    assert attributes["http.route"] == attributes["url.path"] == "/api/ollama/api/chat"
    assert attributes["url.query"] == "x=1"
    assert attributes["http.response.status_code"] == 200
    assert attributes["n8n.workflow.id"] == "w1"
    assert attributes["n8n.workflow.name"] == "Résumé agent"
    assert attributes["n8n.execution.id"] == "231"
    assert attributes["n8n.node.name"] == "Chat"
    assert attributes["client.address"] == "10.0.0.7"
    assert "Why is the sky blue?" in str(attributes["http.request.body.content"])


@pytest.mark.parametrize(
    ("request_uri", "name"),
    [
        ("/api/ollama/~workflow=A;node=B%2FC/api/chat", "POST /api/ollama/api/chat"),
        ("/api/ollama/%7En8n/api/chat", "POST /api/ollama/api/chat"),
        ("/api/ollama/~n8n//api/../api/%63hat?stream=1", "POST /api/ollama/api/chat"),
        ("/api/ollama/v1/models/library%2Fllama3.2:1b", "POST /api/ollama/v1/models/{model}"),
        ("/api/ollama/api/blobs/sha256:abc", "POST /api/ollama/api/blobs/{digest}"),
        ("/api/ollama", "POST /api/ollama/"),
        ("/generate", "POST /generate"),
        ("/elsewhere", "POST"),
    ],
)
def test_a_span_is_named_by_the_template_of_its_route(request_uri: str, name: str) -> None:
    assert spans_of(make_row(request_uri=request_uri))[0].name == name


def test_what_was_never_offered_has_no_route_and_no_model_call() -> None:
    row = make_row(outcome="refused", status=404, request_uri="/api/ollama/debug/pprof", failed=True)
    (server,) = spans_of(row)
    assert server.name == "POST"
    assert server.error is None, "4xx is the client's fault, not the server's (HTTP conventions)"


def test_an_unknown_method_gives_no_new_span_name() -> None:
    server = spans_of(make_row(method="BREW", operation="list", without=["operation"]))[0]
    assert server.name.startswith("HTTP ")
    assert server.attributes["http.request.method"] == "_OTHER"
    assert server.attributes["http.request.method_original"] == "BREW"


@pytest.mark.parametrize("operation", ["list", "ps", "show", "pull", "unload"])
def test_what_is_no_model_call_has_the_server_span_only(operation: str) -> None:
    assert len(spans_of(make_row(operation=operation))) == 1


@pytest.mark.parametrize(
    ("outcome", "status", "server_error", "call_error"),
    [
        ("completed", 200, None, None),
        ("completed", 500, "500", "500"),
        ("completed", 404, None, "404"),
        ("client_left", 499, None, "client_left"),
        ("upstream_unreachable", 502, "upstream_unreachable", "upstream_unreachable"),
        ("gateway_died", None, "gateway_died", "gateway_died"),
    ],
)
def test_errors_stand_on_the_span_whose_fault_they_are(
    outcome: str, status: int | None, server_error: str | None, call_error: str | None
) -> None:
    without = ["status"] if status is None else []
    row = make_row(outcome=outcome, status=status, failed=call_error is not None, without=without)
    server, call, *_ = spans_of(row)
    assert server.attributes.get("error.type") == server_error
    assert call.attributes.get("error.type") == call_error
    assert (server.error is None, call.error is None) == (server_error is None, call_error is None)


def test_an_error_inside_a_good_answer_fails_the_model_call_only() -> None:
    server, call, *_ = spans_of(make_row(failed=True, error="model runner has unexpectedly stopped"))
    assert server.error is None
    assert call.error == "model runner has unexpectedly stopped"
    assert call.attributes["error.type"] == "error_in_answer"


def test_phases_never_reach_beyond_the_call_and_empty_ones_are_left_out() -> None:
    row = make_row(seconds=1.0, wait_time=0.0, prompt_time=0.9, generation_time=50.0)
    _, call, *phases = spans_of(row)
    assert [phase.name for phase in phases] == ["prompt", "generation"]
    assert phases[-1].end_ns == call.end_ns


def test_a_clock_that_was_set_back_gives_no_negative_duration() -> None:
    row = make_row(seconds=-5.0)
    assert all(span.end_ns >= span.start_ns for span in spans_of(row))


def test_the_same_row_gives_the_same_spans() -> None:
    row = make_row(3, ended_ns=99 * SECOND)
    again = make_row(3, ended_ns=99 * SECOND)
    assert [span_line(span, 9999) for span in spans_of(row)] == [span_line(span, 9999) for span in spans_of(again)]


def test_a_line_without_trace_ids_has_no_spans() -> None:
    assert spans_of(make_row(without=["trace_id"])) == []


def test_a_span_line_tells_ids_times_and_attributes() -> None:
    server, call, *_ = spans_of(make_row(1, ended_ns=1_767_722_308 * SECOND + 5))
    line = orjson.loads(span_line(call, 240_000))
    assert line["start"] == "2026-01-06T17:58:26.000000005Z"
    assert line["end"] == "2026-01-06T17:58:28.000000005Z"
    assert line["duration"] == 2.0
    assert line["parent_span_id"] == server.span_id
    assert line["attributes"]["gen_ai.request.model"] == "llama3.2"
    assert "parent_span_id" not in orjson.loads(span_line(server, 240_000))


@pytest.mark.parametrize("filler", ["x", "é", "\u0001", '"', "\U0001f600"])
def test_a_span_line_is_cut_to_its_limit_and_stays_json(filler: str) -> None:
    row = make_row(request_body="begin " + filler * 60_000 + " end", model=filler * 3000, error=filler * 5000)
    for span in spans_of(row):
        line = span_line(span, 20_000)
        assert len(line) <= 20_000
        orjson.loads(line)
    root = orjson.loads(span_line(spans_of(row)[0], 20_000))["attributes"]
    assert root["ollama_recorder.truncated"] is True
    assert root["http.request.body.content"].startswith("begin ")
    assert root["http.request.body.content"].endswith(" end")


def test_a_list_that_is_too_long_for_its_line_is_left_out() -> None:
    stops = orjson.dumps({"stop": ["x" * 50] * 2000}).decode()
    call = spans_of(make_row(request_body=stops))[1]
    line = span_line(call, 20_000)
    assert len(line) <= 20_000
    assert "gen_ai.request.stop_sequences" not in orjson.loads(line)["attributes"]


def test_the_wait_in_the_recorder_is_a_span_before_the_call_of_ollama() -> None:
    row = make_row(ended_ns=10 * SECOND, queue_time=0.5)
    server, queue, call, wait, *_ = spans_of(row)
    assert (queue.name, queue.start_ns, queue.end_ns) == ("queue", 8 * SECOND, 8 * SECOND + SECOND // 2)
    assert queue.parent_span_id == call.parent_span_id == server.span_id
    assert (call.start_ns, call.end_ns) == (queue.end_ns, server.end_ns)
    assert (wait.parent_span_id, wait.start_ns) == (call.span_id, queue.end_ns)
    assert server.attributes["ollama_recorder.queue_time"] == 0.5


def test_the_queue_begins_when_the_request_had_come() -> None:
    server, queue, call, wait, *_ = spans_of(make_row(ended_ns=10 * SECOND, queue_time=0.5, upload_time=0.25))
    assert queue.start_ns == server.start_ns + SECOND // 4
    assert call.start_ns == wait.start_ns == queue.end_ns == queue.start_ns + SECOND // 2


def test_no_call_begins_after_the_exchange_when_all_of_it_was_spent_in_the_queue() -> None:
    server, queue, call, *_ = spans_of(make_row(ended_ns=10 * SECOND, queue_time=50.0))
    assert queue.end_ns == call.start_ns == call.end_ns == server.end_ns


def test_the_first_chunk_is_timed_from_where_the_call_begins() -> None:
    first = "gen_ai.response.time_to_first_chunk"
    row = make_row(ended_ns=10 * SECOND, stream=True, time_to_first_byte=0.9, upload_time=0.25, queue_time=0.5)
    assert spans_of(row)[2].attributes[first] == 0.15
    assert spans_of(make_row(ended_ns=10 * SECOND, stream=True, time_to_first_byte=0.9))[1].attributes[first] == 0.9
