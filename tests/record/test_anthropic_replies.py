import json
from collections.abc import Mapping

from service.record.anthropic_replies import read
from service.record.exchange import Body
from tests.record.wire import body, shortened

START = {"type": "message_start", "message": {"model": "tiny", "usage": {"input_tokens": 3, "output_tokens": 0}}}
END = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"input_tokens": 27, "output_tokens": 12},
}
STOP = {"type": "message_stop"}


def _events(*pieces: Mapping[str, object]) -> Body:
    return body(
        b"".join(
            b"event: %s\ndata: %s\n\n" % (str(piece["type"]).encode(), json.dumps(piece).encode()) for piece in pieces
        ),
        "text/event-stream",
    )


def _delta(index: int = 0, **delta: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _block(index: int = 0, **block: object) -> dict[str, object]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def test_text_thinking_and_tool_calls_are_put_together() -> None:
    reply = read(
        "chat",
        _events(
            START,
            {"type": "ping"},
            _block(0, type="thinking", thinking=""),
            _delta(0, type="thinking_delta", thinking="Hm"),
            _delta(0, type="signature_delta", signature="xyz"),
            _block(1, type="text", text=""),
            _delta(1, type="text_delta", text="A"),
            _delta(1, type="text_delta", text="B"),
            _block(2, type="tool_use", id="toolu_1", name="look", input={}),
            _delta(2, type="input_json_delta", partial_json='{"for":'),
            _delta(2, type="input_json_delta", partial_json='"é"}'),
            _block(3, type="tool_use", id="toolu_2", name="go", input={"a": 1}),
            END,
            STOP,
        ),
    )
    assert (reply.texts, reply.thoughts, reply.first_piece) == (["A", "B"], ["Hm"], 3)
    assert reply.tool_calls == [
        {"id": "toolu_1", "function": {"name": "look", "arguments": {"for": "é"}}},
        {"id": "toolu_2", "function": {"name": "go", "arguments": {"a": 1}}},
    ]
    assert (reply.done_reason, reply.prompt_tokens, reply.completion_tokens) == ("end_turn", 27, 12)
    assert (reply.is_finished, reply.model) == (True, "tiny")


def test_an_answer_that_is_not_streamed_is_read() -> None:
    content: list[dict[str, object]] = [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "A"}]
    content.append({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}})
    answer = {
        "model": "tiny",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    reply = read("chat", body(json.dumps(answer).encode()))
    assert (reply.texts, reply.thoughts, reply.done_reason) == (["A"], ["Hm"], "tool_use")
    assert reply.tool_calls[0]["function"] == {"name": "look", "arguments": {"a": 1}}
    assert (reply.prompt_tokens, reply.completion_tokens) == (1, 2)


def test_a_message_that_says_nothing_has_its_counts_and_its_reason() -> None:
    sent = b'{"type":"message","content":null,"stop_reason":"max_tokens","usage":{"input_tokens":91,"output_tokens":5}}'
    reply = read("chat", body(sent))
    assert (reply.texts, reply.done_reason, reply.prompt_tokens, reply.completion_tokens) == ([], "max_tokens", 91, 5)
    assert (reply.is_finished, reply.is_understood) == (True, True)
    assert read("chat", body(b'{"type":"message","content":7}')).is_finished is False


def test_the_guesses_of_a_message_that_did_not_end_are_no_counts() -> None:
    reply = read("chat", _events(START, _delta(type="text_delta", text="A")))
    assert (reply.texts, reply.prompt_tokens, reply.completion_tokens, reply.is_finished) == (["A"], None, None, False)


def test_an_error_in_the_stream_is_told_beside_the_text() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "out of memory"}}
    reply = read("chat", _events(START, _delta(type="text_delta", text="A"), error))
    assert (reply.texts, reply.error) == (["A"], "out of memory")


def test_a_stream_with_a_gap_keeps_both_ends_and_the_counts() -> None:
    deltas = [_delta(type="text_delta", text=f" {number:05}") for number in range(2000)]
    sent = _events(START, *deltas, END, STOP)
    reply = read("chat", shortened(sent.head, 5000, 3000, "text/event-stream"))
    text = "".join(reply.texts)
    assert text.startswith(" 00000")
    assert text.endswith("01999")
    assert text.count(" … ") == 1
    assert (reply.completion_tokens, reply.is_finished) == (12, True)


def test_an_answer_of_another_kind_is_not_said_to_be_understood() -> None:
    for data in (b'{"hello":1}', b"hello", b"[]"):
        assert not read("chat", body(data)).is_understood


def test_tools_of_the_server_are_calls_and_have_their_names() -> None:
    for kind in ("server_tool_use", "mcp_tool_use"):
        begun = _block(0, type=kind, id="st1", name="web_search", input={})
        reply = read(
            "chat", _events(START, begun, _delta(0, type="input_json_delta", partial_json='{"q":1}'), END, STOP)
        )
        assert reply.tool_calls == [{"id": "st1", "function": {"name": "web_search", "arguments": {"q": 1}}}]
        once = {"type": "message", "content": [{"type": kind, "id": "st1", "name": "web_search", "input": {"q": 1}}]}
        assert read("chat", body(json.dumps(once).encode())).tool_calls == reply.tool_calls


def test_hidden_thinking_has_a_word() -> None:
    block = {"type": "redacted_thinking", "data": "RW5j"}
    assert read("chat", _events(START, _block(0, **block), END, STOP)).thoughts == ["<redacted thinking>"]
    once = {"type": "message", "content": [block, {"type": "text", "text": "A"}]}
    assert read("chat", body(json.dumps(once).encode())).thoughts == ["<redacted thinking>"]


def test_what_no_field_tells_of_is_not_passed_over_without_a_word() -> None:
    for block in (
        {"type": "web_search_tool_result", "tool_use_id": "st1", "content": [{"url": "x"}]},
        {"type": "container_upload", "file_id": "f"},
    ):
        assert read("chat", _events(START, _block(0, **block), END, STOP)).problem
        assert read("chat", body(json.dumps({"type": "message", "content": [block]}).encode())).problem
    citing = _delta(0, type="citations_delta", citation={"url": "x"})
    assert read("chat", _events(START, citing, END, STOP)).problem is None
    assert read("chat", _events(START, {"type": "hologram", "data": "x"}, END, STOP)).problem
    signed = _delta(0, type="signature_delta", signature="xyz")
    assert read("chat", _events(START, {"type": "ping"}, signed, END, STOP)).problem is None


def test_a_content_that_is_text_is_read() -> None:
    for content in ("plain", ["plain"], [{"type": "text", "text": "plain"}]):
        once = {"type": "message", "content": content, "stop_reason": "end_turn"}
        assert read("chat", body(json.dumps(once).encode())).texts == ["plain"]


def test_tokens_from_the_cache_are_part_of_the_prompt() -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    once = {"type": "message", "content": [], "usage": usage, "stop_reason": "end_turn"}
    for reply in (read("chat", _events(START, end, STOP)), read("chat", body(json.dumps(once).encode()))):
        assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (100, 90, 5)


def test_an_answer_is_whole_when_its_reason_has_come() -> None:
    assert read("chat", _events(START, _delta(0, type="text_delta", text="A"), END)).is_finished is True
    assert read("chat", _events(START, _delta(0, type="text_delta", text="A"))).is_finished is False


def test_errors_are_seen_wherever_they_stand() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "gone"}}
    assert read("chat", _events(START, error)).error == "gone"
    assert read("chat", body(json.dumps(error).encode())).error == "gone"
    for data in (b'event: error\ndata: {"message":"gone"}\n\n', b'{"error":"gone"}\n', b'data: {"detail":"gone"}\n\n'):
        assert read("chat", body(_events(START).head + data, "text/event-stream")).error == "gone"
    stopped = {"type": "message_delta", "delta": {"stop_reason": "error"}, "usage": {}}
    assert "broken off" in str(read("chat", _events(START, stopped)).error)


def test_an_answer_tells_its_own_id() -> None:
    begun = {"type": "message_start", "message": {"id": "msg_1", "model": "tiny"}}
    assert read("chat", _events(begun, END, STOP)).id == "msg_1"
    assert read("chat", body(b'{"type":"message","id":"msg_2","content":[],"stop_reason":"end_turn"}')).id == "msg_2"
