import json
from typing import Any

import pytest

from service.record.answer_errors import RUNNER_GONE
from service.record.exchange import Body
from service.record.openai_replies import read
from service.record.replies import Reply
from tests.record.wire import body, shortened

EVENTS = "text/event-stream"


def _events(*pieces: object, end: bytes = b"data: [DONE]\n\n") -> Body:
    return body(b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces) + end, EVENTS)


def _delta(index: int = 0, finish: str | None = None, **delta: object) -> dict[str, object]:
    return {"model": "tiny", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def test_text_and_reasoning_are_put_together() -> None:
    reply = read(
        "chat",
        _events(_delta(role="assistant", content=""), _delta(reasoning="Hm"), _delta(content="A", finish="stop")),
    )
    assert (reply.texts, reply.thoughts, reply.done_reason) == (["A"], ["Hm"], "stop")
    assert (reply.first_piece, reply.is_finished, reply.model) == (1, True, "tiny")


def test_reasoning_under_its_other_name_is_read_too() -> None:
    assert read("chat", _events(_delta(reasoning_content="Hm"))).thoughts == ["Hm"]
    once = {"choices": [{"message": {"content": "A", "reasoning_content": "Hm"}}]}
    assert read("chat", body(json.dumps(once).encode())).thoughts == ["Hm"]


@pytest.mark.parametrize("whole", [True, False])
def test_one_alone_is_a_list_of_one_and_what_is_no_list_is_noted(whole: bool) -> None:
    def told(**message: Any) -> Reply:
        if whole:
            return read("chat", body(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()))
        return read("chat", _events(_delta(**message)))

    called = told(tool_calls={"id": "call_1", "function": {"name": "look", "arguments": "{}"}})
    assert ([each["id"] for each in called.tool_calls], called.problem) == (["call_1"], None)
    assert told(content="A", reasoning={"text": "Hm"}).thoughts == ["Hm"]
    for lost in ({"tool_calls": "look()"}, {"reasoning": True}, {"refusal": {"why": "no"}}):
        assert told(content="A", **lost).problem


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
    reply = read(
        "chat",
        _events(
            _delta(tool_calls=[first]),
            _delta(tool_calls=[{"index": 0, "function": {"arguments": '{"for":'}}]),
            _delta(tool_calls=[{"index": 1, "id": "call_2", "function": {"name": "go", "arguments": "{}"}}]),
            _delta(tool_calls=[{"index": 0, "function": {"arguments": '"é"}'}}]),
        ),
    )
    assert reply.tool_calls == [
        {"id": "call_1", "function": {"name": "look", "arguments": {"for": "é"}}},
        {"id": "call_2", "function": {"name": "go", "arguments": {}}},
    ]


def test_whole_tool_calls_under_one_index_stay_apart() -> None:
    calls = [{"index": 0, "id": f"call_{n}", "function": {"name": "f", "arguments": f'{{"n":{n}}}'}} for n in range(3)]
    reply = read("chat", _events(*[_delta(tool_calls=[call]) for call in calls]))
    assert [found["id"] for found in reply.tool_calls] == ["call_0", "call_1", "call_2"]


def test_arguments_that_are_no_json_stay_text() -> None:
    message = {"tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": "{half"}}]}
    reply = read("chat", body(json.dumps({"choices": [{"message": message}]}).encode()))
    assert reply.tool_calls == [{"id": "call_1", "function": {"name": "f", "arguments": "{half"}}]


def test_several_choices_are_told_apart() -> None:
    reply = read(
        "chat", _events(_delta(0, content="A"), _delta(1, content="X"), _delta(0, content="B"), _delta(1, content="Y"))
    )
    assert "".join(reply.texts) == "AB\n\nXY"
    once = {"choices": [{"index": 0, "text": "AB"}, {"index": 1, "text": "XY"}]}
    assert "".join(read("generate", body(json.dumps(once).encode())).texts) == "AB\n\nXY"


def test_content_in_parts_is_put_together() -> None:
    message = {"content": [{"type": "text", "text": "A"}, {"type": "image"}, {"type": "text", "text": "B"}]}
    assert read("chat", body(json.dumps({"choices": [{"message": message}]}).encode())).texts == ["AB"]


def test_an_error_in_the_stream_is_told_beside_the_text() -> None:
    reply = read(
        "chat", _events(_delta(content="A"), {"error": {"message": "out of memory", "type": "api_error"}}, end=b"")
    )
    assert (reply.texts, reply.error, reply.is_finished) == (["A"], "out of memory", False)


def test_a_stream_that_broke_off_keeps_all_text() -> None:
    reply = read("chat", _events(_delta(content="A"), _delta(content="B"), end=b'data: {"choices":[{"del'))
    assert (reply.texts, reply.is_finished, reply.is_cut) == (["AB"], False, True)


def test_a_stream_with_a_gap_keeps_both_ends_and_the_usage() -> None:
    pieces = [_delta(content=f" {number:05}") for number in range(2000)]
    sent = _events(*pieces, {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2000}})
    reply = read("chat", shortened(sent.head, 5000, 3000, EVENTS))
    text = "".join(reply.texts)
    assert text.startswith(" 00000")
    assert text.endswith("01999")
    assert text.count(" … ") == 1
    assert (reply.prompt_tokens, reply.completion_tokens, reply.is_finished) == (5, 2000, True)


def test_a_response_with_reasoning_and_calls_is_read_from_its_events() -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"a":1}'}
    usage = {"input_tokens": 3, "output_tokens": 4}
    pieces = (
        {"type": "response.created", "response": {"model": "tiny", "status": "in_progress"}},
        {"type": "response.reasoning_summary_text.delta", "delta": "Hm"},
        {"type": "response.output_text.delta", "delta": "A"},
        {"type": "response.output_text.done", "text": "A"},
        {"type": "response.function_call_arguments.delta", "delta": "{"},
        {"type": "response.output_item.done", "item": call},
        {
            "type": "response.completed",
            "response": {"model": "tiny", "status": "completed", "output": [call], "usage": usage},
        },
    )
    reply = read("chat", _events(*pieces, end=b""))
    assert (reply.texts, reply.thoughts, reply.first_piece) == (["A"], ["Hm"], 1)
    assert reply.tool_calls == [{"id": "call_1", "function": {"name": "look", "arguments": {"a": 1}}}]
    assert (reply.done_reason, reply.is_finished, reply.completion_tokens) == ("completed", True, 4)
    unfinished = read("chat", _events(*pieces[:-1], end=b""))
    assert (unfinished.texts, unfinished.is_finished) == (["A"], False)


def test_a_call_of_a_response_that_broke_off_is_told_as_far_as_it_came() -> None:
    added = {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "name": "look"}}
    deltas = [
        {"type": "response.function_call_arguments.delta", "output_index": index, "delta": delta}
        for index, delta in ((1, '{"for":'), (2, "{"), (1, '"é'))
    ]
    reply = read("chat", _events(added, *deltas, end=b""))
    assert [found["function"] for found in reply.tool_calls] == [
        {"name": "look", "arguments": '{"for":"é'},
        {"name": "", "arguments": "{"},
    ]
    assert (reply.first_piece, reply.is_finished) == (1, False)
    assert read("chat", _events(added, end=b"")).tool_calls == [{"function": {"name": "look", "arguments": ""}}]
    item = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"for":"é"}'}
    completed = {"type": "response.completed", "response": {"status": "completed", "output": [item]}}
    whole = [{"id": "call_1", "function": {"name": "look", "arguments": {"for": "é"}}}]
    assert read("chat", _events(added, *deltas[:1], completed, end=b"")).tool_calls == whole


def test_a_call_from_before_there_were_tools_is_read_like_others() -> None:
    pieces = [{"name": "look", "arguments": ""}, {"arguments": '{"for":'}, {"arguments": '"é"}'}]
    reply = read("chat", _events(*[_delta(function_call=piece) for piece in pieces]))
    assert reply.tool_calls == [{"function": {"name": "look", "arguments": {"for": "é"}}}]
    message = {"content": None, "function_call": {"name": "look", "arguments": '{"for":"é"}'}}
    assert read("chat", body(json.dumps({"choices": [{"message": message}]}).encode())).tool_calls == reply.tool_calls


def test_a_failed_or_incomplete_response_says_why() -> None:
    failed = {"type": "response.failed", "response": {"status": "failed", "error": {"message": "boom"}, "output": []}}
    assert read("chat", _events(failed, end=b"")).error == "boom"
    details = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}
    assert read("chat", body(json.dumps(details).encode())).done_reason == "max_output_tokens"


def test_a_transcription_is_text() -> None:
    assert read("transcribe", body(b'{"text":"hello"}')).texts == ["hello"]
    assert read("transcribe", body(b"hello", "text/plain")).texts == ["hello"]
    streamed = _events(
        {"type": "transcript.text.delta", "delta": "hel"}, {"type": "transcript.text.done", "text": "hello"}
    )
    assert read("transcribe", streamed).texts == ["hel"]


@pytest.mark.parametrize(
    ("vector", "dimensions"),
    [("[1,2]", 2), ('"AACAPwAAAEAAAEBA"', 3), ('"not base64 of floats"', None), ("[]", None), ("{}", None)],
)
def test_the_numbers_of_a_vector_are_counted(vector: str, dimensions: int | None) -> None:
    reply = read("embed", body(b'{"data":[{"embedding":%s}],"model":"tiny"}' % vector.encode()))
    assert reply.dimensions == dimensions


def test_an_answer_tells_its_own_id() -> None:
    whole = read("chat", body(b'{"id":"chatcmpl-1","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'))
    event = b'data: {"id":"chatcmpl-2","model":"m","choices":[{"delta":{"content":"a"}}]}\n\n'
    response = b'data: {"type":"response.created","response":{"id":"resp_3","model":"m"}}\n\n'
    assert whole.id == "chatcmpl-1"
    assert read("chat", body(event, "text/event-stream")).id == "chatcmpl-2"
    assert read("chat", body(response, "text/event-stream")).id == "resp_3"


def test_embeddings_are_understood_without_text() -> None:
    reply = read("embed", body(b'{"data":[{"embedding":[1,2]}],"model":"tiny","usage":{"prompt_tokens":4}}'))
    assert (reply.is_understood, reply.texts, reply.prompt_tokens, reply.model) == (True, [], 4, "tiny")


def test_an_answer_of_another_kind_is_not_said_to_be_understood() -> None:
    for data in (b'{"hello":1}', b"hello", b"[]"):
        assert not read("chat", body(data)).is_understood


@pytest.mark.parametrize(
    ("piece", "words"),
    [
        (_delta(finish="error", content="") | {"error": {"code": 502, "message": "gone"}}, "gone"),
        ({"choices": [{"index": 0, "delta": {}, "error": {"message": "gone"}}]}, "gone"),
        ({"choices": [{"index": 0, "delta": {"error": "gone"}}]}, "gone"),
        ({"object": "error", "message": "gone", "code": 500}, "gone"),
        ({"message": "gone", "type": "server_error"}, "gone"),
        ({"detail": "gone"}, "gone"),
        ({"error": json.dumps({"error": {"message": "gone"}})}, "gone"),
        (_delta(finish="abort"), "The answer was broken off by the server: it ended with 'abort'."),
    ],
)
def test_an_error_is_seen_wherever_it_stands(piece: dict[str, object], words: str) -> None:
    reply = read("chat", _events(_delta(content="par"), piece))
    assert (reply.texts, reply.error, reply.is_understood) == (["par"], words, True)


def test_an_error_in_a_whole_answer_is_seen_too() -> None:
    choice = {"index": 0, "message": {"content": ""}, "finish_reason": "error", "error": {"message": "gone"}}
    for answer in ({"choices": [choice]}, {"choices": [choice | {"error": None}], "error": "gone"}):
        assert read("chat", body(json.dumps(answer).encode())).error == "gone"
    aborted = {"choices": [{"index": 0, "text": "a", "finish_reason": "cancelled"}]}
    assert "cancelled" in str(read("generate", body(json.dumps(aborted).encode())).error)


def test_an_empty_piece_in_place_of_an_end_is_a_crash_of_the_runner() -> None:
    empty = {
        "model": "",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    }
    of_text = {"model": "", "choices": [{"index": 0, "text": "", "finish_reason": None}]}
    for operation, begun, end in (
        ("chat", _delta(content="par"), empty),
        ("generate", {"model": "m", "choices": [{"index": 0, "text": "par"}]}, of_text),
    ):
        assert read(operation, _events(begun, end, end=b"")).error == RUNNER_GONE
    for pieces in (
        (_delta(content="par"),),
        (empty, _delta(content="par")),
        (_delta(content="", finish="stop"), empty),
    ):
        assert read("chat", _events(*pieces, end=b"")).error is None


def test_usage_is_read_wherever_it_stands_and_never_forgotten() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}}
    for piece in (
        {"object": "chat.completion.chunk", "choices": None, "usage": usage},
        {"object": "chat.completion.chunk", "usage": usage},
        {"choices": [], "usage": usage},
        {"usage": usage},
    ):
        reply = read(
            "chat", _events(_delta(content="A") | {"usage": None}, piece, _delta(finish="stop") | {"usage": {}})
        )
        assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (11, 9, 5)
        assert reply.problem is None


def test_an_answer_is_whole_when_every_choice_has_its_reason() -> None:
    assert read("chat", _events(_delta(content="A"), _delta(finish="stop"), end=b"")).is_finished is True
    two = (_delta(0, content="A", finish="stop"), _delta(1, content="B"))
    assert read("chat", _events(*two, end=b"")).is_finished is False


def test_halves_of_a_character_in_two_pieces_are_one() -> None:
    data = rb'data: {"choices":[{"index":0,"delta":{"content":"a \ud83d"}}]}' + b"\n\n"
    data += rb'data: {"choices":[{"index":0,"delta":{"content":"\ude00 b"}}]}' + b"\n\n"
    assert read("chat", body(data, EVENTS)).texts == ["a 😀 b"]


def test_a_custom_tool_is_called_with_its_text() -> None:
    whole = {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    expected = [{"id": "c", "function": {"name": "patch", "arguments": "*** Begin"}}]
    message = {"choices": [{"message": {"tool_calls": [whole]}, "finish_reason": "tool_calls"}]}
    assert read("chat", body(json.dumps(message).encode())).tool_calls == expected
    pieces = [
        {"index": 0, **whole, "custom": {"name": "patch", "input": "*** "}},
        {"index": 0, "custom": {"input": "Begin"}},
    ]
    assert read("chat", _events(*[_delta(tool_calls=[piece]) for piece in pieces])).tool_calls == expected


def test_what_no_field_tells_of_is_not_passed_over_without_a_word() -> None:
    for message in (
        {"content": "A", "video": {"data": "iVBORw0KGgoAAQIDBAUGBwgJ" * 50}},
        {"content": "", "hologram": {"words": "B"}},
        {"content": "A", "audio": {"data": "UklGRg=="}},
        {"content": [{"type": "hologram"}]},
        {"content": "A", "tool_calls": ["look"]},
        {"content": 7},
    ):
        assert read("chat", body(json.dumps({"choices": [{"message": message}]}).encode())).problem
        assert read("chat", _events(_delta(**message))).problem
    assert read("chat", _events(_delta(content="A", annotations=[], refusal=None))).problem is None
    assert read("chat", _events(_delta(content="A"), {"new": "thing"})).problem


@pytest.mark.parametrize(
    "beside",
    [
        {"provider_specific_fields": {"refusal": None, "citations": ["https://x.example"]}},
        {"id": "msg_1"},
        {"annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.example"}}]},
        {"peak_memory": 5},
        {"vendor": {"region": "eu", "rate": "23.4 tokens/s"}},
    ],
)
def test_what_stands_beside_words_is_no_loss_of_them(beside: dict[str, Any]) -> None:
    once = {"choices": [{"message": {"content": "A"} | beside, "finish_reason": "stop"}], "system_fingerprint": "fp"}
    for reply in (
        read("chat", body(json.dumps(once).encode())),
        read("chat", _events(_delta(content="A", **beside), _delta(content="B"))),
    ):
        assert (reply.texts[0][0], reply.problem, reply.is_understood) == ("A", None, True)
    end = _delta(provider_specific_fields={"stop": "x"}, id="msg_1", rate=3.5)
    assert read("chat", _events(_delta(content="A"), end)).problem is None


def test_words_of_a_stream_under_a_name_that_nobody_knows_are_not_passed_over_without_a_word() -> None:
    assert read("chat", _events(_delta(thought="Let me"), _delta(content="A"))).problem


def test_thoughts_in_details_are_read_once() -> None:
    for detail, thought in (
        ({"type": "reasoning.text", "text": "Hm"}, "Hm"),
        ({"type": "reasoning.summary", "summary": "Hm"}, "Hm"),
        ({"type": "reasoning.encrypted", "data": "RW5j"}, "<redacted thinking>"),
    ):
        message: dict[str, Any] = {"content": "A", "reasoning_details": [detail]}
        whole = read("chat", body(json.dumps({"choices": [{"message": message}]}).encode()))
        streamed = read("chat", _events(_delta(**message)))
        assert (whole.thoughts, whole.problem) == (streamed.thoughts, streamed.problem) == ([thought], None)


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/json", ""])
def test_chunks_one_a_line_are_read(kind: str) -> None:
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}
    lines = [json.dumps(piece).encode() + b"\n" for piece in (_delta(content="A"), _delta(content="B"), end)]
    reply = read("chat", body(b"".join(lines), kind))
    assert ("".join(reply.texts), reply.done_reason, reply.completion_tokens) == ("AB", "stop", 2)
    assert (reply.is_finished, reply.is_understood, reply.problem, reply.first_piece) == (True, True, None, 0)
    cut = read("chat", body(lines[0] + lines[1][:20], kind))
    assert (cut.texts, cut.is_finished, cut.is_cut) == (["A"], False, True)
    failed = read("chat", body(lines[0] + b'{"error":{"message":"gone"}}\n', kind))
    assert (failed.texts, failed.error) == (["A"], "gone")


def test_one_line_of_chunks_is_one() -> None:
    line = json.dumps(_delta(content="A")).encode() + b"\n"
    assert read("chat", body(line, "application/x-ndjson")).texts == ["A"]


@pytest.mark.parametrize("sent", [b"no\nJSON\n", b'{"choices":\n[{"message":', b'{"detail":"a"}\n{"detail":"b"}\n'])
def test_lines_that_are_no_chunks_are_no_answer(sent: bytes) -> None:
    assert not read("chat", body(sent, "application/x-ndjson")).is_understood


def test_sound_is_told_by_what_was_said() -> None:
    message = {"content": None, "audio": {"data": "UklGRg==", "transcript": "Hello"}}
    assert read("chat", body(json.dumps({"choices": [{"message": message}]}).encode())).texts == ["Hello"]


def test_images_in_a_message_are_words() -> None:
    images = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAQIDBAUGBwgJ"}}]
    for reply in (
        read("chat", _events(_delta(content="Here:", images=images))),
        read("chat", body(json.dumps({"choices": [{"message": {"content": "Here:", "images": images}}]}).encode())),
    ):
        assert "".join(reply.texts).startswith("Here:<image 18 bytes sha256:")
        assert reply.problem is None


def test_images_that_were_asked_for_are_words() -> None:
    for answer in ({"b64_json": "iVBORw0KGgoAAQIDBAUGBwgJ"}, {"url": "data:image/png;base64,iVBORw0KGgoAAQIDBAUGBwgJ"}):
        reply = read("image", body(json.dumps({"created": 1, "data": [answer, answer]}).encode()))
        assert reply.texts[0].count("<image 18 bytes sha256:") == 2
        assert reply.is_understood


def test_thinking_between_tags_is_told_apart_in_each_choice() -> None:
    once = {"choices": [{"message": {"content": "<think>p</think>A"}}, {"message": {"content": "<think>q</think>B"}}]}
    reply = read("chat", body(json.dumps(once).encode()))
    assert ("".join(reply.thoughts), "".join(reply.texts)) == ("p\n\nq", "A\n\nB")
    assert read("chat", _events(_delta(content="<thi"), _delta(content="nk>p</think>A"))).texts == ["A"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-subrip", "text/vtt", "application/octet-stream", ""])
def test_a_transcription_in_whichever_form_is_its_text(kind: str) -> None:
    text = "1\n00:00:00,000 --> 00:00:01,500\nGuten Tag – schön\n"
    reply = read("transcribe", body(text.encode(), kind))
    assert (reply.texts, reply.is_understood, reply.problem) == ([text], True, None)


@pytest.mark.parametrize("sent", [b"<html>Sign in</html>", b'{"detail":"no"}', b"[1"])
def test_a_page_is_no_transcription(sent: bytes) -> None:
    assert not read("transcribe", body(sent, "text/plain")).is_understood


def test_calls_of_a_whole_answer_are_as_many_as_it_lists() -> None:
    calls = [{"index": 0, "function": {"name": "now", "arguments": arguments}} for arguments in ("", "", "{}", "{}")]
    message = {"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    assert len(read("chat", body(json.dumps(message).encode())).tool_calls) == 4


def test_when_each_part_of_a_recording_was_said_is_not_passed_over_without_a_word() -> None:
    verbose = {"text": "Hello", "language": "english", "duration": 1.5, "segments": [{"start": 0, "text": "Hello"}]}
    assert read("transcribe", body(json.dumps(verbose).encode())).problem
    assert read("transcribe", body(json.dumps(verbose | {"segments": []}).encode())).problem is None


@pytest.mark.parametrize("reasons", [("stop", "length"), ("length", "stop"), ("stop", "length", "tool_calls")])
def test_of_several_answers_the_one_is_told_that_was_cut(reasons: tuple[str, ...]) -> None:
    whole = [{"index": n, "message": {"content": "x"}, "finish_reason": reason} for n, reason in enumerate(reasons)]
    assert read("chat", body(json.dumps({"choices": whole}).encode())).done_reason == "length"
    pieces = [{"choices": [{"index": n, "delta": {}, "finish_reason": reason}]} for n, reason in enumerate(reasons)]
    data = b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces)
    assert read("chat", body(data, "text/event-stream")).done_reason == "length"
