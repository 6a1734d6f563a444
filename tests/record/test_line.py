import base64
import gzip
import json
from typing import Any

import orjson
import pytest

from service.record.exchange import Body, Caller, Exchange, Outcome
from service.record.fields import BODIES, FIELD_NAMES, METADATA
from service.record.line import make_record, summary_of_open
from service.record.line_limit import encode
from tests.record.wire import always, body, checked, exchange, line_of, recorded, shortened, with_response

ASK = b'{"model":"tiny", "messages":[{"role":"user","content":"say good"}],"stream":false}'
KEY = "ghp_" + "a1B2" * 9


def _answer(text: str, **more: object) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps({"model": "tiny", "message": message, "done": True, "done_reason": "stop", **more}).encode()


def _stream(*texts: str) -> Body:
    lines = [json.dumps({"message": {"content": text}, "done": False}).encode() for text in texts]
    return body(b"\n".join([*lines, b'{"done":true,"eval_count":2}\n']), "application/x-ndjson")


def test_a_line_says_everything_in_the_order_of_the_contract() -> None:
    caller = Caller("Factures", "Xa9", "231", "Résumer", "n8n", "ana")
    measured = {"load_duration": 1_500_000_499, "prompt_eval_count": 9, "prompt_eval_duration": 20_000_000}
    answer = _answer("Good.", **measured, eval_count=40, eval_duration=2_000_000_000)
    found = exchange(ASK, answer, caller=caller, request_uri="/api/ollama/~n8n/api/chat?x=1")
    found = found._replace(opened=found.opened._replace(item=0, attempt=2))
    assert list(line_of(found, context_length=4096).items()) == [
        ("time", "2026-01-06T17:58:29.123456Z"),
        ("method", "POST"),
        ("request_uri", "/api/ollama/~n8n/api/chat?x=1"),
        ("status", 200),
        ("request_time", 1.123),
        ("request_body", ASK.decode()),
        ("response_text", "Good."),
        ("outcome", "completed"),
        ("failed", False),
        ("operation", "chat"),
        ("api", "ollama"),
        ("model", "tiny"),
        ("stream", False),
        ("done_reason", "stop"),
        ("prompt_tokens", 9),
        ("completion_tokens", 40),
        ("tokens_per_second", 20.0),
        ("prompt_truncated", False),
        ("context_length", 4096),
        ("wait_time", 1.5),
        ("load_time", 1.5),
        ("prompt_time", 0.02),
        ("generation_time", 2.0),
        ("time_to_first_byte", 0.25),
        ("upstream_status", 200),
        ("workflow", "Factures"),
        ("workflow_id", "Xa9"),
        ("execution_id", "231"),
        ("node", "Résumer"),
        ("item", 0),
        ("attempt", 2),
        ("caller", "n8n"),
        ("user", "ana"),
        ("user_agent", "axios/1.12.0"),
        ("remote_addr", "172.18.0.3"),
        ("request_bytes", len(ASK)),
        ("response_bytes", len(answer)),
        ("exchange", "a" * 32),
        ("trace_id", "b" * 32),
        ("span_id", "c" * 16),
        ("started", "2026-01-06T17:58:28.000000Z"),
    ]


def test_the_record_holds_the_line_its_summary_and_the_kept_bytes() -> None:
    found = exchange(ASK, _answer("Good."))
    record = make_record(found, context_length_of=always(None), mask=True)
    line, summary = orjson.loads(record.line), orjson.loads(record.summary)
    bodies = ("request_body", "response_text", "thinking", "tool_calls", "response_body")
    assert summary == {key: value for key, value in line.items() if key not in bodies}
    assert (record.request, record.response) == (ASK, found.response.head)
    assert (record.id, record.operation, record.outcome, record.method) == ("a" * 32, "chat", "completed", "POST")
    assert (record.started_ns, record.ended_ns) == (found.opened.started_ns, found.ended_ns)


@pytest.mark.parametrize("error", [None, ',"error":"x","outcome":'])
@pytest.mark.parametrize("text", ["", ',"outcome":"completed"', '"', "\\", ',"request_body":', "é\x7f\u200b", "\ud800"])
def test_the_summary_is_the_line_without_its_bodies_whatever_the_texts_hold(text: str, error: str | None) -> None:
    ask = json.dumps({"model": "tiny,", "messages": [{"role": "user", "content": text}], "stream": False}).encode()
    found = exchange(ask, _answer(text), error=error)
    opened = found.opened._replace(request_uri=f"/api/chat?{text}", caller=Caller(text, node=text + ","))
    record = make_record(found._replace(opened=opened), context_length_of=always(None), mask=True)
    line = orjson.loads(record.line)
    assert record.summary == encode({key: value for key, value in line.items() if key not in BODIES})


def test_bodies_stand_together_in_a_line() -> None:
    first = FIELD_NAMES.index(BODIES[0])
    assert FIELD_NAMES[first : first + len(BODIES) + 2] == (*BODIES, "error", "outcome")


def test_making_a_record_twice_gives_the_same_bytes() -> None:
    for name in ("chat_stream", "v1_chat_stream_usage", "show"):
        once, twice = (make_record(recorded(name), context_length_of=always(2048), mask=True) for _ in range(2))
        assert once == twice


def test_a_client_that_left_before_an_answer_is_499_and_failed() -> None:
    found = exchange(ASK, outcome=Outcome.CLIENT_LEFT, status=None, upstream_status=None, first_byte=None)
    said = line_of(found)
    assert (said["status"], said["outcome"], said["failed"]) == (499, "client_left", True)
    assert not {"response_text", "response_body", "response_bytes", "upstream_status", "time_to_first_byte"} & set(said)


@pytest.mark.parametrize("name", ["chat_stream", "v1_chat_stream", "v1_responses_stream", "v1_messages_stream"])
def test_a_client_that_left_after_the_streams_own_end_had_it_all(name: str) -> None:
    left = recorded(name)._replace(outcome=Outcome.CLIENT_LEFT)
    record = make_record(left, context_length_of=always(None), mask=True)
    said = checked(record.line)
    assert (said["outcome"], said["failed"], record.outcome) == ("completed", False, "completed")
    before_the_end = with_response(left, left.response.head[: len(left.response.head) // 2])
    said = line_of(before_the_end)
    assert (said["outcome"], said["failed"]) == ("client_left", False)


def test_an_exchange_that_a_crash_left_open_says_only_what_is_known() -> None:
    opened = exchange(ASK).opened
    said = line_of(Exchange(opened=opened, outcome=Outcome.GATEWAY_DIED, ended_ns=opened.started_ns, error="killed"))
    assert (said["outcome"], said["failed"], said["error"], said["model"]) == ("gateway_died", True, "killed", "tiny")
    assert not {"status", "request_time", "prompt_tokens", "response_bytes"} & set(said)


def test_a_repeated_exchange_says_which_one_it_repeats() -> None:
    found = exchange(ASK, _answer("Good."), caller=Caller(user="ana"))
    said = line_of(found._replace(opened=found.opened._replace(replay_of="d" * 32)))
    assert said["replay_of"] == "d" * 32
    assert list(said)[list(said).index("user") + 1] == "replay_of"
    assert METADATA[METADATA.index("user") + 1] == "replay_of"
    assert "replay_of" not in line_of(found)


def test_an_error_inside_a_200_stream_is_a_failure() -> None:
    said = line_of(recorded("pull_error"))
    assert said["status"] == 200
    assert said["failed"]
    assert said["error"].startswith("pull model manifest")


def test_our_own_error_stands_before_the_one_in_the_body() -> None:
    found = exchange(
        ASK, b'{"error":"x"}', outcome=Outcome.REFUSED, status=403, error="Host example.org is not allowed"
    )
    assert line_of(found)["error"] == "Host example.org is not allowed"


def test_a_body_that_is_too_long_for_a_line_keeps_both_ends_and_is_flagged() -> None:
    ask = b'{"model":"tiny","prompt":"<start>' + b"the world " * 100_000 + b'<end>","stream":false}'
    answer = json.dumps({"response": "<A>" + "é" * 400_000 + "<Z>", "done": True}).encode()
    said = line_of(exchange(ask, answer, "/api/generate"))
    assert said["request_truncated"]
    assert said["response_truncated"]
    assert said["request_body"].startswith('{"model":"tiny","prompt":"<start>')
    assert said["request_body"].endswith('<end>","stream":false}')
    assert said["response_text"].startswith("<A>")
    assert said["response_text"].endswith("<Z>")
    assert said["request_bytes"] == len(ask)


def test_all_texts_together_fit_whatever_they_hold() -> None:
    text = "\x01\u2028\ud800é" * 80_000
    answer = {"message": {"content": text, "thinking": text, "tool_calls": [{"function": {"arguments": {"a": text}}}]}}
    response = body(json.dumps({**answer, "done": True, "done_reason": text, "model": text}).encode())
    caller = Caller(*["\x01" * 200] * 6)
    found = exchange(b'{"model":"\\u0001"}' * 90_000, response, user_agent=text, request_uri="/" + text, caller=caller)
    said = checked(make_record(found._replace(error=text), context_length_of=always(1), mask=True).line)
    assert said["response_truncated"]


def test_a_copy_that_the_gateway_shortened_is_flagged() -> None:
    ask = json.dumps({"model": "tiny", "prompt": "the world " * 1000, "stream": False}).encode()
    said = line_of(exchange(shortened(ask, 800, 200), _answer("Good."), "/api/generate"))
    assert said["request_truncated"]
    assert "response_truncated" not in said
    assert json.loads(said["request_body"])["prompt"].count("bytes left out") == 1
    assert said["request_bytes"] == len(ask)


def test_a_bomb_is_flagged_as_shortened() -> None:
    found = exchange(body(gzip.compress(b'{"prompt":"' + b"a" * 30_000_000 + b'"}'), encoding="gzip"), _answer("x"))
    said = line_of(found)
    assert said["request_truncated"]
    assert said["request_bytes"] < 100_000


def test_a_compressed_exchange_is_recorded_readable() -> None:
    ask, answer = body(gzip.compress(ASK), encoding="gzip"), body(gzip.compress(_answer("Good.")), encoding="gzip")
    record = make_record(exchange(ask, answer), context_length_of=always(None), mask=True)
    said = orjson.loads(record.line)
    assert (said["request_body"], said["response_text"]) == (ASK.decode(), "Good.")
    assert said["request_bytes"] == len(gzip.compress(ASK))
    assert (record.request, record.response) == (ASK, _answer("Good."))


def test_an_image_is_told_by_its_digest_and_kept_in_the_bytes() -> None:
    image = base64.b64encode(b"\x89PNG" + bytes(2000)).decode()
    ask = json.dumps({"model": "tiny", "prompt": "What?", "images": [image], "stream": False}).encode()
    record = make_record(exchange(ask, _answer("Nothing."), "/api/generate"), context_length_of=always(None), mask=True)
    said = orjson.loads(record.line)
    assert json.loads(said["request_body"])["images"][0].startswith("<image 2004 bytes sha256:")
    assert said["images"] == 1
    assert "request_truncated" not in said
    assert record.request == ask


def test_of_an_uploaded_model_only_the_beginning_is_kept() -> None:
    path = "/api/blobs/sha256:" + "0" * 64
    weights = Body(5_000_000_000, b"GGUF\xff" * 200_000, b"\xff" * 100_000, "application/octet-stream")
    record = make_record(exchange(weights, b"", path, status=201), context_length_of=always(None), mask=True)
    said = checked(record.line)
    assert len(record.request) <= 4096
    assert len(said["request_body"]) < 1000
    assert (said["request_bytes"], said["request_truncated"]) == (5_000_000_000, True)


def test_a_request_of_which_only_a_part_came_is_called_truncated() -> None:
    half = Body(1, b"{", is_incomplete=True)
    said = checked(make_record(exchange(half, b""), context_length_of=always(None), mask=True).line)
    assert (said["request_bytes"], said["request_body"], said["request_truncated"]) == (1, "{", True)


@pytest.mark.parametrize("where", ["request", "answer", "thinking", "tool", "error", "uri", "agent", "caller"])
def test_a_secret_is_masked_wherever_it_is_and_only_if_wanted(where: str) -> None:
    def text(here: str) -> str:
        return f"it is {KEY}!" if here == where else "x"

    message: dict[str, object] = {"content": text("answer"), "thinking": text("thinking")}
    message |= {"tool_calls": [{"function": {"name": "f", "arguments": {"a": text("tool")}}}]}
    found = exchange(
        json.dumps({"model": "tiny", "messages": [{"content": text("request")}], "stream": False}).encode(),
        json.dumps({"message": message, "done": True}).encode(),
        request_uri="/api/ollama/api/chat?key=" + (KEY if where == "uri" else ""),
        user_agent=text("agent"),
        caller=Caller(workflow=text("caller")),
        error=text("error"),
    )
    record = make_record(found, context_length_of=always(None), mask=True)
    for part in (record.line, record.summary, record.request, record.response):
        assert KEY.encode() not in part
    assert b"ghp_***" in record.line
    checked(record.line)
    plain = make_record(found, context_length_of=always(None), mask=False)
    assert KEY.encode() in plain.line


def _sent(*events: dict[str, Any]) -> Body:
    data = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)
    return body(data, "text/event-stream")


def test_of_a_secret_that_came_token_by_token_no_bytes_are_kept() -> None:
    found = exchange(b'{"model":"tiny"}', _stream("it is ", "ghp", "_", KEY[4:20], KEY[20:], "!"))
    record = make_record(found, context_length_of=always(None), mask=True)
    assert orjson.loads(record.line)["response_text"] == "it is ghp_***!"
    assert record.response == b""
    assert KEY[4:20].encode() not in record.line + record.summary


def test_a_secret_beside_one_that_came_token_by_token_does_not_keep_its_bytes() -> None:
    found = exchange(b"{}", _stream(f"{KEY} and ", "ghp", "_", KEY[4:20], KEY[20:], "!"))
    record = make_record(found, context_length_of=always(None), mask=True)
    assert orjson.loads(record.line)["response_text"] == "ghp_*** and ghp_***!"
    assert record.response == b""


def test_a_secret_that_is_also_told_whole_does_not_keep_the_bytes_of_its_pieces() -> None:
    pieces = [{"type": "response.output_text.delta", "delta": part} for part in ("ghp", "_", KEY[4:20], KEY[20:])]
    events = [*pieces, {"type": "response.output_text.done", "text": KEY}]
    found = exchange(b'{"stream":true}', _sent(*events), "/v1/responses")
    record = make_record(found, context_length_of=always(None), mask=True)
    assert orjson.loads(record.line)["response_text"] == "ghp_***"
    assert record.response == b""


_TOKENS = [{"token": part, "bytes": list(part.encode())} for part in ("ghp", "_", KEY[4:20], KEY[20:])]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/api/chat", {"message": {"content": KEY}, "done": True, "logprobs": _TOKENS}),
        ("/api/generate", {"response": KEY, "done": True, "logprobs": _TOKENS}),
        ("/v1/chat/completions", {"choices": [{"message": {"content": KEY}, "logprobs": {"content": _TOKENS}}]}),
        ("/v1/completions", {"choices": [{"text": KEY, "logprobs": {"tokens": ["ghp", "_", KEY[4:20], KEY[20:]]}}]}),
    ],
)
def test_a_secret_that_is_also_told_token_by_token_does_not_keep_its_bytes(path: str, answer: dict[str, Any]) -> None:
    record = make_record(exchange(b"{}", json.dumps(answer).encode(), path), context_length_of=always(None), mask=True)
    assert orjson.loads(record.line)["response_text"] == "ghp_***"
    assert record.response == b""


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_secret_in_the_pieces_of_arguments_does_not_keep_their_bytes(is_whole: bool) -> None:
    told = json.dumps({"key": KEY})
    item = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": told}
    deltas = [told[:12], told[12:25], told[25:]]
    events: list[dict[str, Any]] = [
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": part} for part in deltas
    ]
    events.append({"type": "response.function_call_arguments.done", "output_index": 0, "arguments": told})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    record = make_record(
        exchange(b"{}", _sent(*events[: None if is_whole else 3]), "/v1/responses"),
        context_length_of=always(None),
        mask=True,
    )
    assert orjson.loads(orjson.loads(record.line)["tool_calls"])[0]["function"]["arguments"] == {"key": "ghp_***"}
    assert record.response == b""


def test_a_secret_in_the_pieces_of_a_call_from_before_there_were_tools_does_not_keep_their_bytes() -> None:
    told = json.dumps({"key": KEY})
    events = [
        {"choices": [{"index": 0, "delta": {"function_call": {"arguments": part}}}]}
        for part in (told[:12], told[12:25], told[25:])
    ]
    found = exchange(b"{}", _sent(*events), "/v1/chat/completions")
    assert make_record(found, context_length_of=always(None), mask=True).response == b""


def test_a_secret_in_arguments_that_came_whole_keeps_the_bytes_around_it() -> None:
    told = json.dumps({"key": KEY})
    item = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": told}
    response = _sent(
        {"type": "response.output_text.done", "text": "", "logprobs": []},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": told},
        {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": told},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    )
    record = make_record(exchange(b"{}", response, "/v1/responses"), context_length_of=always(None), mask=True)
    assert record.response == response.head.replace(KEY.encode(), b"ghp_***")


def test_a_secret_that_came_whole_keeps_the_bytes_around_it() -> None:
    for response in (_stream(f"it is {KEY}", "!"), body(_answer(f"it is {KEY}!"))):
        record = make_record(exchange(b"{}", response), context_length_of=always(None), mask=True)
        assert orjson.loads(record.line)["response_text"] == "it is ghp_***!"
        assert record.response == response.head.replace(KEY.encode(), b"ghp_***")


def test_an_answer_without_secrets_keeps_its_bytes() -> None:
    found = exchange(b"{}", _stream("it is ", "nothing"))
    assert make_record(found, context_length_of=always(None), mask=True).response == found.response.head


def test_the_open_row_is_readable_and_masked() -> None:
    ask = json.dumps({"prompt": f"my key is {KEY}"}).encode()
    sent, caller = body(gzip.compress(ask), encoding="gzip"), Caller(node=KEY, user="ana")
    opened = exchange(sent, request_uri=f"/api/ollama/~{KEY}/api/chat", caller=caller).opened
    stored = summary_of_open(opened, mask=True)
    assert stored.caller == Caller(node="ghp_***", user="ana")
    assert stored.request.head == b'{"prompt": "my key is ghp_***"}'
    assert not stored.request.is_shortened
    assert stored.request_uri == "/api/ollama/~ghp_***/api/chat"
    assert stored.request.content_encoding == ""
    unmasked = summary_of_open(opened, mask=False)
    assert (unmasked.request.head, unmasked.request_uri) == (ask, opened.request_uri)


@pytest.mark.parametrize("written", ["~{}", "%7E{}", "~workflow={}", "~%77orkflow={}", "%7ea%20{}"])
def test_a_secret_among_the_labels_is_masked_however_they_are_written(written: str) -> None:
    uri = f"/api/ollama/{written}/api/chat"
    assert line_of(exchange(ASK, request_uri=uri.format(KEY)))["request_uri"] == uri.format("ghp_***")


def test_the_open_row_of_a_clean_request_is_the_very_same() -> None:
    opened = exchange(ASK).opened
    assert summary_of_open(opened, mask=True) is opened


def test_a_recovered_open_row_makes_the_same_request_in_the_record() -> None:
    found = exchange(json.dumps({"prompt": f"my key is {KEY}"}).encode())
    recovered = found._replace(opened=summary_of_open(found.opened, mask=True))
    lines = [make_record(one, context_length_of=always(None), mask=True).request for one in (found, recovered)]
    assert lines[0] == lines[1]


def test_metadata_holds_every_number_and_every_bounded_name() -> None:
    assert set(METADATA) <= set(FIELD_NAMES)
    numbers: set[str] = set()
    for name in ("chat_stream", "chat_once", "v1_chat_stream"):
        said = line_of(recorded(name), context_length=4096)
        numbers |= {key for key, value in said.items() if isinstance(value, int | float)}
    assert numbers <= set(METADATA)
    assert not {"request_body", "response_text", "error", "request_uri", "user_agent", "span_id"} & set(METADATA)


def test_the_context_length_is_what_the_request_wanted_or_less_where_the_model_cannot_hold_it() -> None:
    ask = orjson.dumps({"model": "tiny", "prompt": "hi " * 4000, "options": {"num_ctx": 8192}})
    for loaded, tokens, expected, is_cut in (
        (2048, 2048, 2048, True),
        (2048, 3000, None, None),
        (None, 8192, 8192, True),
    ):
        answer = orjson.dumps({"model": "tiny", "response": "x", "done": True, "prompt_eval_count": tokens})
        said = line_of(exchange(ask, answer, "/api/generate"), context_length=loaded)
        assert (said.get("context_length"), said.get("prompt_truncated")) == (expected, is_cut)


_SO = b" so" * 31
_LOOP = b'{"model":"tiny","message":{"role":"assistant","content":"%s"},"done":false}' % _SO
_ZEROS = b'"usage":{"prompt_tokens":0,"completion_tokens":0,"input_tokens":0,"output_tokens":0}'


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/api/chat", body(_LOOP)),
        ("/api/chat", body(_LOOP + b"\n" + _LOOP + b"\n", "application/x-ndjson")),
        (
            "/v1/chat/completions",
            body(b'{"choices":[{"message":{"content":"%s"},"finish_reason":null}],%s}' % (_SO, _ZEROS)),
        ),
        (
            "/v1/chat/completions",
            body(b'data: {"choices":[{"delta":{"content":"%s"},"finish_reason":null}]}\n\n' % _SO, "text/event-stream"),
        ),
        ("/v1/responses", body(b'{"status":"completed","output":[{"content":[{"text":"%s"}]}],%s}' % (_SO, _ZEROS))),
        ("/v1/messages", body(b'{"type":"message","content":[{"type":"text","text":"%s"}],%s}' % (_SO, _ZEROS))),
    ],
)
def test_an_answer_that_arrived_whole_but_has_no_end_is_unfinished(path: str, answer: Body) -> None:
    found = exchange(ASK, answer, path)
    said = line_of(found, context_length=4096)
    assert (said["done_reason"], said["outcome"], said["failed"]) == ("unfinished", "completed", False)
    # Without that the model did not repeat itself: it was cut, or its program crashed.
    head = answer.head.replace(_SO, b" so")
    once = answer._replace(head=head, length=len(head))
    assert line_of(found._replace(response=once)).items() >= {"done_reason": "unfinished", "failed": True}.items()
    assert not said.keys() & {"prompt_tokens", "completion_tokens", "prompt_truncated"}
    assert "done_reason" not in line_of(found._replace(outcome=Outcome.UPSTREAM_BROKE_OFF))
    gap = answer._replace(length=answer.length + 9, tail=b"\n")
    assert line_of(found._replace(response=gap)).get("done_reason") != "unfinished"


def test_an_answer_that_lost_nothing_but_numbers_of_its_context_is_not_shortened() -> None:
    numbers = b",".join([b"436"] * 9000)
    sent = (
        b'{"response":"%s","done":true,"done_reason":"stop","context":[%s],"total_duration":7,"prompt_eval_count":64}'
    )
    said = line_of(exchange(ASK, shortened(sent % (b"Good.", numbers), 2000, 500), "/api/generate"), context_length=64)
    assert (said["response_text"], said["done_reason"], said["prompt_truncated"]) == ("Good.", "stop", True)
    assert "response_truncated" not in said
    found = exchange(ASK, shortened(sent % (KEY.encode(), numbers), 2000, 500), "/api/generate")
    assert KEY not in line_of(found)["response_text"]
    assert KEY.encode() not in make_record(found, context_length_of=always(64), mask=True).response
    cut = line_of(exchange(ASK, shortened(sent % (b"long " * 900, numbers), 2000, 500), "/api/generate"))
    assert cut["response_truncated"] is True
    assert "done_reason" not in cut


@pytest.mark.parametrize("path", ["/api/tags", "/api/ps", "/api/version", "/v1/models", "/"])
def test_a_client_that_took_the_head_of_a_list_and_left_is_no_failure(path: str) -> None:
    found = exchange(b"", b'{"models":[{"na', path, "GET", outcome=Outcome.CLIENT_LEFT)
    said = line_of(found)
    assert (said["outcome"], said["failed"], said["status"], said["response_truncated"]) == (
        "completed",
        False,
        200,
        True,
    )
    whole = line_of(found._replace(response=body(b'{"models":[]}')))
    assert (whole["outcome"], "response_truncated" in whole) == ("completed", False)
    for status in (None, 500):
        assert line_of(found._replace(status=status))["outcome"] == "client_left"
    assert line_of(exchange(ASK, b'{"message":{"con', outcome=Outcome.CLIENT_LEFT))["failed"] is True


def test_a_client_that_left_when_it_had_the_reason_of_the_end_had_the_whole_answer() -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    events = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    for path, sent in (("/v1/chat/completions", chunk), ("/v1/messages", events)):
        left = exchange(ASK, body(sent, "text/event-stream"), path, outcome=Outcome.CLIENT_LEFT)
        assert line_of(left).items() >= {"outcome": "completed", "failed": False}.items()


def test_bytes_that_no_field_tells_of_are_kept_beside_the_answer() -> None:
    lines = b'{"message":{"role":"assistant","content":"A"},"done":false}\n{"mess\n{"done":true,"done_reason":"stop"}\n'
    said = line_of(exchange(ASK, body(lines, "application/x-ndjson")))
    assert (said["response_text"], said["failed"]) == ("A … ", False)
    assert said["response_body"] == lines.decode()


def test_the_model_of_an_answer_is_told_where_it_is_another_than_the_one_asked_for() -> None:
    assert "response_model" not in line_of(exchange(ASK, _answer("Good.")))
    assert line_of(exchange(ASK, _answer("Good.", model="tiny:latest")))["response_model"] == "tiny:latest"
