"""From exchanges of all three APIs to what became of their prompts."""

import json
from typing import Any

import pytest

from service.record.bodies import readable
from service.record.call_context import ModelCall
from service.record.exchange import Exchange
from service.record.generation import understand_reply
from service.record.prompt_fit import PromptVerdict
from service.record.prompt_memory import PromptMemory
from service.record.prompt_verdict import context_length, judge_prompt
from service.record.request_facts import read_request
from tests.record.wire import STARTED_NS, body, exchange, shortened

TEXT = "word " * 600
MESSAGES = [{"role": "user", "content": TEXT}]
WHOLE = PromptVerdict(is_cut=False)


def asked(path: str, question: dict[str, Any], answer: dict[str, Any], **more: Any) -> Exchange:
    texts = [json.dumps(one).encode() for one in ({"model": "tiny", "stream": False, **question}, answer)]
    return exchange(body(texts[0]), body(texts[1]), path, **more)


def chat(read: int = 256, written: int = 1, path: str = "/api/chat", **question: Any) -> Exchange:
    if path == "/api/chat":
        answer = {"message": {"content": "x"}, "done": True, "prompt_eval_count": read, "eval_count": written}
    elif path == "/v1/messages":
        usage = {"input_tokens": read, "output_tokens": written}
        answer = {"type": "message", "content": [{"type": "text", "text": "x"}], "usage": usage}
    else:
        usage = {"prompt_tokens": read, "completion_tokens": written}
        answer = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}
    return asked(path, {"messages": MESSAGES, **question}, answer)


def judged(found: Exchange, room: int = 256, operation: str = "chat") -> PromptVerdict:
    facts = read_request(found.opened, readable(found.opened.request))
    generation = understand_reply(found, facts, found.response)
    return judge_prompt(found, facts, generation, operation, room, PromptMemory())


def call_of(found: Exchange) -> ModelCall | None:
    """What a context length is asked for with."""
    calls: list[ModelCall] = []
    generation = understand_reply(found, read_request(found.opened, found.opened.request), found.response)
    context_length(found, generation, lambda call: calls.append(call))
    return calls[0] if calls else None


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
def test_a_text_cut_to_the_context_is_cut_whichever_api_asked(path: str) -> None:
    assert judged(chat(path=path)) == PromptVerdict(True, "length")
    assert judged(chat(read=200, path=path)) == WHOLE


def test_only_ollamas_own_api_takes_its_options() -> None:
    for path, expected in (("/api/chat", True), ("/v1/chat/completions", False)):
        assert judged(chat(read=160, path=path, options={"num_keep": 64})).is_cut is expected
    for path, expected in (("/api/chat", False), ("/v1/chat/completions", True)):
        assert judged(chat(path=path, truncate=False, shift=False)).is_cut is expected
    assert judged(chat(read=155, written=200, shift=False)) == WHOLE
    assert judged(chat(read=155, written=200)) == PromptVerdict(True, "shift")


def test_options_of_a_wrong_kind_are_none() -> None:
    for options in (5, None, {"num_keep": "64"}, {"num_keep": True}, {"num_batch": 1.5}):
        assert judged(chat(options=options)).is_cut is True


def test_where_tokens_or_request_are_not_known_nothing_is() -> None:
    assert judged(asked("/api/chat", {"messages": MESSAGES}, {"message": {"content": "x"}})) == PromptVerdict()
    assert judged(exchange(b"nope", chat().response)) == PromptVerdict()


def test_what_our_copy_lacks_may_have_been_long() -> None:
    messages = [{"role": "user", "content": "So?"}, {"role": "user", "content": TEXT}]
    found = chat(read=600, messages=messages)
    request = found.opened.request
    short = found._replace(opened=found.opened._replace(request=shortened(request.head, 300, 100)))
    assert judged(found, room=3000) == WHOLE
    assert judged(short, room=3000).is_cut is None


def test_an_embedding_is_judged_by_its_texts() -> None:
    def embedded(given: Any, read: int) -> Exchange:
        return asked("/api/embed", {"input": given}, {"embeddings": [[0.1]], "prompt_eval_count": read})

    assert judged(embedded(TEXT, 64), 64, "embed") == PromptVerdict(True, "length")
    assert judged(embedded(["a", "b"], 64), 64, "embed") == PromptVerdict()
    assert judged(embedded([], 0), 64, "embed") == PromptVerdict()
    assert judged(embedded(None, 5), 64, "embed") == PromptVerdict()


def test_a_context_length_is_asked_for_with_all_that_tells_when_the_model_was_ready() -> None:
    found = chat(options={"num_ctx": 64}, stream=True)._replace(upload=0.5, first_byte=0.75)
    call = call_of(found)
    assert call is not None
    assert (call.model, call.num_ctx, call.load, call.prompt_tokens) == ("tiny", 64, None, 256)
    assert (call.began_ns, call.answering_ns) == (STARTED_NS + 500_000_000, STARTED_NS + 750_000_000)
    assert call.ended_ns == found.ended_ns
    answer = {"message": {"content": "x"}, "done": True, "load_duration": 250_000_000}
    loaded = call_of(asked("/api/chat", {"messages": MESSAGES}, answer))
    assert loaded is not None
    assert (loaded.load, loaded.answering_ns) == (0.25, None)


@pytest.mark.parametrize("facts", [{"status": 404}, {"status": 400}, {"status": None}])
def test_of_a_call_that_no_model_answered_no_context_is_told(facts: dict[str, Any]) -> None:
    assert call_of(chat(options={"num_ctx": 64})._replace(**facts)) is None


def test_a_length_that_is_less_than_what_was_read_is_another_calls() -> None:
    found = chat(read=300)
    generation = understand_reply(found, read_request(found.opened, found.opened.request), found.response)
    assert context_length(found, generation, lambda call: 256) is None
    assert context_length(found, generation, lambda call: 300) == 300


def test_what_ollama_passed_on_to_another_host_had_a_room_that_nobody_here_knows() -> None:
    answer = {"message": {"content": "x"}, "done": True, "prompt_eval_count": 256, "eval_count": 1}
    question = {"messages": MESSAGES, "options": {"num_ctx": 256}}
    assert call_of(asked("/api/chat", question, answer)) is not None
    assert call_of(asked("/api/chat", question, answer | {"remote_host": "https://ollama.example"})) is None


@pytest.mark.parametrize("parts", [["text"], ["image_url"], ["text", "image_url", "text"]])
def test_a_part_of_a_message_of_openais_chat_may_have_been_left_out_by_itself(parts: list[str]) -> None:
    of: dict[str, dict[str, Any]] = {
        "text": {"type": "text", "text": "and?"},
        "image_url": {"type": "image_url", "image_url": {"url": "x"}},
    }
    content = [{"type": "text", "text": TEXT}, *(of[part] for part in parts)]
    messages = [{"role": "user", "content": content}]
    assert judged(chat(read=20, path="/v1/chat/completions", messages=messages)).is_cut is not False
    # The others make one message of all, and never leave the last one out.
    messages = [{"role": "user", "content": [part for part in content if part["type"] == "text"]}]
    assert judged(chat(read=20, path="/v1/messages", messages=messages)) == WHOLE


def test_options_that_are_no_whole_numbers_count_as_ollama_reads_them() -> None:
    # 64 tokens are kept, and half of the others.
    cut = chat(read=256 - (256 - 64) // 2, options={"num_keep": 64.0})
    assert judged(cut) == PromptVerdict(True, "length")
    assert judged(chat(read=160, options={"num_keep": 64})) == PromptVerdict(True, "length")


def test_an_image_counts_768_tokens_where_messages_are_left_out_however_few_it_took() -> None:
    # The text may have had 800 tokens: 800, 768 and some of the template are more than there was room for.
    messages = [{"role": "user", "content": "word " * 200}, {"role": "user", "content": "?", "images": ["aGVsbG8="]}]
    assert judged(chat(read=276, messages=messages), room=1400).is_cut is None
    assert judged(chat(read=276, messages=messages), room=4096) == WHOLE
    # A single message stays, whatever its image counts.
    assert judged(chat(read=276, messages=messages[1:]), room=512) == WHOLE


@pytest.mark.parametrize(
    "hidden",
    [
        {"type": "reasoning", "summary": [], "encrypted_content": TEXT},
        {"type": "tool_search_output", "call_id": "c", "tools": [{"name": "f", "description": TEXT}]},
        {"type": "compaction", "encrypted_content": TEXT},
        {"role": "user", "content": [{"type": "encrypted_content", "encrypted_content": TEXT}]},
    ],
)
def test_what_no_turn_tells_may_have_been_left_out(hidden: dict[str, Any]) -> None:
    items = [hidden, {"role": "user", "content": "and?"}]
    usage = {"input_tokens": 900, "output_tokens": 1}
    answer = {"output": [{"type": "message", "content": [{"type": "output_text", "text": "x"}]}], "usage": usage}
    found = asked("/v1/responses", {"input": items}, {"status": "completed", **answer})
    assert judged(found, room=2048).is_cut is None
    assert judged(found, room=131_072) == WHOLE
