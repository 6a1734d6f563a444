import json

import pytest

from service.record.exchange import Body
from service.record.ollama_replies import read
from tests.record.wire import body, shortened

LINES = "application/x-ndjson"


def _lines(*pieces: object, end: bytes = b"\n") -> Body:
    return body(b"\n".join(json.dumps(piece).encode() for piece in pieces) + end, LINES)


def _said(text: str, **more: object) -> dict[str, object]:
    return {"model": "tiny", "message": {"role": "assistant", "content": text, **more}, "done": False}


def test_text_thinking_and_tool_calls_are_put_together() -> None:
    call = {"id": "call_1", "function": {"index": 0, "name": "look", "arguments": {"for": "é"}}}
    reply = read(
        "chat",
        _lines(
            _said("", thinking="Hm, "),
            _said("", thinking="so"),
            _said("A"),
            _said("B", tool_calls=[call]),
            {"done": True},
        ),
    )
    assert "".join(reply.texts) == "AB"
    assert "".join(reply.thoughts) == "Hm, so"
    assert reply.tool_calls == [{"id": "call_1", "function": {"name": "look", "arguments": {"for": "é"}}}]
    assert (reply.first_piece, reply.is_finished, reply.is_understood) == (0, True, True)


def test_a_generation_thinks_beside_its_response() -> None:
    reply = read(
        "generate", _lines({"response": "", "thinking": "Hm"}, {"response": "A"}, {"response": "", "done": True})
    )
    assert (reply.texts, reply.thoughts) == (["A"], ["Hm"])


def test_the_first_piece_with_something_in_it_is_noted() -> None:
    reply = read("chat", _lines(_said(""), _said(""), _said("A"), {"done": True}))
    assert reply.first_piece == 2


def test_a_half_received_last_line_loses_no_text_before_it() -> None:
    reply = read("chat", _lines(_said("A"), _said("B"), end=b'\n{"message":{"content":"C'))
    assert reply.texts == ["A", "B"]
    assert reply.is_finished is False
    assert reply.is_cut


def test_an_error_in_the_stream_is_told_beside_the_text() -> None:
    reply = read("chat", _lines(_said("A"), {"error": "out of memory"}))
    assert (reply.texts, reply.error, reply.is_finished) == (["A"], "out of memory", False)


def test_a_stream_with_a_gap_keeps_both_ends_and_the_counts() -> None:
    pieces = [_said(f" {number:05}") for number in range(2000)]
    sent = _lines(*pieces, {"done": True, "done_reason": "stop", "eval_count": 2000})
    reply = read("chat", shortened(sent.head, 5000, 3000, LINES))
    text = "".join(reply.texts)
    assert text.startswith(" 00000 00001")
    assert text.endswith("01999")
    assert text.count(" … ") == 1
    assert (reply.completion_tokens, reply.done_reason, reply.is_finished) == (2000, "stop", True)
    assert reply.problem is None


def test_an_answer_with_a_gap_that_is_one_document_is_still_read() -> None:
    sent = json.dumps({"response": "é" * 5000, "done": True, "eval_count": 7}).encode()
    reply = read("generate", shortened(sent, 1001, 400))
    assert "bytes left out" in reply.texts[0]
    assert reply.completion_tokens == 7


def _generated(text: str) -> bytes:
    """The last object of a generation, its keys in the order of the recordings, with the numbers of a long prompt."""
    said = {"model": "tiny", "response": text, "done": True, "done_reason": "length", "context": [*range(9000)]}
    return json.dumps(
        said | {"total_duration": 7, "eval_count": 40, "eval_duration": 5}, separators=(",", ":")
    ).encode()


@pytest.mark.parametrize(
    ("sent", "kind", "first"),
    [
        (_generated('A\\ B "context":[1'), "application/json", 0),
        (b'{"model":"tiny","response":"A\\\\ B ","done":false}\n' + _generated('"context":[1') + b"\n", LINES, 0),
    ],
)
def test_numbers_of_the_context_that_fell_into_a_gap_cost_nothing_else(sent: bytes, kind: str, first: int) -> None:
    reply = read("generate", shortened(sent, 2000, 500, kind))
    assert "".join(reply.texts) == 'A\\ B "context":[1'
    assert (reply.done_reason, reply.completion_tokens, reply.generation_time) == ("length", 40, 5e-9)
    assert (reply.is_finished, reply.is_whole, reply.problem, reply.first_piece) == (True, True, None, first)


def test_a_gap_that_begins_in_the_text_and_ends_in_the_context_costs_text_but_no_counts() -> None:
    once = read("generate", shortened(_generated("é" * 5000), 2001, 500))
    assert once.texts[0].startswith("ééé")
    assert "bytes left out" in once.texts[0]
    pieces = b"".join(b'{"response":" %05d","done":false}\n' % number for number in range(2000))
    streamed = read("generate", shortened(pieces + _generated("") + b"\n", 5000, 500, LINES))
    assert "".join(streamed.texts).startswith(" 00000 00001")
    assert streamed.texts[-1] == " … "
    for reply in (once, streamed):
        assert (reply.completion_tokens, reply.is_finished, reply.is_whole, reply.problem) == (40, True, False, None)


@pytest.mark.parametrize("count", [-1, 1.5, "7", None, True, 2**60])
def test_a_count_that_is_none_is_absent(count: object) -> None:
    reply = read("chat", body(json.dumps({"message": {"content": "x"}, "done": True, "eval_count": count}).encode()))
    assert reply.completion_tokens is None


def test_a_zero_that_was_not_said_is_not_invented() -> None:
    reply = read("chat", body(b'{"message":{"content":""},"done":true,"done_reason":"load"}'))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.wait_time) == (None, None, None)
    assert reply.is_understood


def test_progress_is_told_once_each() -> None:
    steps = [{"status": "pulling abc", "completed": number, "total": 5000} for number in range(5000)]
    reply = read("pull", _lines({"status": "pulling manifest"}, *steps, {"status": "success"}))
    assert reply.texts == ["pulling manifest\npulling abc\nsuccess"]
    assert reply.is_finished is True


def test_an_answer_of_another_kind_is_not_said_to_be_understood() -> None:
    for data in (b'{"hello":1}', b"hello", b"[]", b'{"hello":1}\n{"hello":2}\n'):
        assert not read("chat", body(data)).is_understood


_DONE = {"model": "tiny", "done": True, "done_reason": "stop", "message": {"role": "assistant", "content": ""}}


@pytest.mark.parametrize(
    "piece",
    [
        {"model": "m", "created_at": "x", "message": {"content": "", "thinking": "so"}, "done": False},
        {"model": "m", "created_at": "x", "message": {"thinking": "so"}, "done": False},
        {"model": "m", "response": "", "thinking": "so", "done": False},
        {"message": {"content": "", "thinking": "so"}},
    ],
)
def test_thinking_is_not_lost_where_servers_leave_things_out(piece: dict[str, object]) -> None:
    operation = "generate" if "response" in piece else "chat"
    reply = read(operation, _lines(_said("", thinking="Hm, "), piece, _said("A"), _DONE))
    assert ("".join(reply.thoughts), reply.texts, reply.problem) == ("Hm, so", ["A"], None)


def test_a_broken_line_leaves_a_mark_where_it_stood() -> None:
    reply = read("chat", body(b"\n".join([json.dumps(_said("A")).encode(), b'{"message":{"con', b""]) * 2, LINES))
    assert "".join(reply.texts) == "A … A … "
    assert reply.problem


@pytest.mark.parametrize(
    "end",
    [
        {
            "done_reason": "stop",
            "eval_count": 3,
            "prompt_eval_count": 7,
            "message": {"role": "assistant", "content": ""},
        },
        {"done": False, "done_reason": "stop", "eval_count": 3, "prompt_eval_count": 7},
        {"eval_count": 3, "prompt_eval_count": 7, "total_duration": 5, "response": ""},
        {"done": True, "eval_count": 3, "prompt_eval_count": 7},
    ],
)
def test_an_end_is_seen_in_whichever_form(end: dict[str, object]) -> None:
    reply = read("chat", _lines({"message": {"role": "assistant", "content": "Hi"}}, end))
    assert (reply.texts, reply.is_finished, reply.prompt_tokens, reply.completion_tokens) == (["Hi"], True, 7, 3)


@pytest.mark.parametrize(
    ("piece", "words"),
    [
        ({"error": "gone"}, "gone"),
        ({"error": {"message": "gone"}}, "gone"),
        ({"error parsing tool call": "invalid"}, "error parsing tool call: invalid"),
        ({"errors": ["gone"]}, "gone"),
        ({"detail": "gone"}, "gone"),
        ({"message": "gone", "code": 502}, "gone"),
        (_said("", done=False) | {"error": "gone"}, "gone"),
        (_DONE | {"error": "gone"}, "gone"),
        (_DONE | {"done_reason": "error"}, "The answer was broken off by the server: it ended with 'error'."),
    ],
)
def test_an_error_is_seen_wherever_it_stands(piece: dict[str, object], words: str) -> None:
    reply = read("chat", _lines(_said("A"), piece))
    assert (reply.texts, reply.error) == (["A"], words)


def test_what_no_field_tells_of_is_not_passed_over_without_a_word() -> None:
    for piece in (
        _said("A", video="data:image/png;base64,iVBORw0KGgoAAQIDBAUGBwgJ"),
        _said("", hologram="B"),
        _said("A") | {"message": {"role": "assistant", "content": {"text": "A"}}},
        _said("A", tool_calls=["look"]),
        _said("A", tool_calls="look()"),
        _said("A", thinking=True),
        {"new": "thing"},
    ):
        assert read("chat", _lines(_said("A"), piece, _DONE)).problem
    assert read("chat", _lines(_said("A") | {"logprobs": [1], "citations": []}, _DONE)).problem is None


def test_one_alone_is_read_as_a_list_of_one() -> None:
    called = {"function": {"name": "look", "arguments": "{}"}}
    reply = read(
        "chat", _lines(_said("", tool_calls=called), _said("", thinking=["Hm"]), _said("", images="aGk="), _DONE)
    )
    assert [each["function"]["name"] for each in reply.tool_calls] == ["look"]
    assert (reply.thoughts, reply.problem) == (["Hm"], None)
    assert reply.texts[0].startswith("<image 2 bytes")


@pytest.mark.parametrize(
    "beside",
    [
        {"peak_memory": 5, "eval_rate": 23.4},
        {"id": "chatcmpl-1", "object": "chat.completion", "system_fingerprint": "fp"},
        {"citations": ["x"]},
        {"vendor": {"region": "eu"}, "eval_rate": "23.4 tokens/s"},
    ],
)
def test_what_stands_beside_words_is_no_loss_of_them(beside: dict[str, object]) -> None:
    end = _DONE | {"message": {"role": "assistant", "content": ""}} | beside
    for reply in (
        read(
            "chat", body(json.dumps(_DONE | _said("A", id="msg_1", annotations=[1]) | {"done": True} | beside).encode())
        ),
        read("chat", _lines(_said("A") | beside, end)),
        read("chat", _lines(_said("A"), end)),
    ):
        assert (reply.texts, reply.problem, reply.is_understood) == (["A"], None, True)


def test_what_stands_where_no_words_do_may_be_the_answer() -> None:
    assert read("chat", body(json.dumps(_DONE | {"vendor": {"words": "B"}}).encode())).problem


def test_what_the_model_would_have_got_is_no_answer_without_its_end() -> None:
    answer = {
        "model": "m",
        "message": {"role": "", "content": ""},
        "done": False,
        "_debug_info": {"rendered_template": "x"},
    }
    reply = read("chat", body(json.dumps(answer).encode()))
    assert (reply.is_finished, reply.is_understood) == (True, True)
    assert reply.problem, "the bytes tell what no field does"


def test_a_model_that_draws_answers_with_a_word_about_its_image() -> None:
    image = "iVBORw0KGgoAAQIDBAUGBwgJ"
    end = {"response": "", "done": True, "image": image, "total_duration": 9}
    reply = read("generate", _lines({"response": "", "done": False, "completed": 1, "total": 2}, end))
    assert reply.texts[0].startswith("<image 18 bytes sha256:")
    assert (reply.is_finished, reply.problem) == (True, None)
    chat = read("chat", _lines(_said("", images=[image]), _DONE))
    assert chat.texts == reply.texts


def test_an_image_that_our_copy_does_not_hold_whole_is_told_with_its_size() -> None:
    end = {"model": "m", "response": "", "done": True, "image": "iVBO" * 4000, "total_duration": 9}
    sent = _lines({"response": "", "done": False}, end)
    reply = read("generate", shortened(sent.head, 1000, 500, LINES))
    assert reply.texts == ["<image 12000 bytes, not whole>"]
    assert reply.is_finished is True


def test_a_cloud_model_is_told_with_its_place() -> None:
    place = {"remote_host": "https://ollama.example:443", "remote_model": "big"}
    for sent in (_lines(_said("A") | place, _DONE), _lines(_said("A"), _DONE | place)):
        reply = read("chat", sent)
        assert (reply.remote_host, reply.remote_model, reply.problem) == ("https://ollama.example:443", "big", None)
    embedded = read("embed", body(json.dumps({"embeddings": [[1]], "model": "m"} | place).encode()))
    assert embedded.remote_model == "big"


def test_what_came_from_the_cache_is_counted() -> None:
    for count in (0, 90):
        reply = read("chat", _lines(_said("A"), _DONE | {"prompt_eval_count": 100, "prompt_eval_cached_count": count}))
        assert (reply.prompt_tokens, reply.cached_tokens) == (100, count)


def test_lines_that_something_made_events_of_are_read() -> None:
    events = b"".join(b"data: %s\n\n" % json.dumps(piece).encode() for piece in (_said("A"), _said("B"), _DONE))
    assert "".join(read("chat", body(events, "text/event-stream")).texts) == "AB"


def test_the_words_of_a_refused_pull_are_its_error() -> None:
    assert read("pull", _lines({"status": "pulling"}, {"detail": "no"})).error == "no"


def test_the_numbers_of_a_vector_are_counted() -> None:
    assert read("embed", body(b'{"embeddings":[[1,2,3],[4,5,6]]}')).dimensions == 3
    assert read("embed", body(b'{"embedding":[1,2]}')).dimensions == 2
    assert read("embed", body(b'{"embeddings":[]}')).dimensions is None
