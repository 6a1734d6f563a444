"""Examples for fine-tuning."""

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from service.exports import chats
from service.exports.chats import ChatOptions, Left, Reason
from service.journal.reader import KeptRecord
from service.record.exchange import Outcome
from tests.exports.kept import HOSTILE_TEXTS, asked, chat, lines_of, recorded, said
from tests.record.wire import NAMES, body, exchange, shortened
from tests.record.wire import recorded as recording

USER, ANSWER = said("user", "Why?"), said("assistant", "Because.")
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}


def examples(*records: KeptRecord, **options: Any) -> list[dict[str, Any]]:
    return lines_of(chats.write(records, ChatOptions(**options)))


def left_out(records: Iterable[KeptRecord], **options: Any) -> Left:
    told: list[Left] = []
    written = lines_of(chats.write(records, ChatOptions(**options), told.append))
    [left] = told
    assert left.written == len(written)
    return left


def reason(record: KeptRecord, **options: Any) -> Reason:
    left = left_out([record], **options)
    assert left.written == 0
    [(found, count)] = left.counts.items()
    assert count == 1
    return found


def test_a_chat_becomes_its_messages() -> None:
    record = chat(said("system", "Brief."), USER, answer="So.")
    assert examples(record) == [{"messages": [said("system", "Brief."), USER, said("assistant", "So.")]}]
    assert examples(record, drop_system=True) == [{"messages": [USER, said("assistant", "So.")]}]


def test_a_generation_becomes_a_question_and_its_answer() -> None:
    record = asked(
        "/api/generate",
        question={"model": "tiny", "system": "Brief.", "prompt": "Why?", "stream": False},
        answer={"response": "Because.", "done": True, "done_reason": "stop"},
    )
    assert examples(record) == [{"messages": [said("system", "Brief."), USER, ANSWER]}]


def test_openai_and_anthropic_say_the_same_in_the_same_form() -> None:
    completion = asked(
        "/v1/chat/completions",
        question={"model": "tiny", "messages": [said("system", "Brief."), USER]},
        answer={"choices": [{"message": ANSWER, "finish_reason": "stop"}]},
    )
    message = asked(
        "/v1/messages",
        question={"model": "tiny", "system": "Brief.", "messages": [USER], "max_tokens": 100},
        answer={
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "Because."}],
            "stop_reason": "end_turn",
        },
    )
    expected = [{"messages": [said("system", "Brief."), USER, ANSWER]}]
    assert examples(completion) == examples(message) == expected
    assert left_out([completion, message]).counts == {Reason.REPEATED: 1}


def test_tools_calls_and_results_go_along() -> None:
    record = chat(
        USER,
        said("assistant", "", tool_calls=[CALL]),
        said("tool", "sunny", tool_name="weather"),
        answer="Sunny.",
        more={"tools": [TOOL]},
    )
    [example] = examples(record)
    assert example["tools"] == [TOOL]
    call, result = example["messages"][1:3]
    assert call["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Paris"}'}
    assert result["tool_call_id"] == call["tool_calls"][0]["id"]
    [example] = examples(record, tool_arguments_as_objects=True)
    assert example["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"city": "Paris"}


def test_an_answer_that_only_calls_a_tool_is_an_example() -> None:
    record = chat(USER, answer={"role": "assistant", "content": "", "tool_calls": [CALL]}, more={"tools": [TOOL]})
    assert examples(record, min_characters=100)[0]["messages"][-1]["tool_calls"][0]["type"] == "function"


def test_thinking_is_kept_on_demand() -> None:
    record = chat(USER, answer={"role": "assistant", "content": "So.", "thinking": "Hm."})
    assert "reasoning_content" not in examples(record)[0]["messages"][-1]
    assert examples(record, keep_thinking=True)[0]["messages"][-1]["reasoning_content"] == "Hm."


def test_a_conversation_that_went_on_is_written_once_in_its_longest_form() -> None:
    turns = [USER, ANSWER, said("user", "And then?"), said("assistant", "Nothing."), said("user", "Really?")]
    records = [chat(*turns[:count], answer=turns[count]["content"]) for count in (1, 3)] + [chat(*turns, answer="Yes.")]
    left = left_out(reversed(records))
    assert left == Left(1, {Reason.REPEATED: 2})
    assert len(examples(*reversed(records))[0]["messages"]) == 6


def test_branches_of_a_conversation_are_all_written() -> None:
    begun = chat(USER, answer="Because.")
    branches = [chat(USER, ANSWER, said("user", text), answer="ok") for text in ("left", "right")]
    again = chat(USER, answer="I do not know.")
    assert left_out([*branches, again, begun]) == Left(3, {Reason.REPEATED: 1})


def test_the_same_words_with_other_tools_or_another_system_prompt_are_another_example() -> None:
    records = [chat(USER), chat(USER, more={"tools": [TOOL]}), chat(said("system", "Brief."), USER)]
    assert left_out(records).written == 3
    assert left_out(records, drop_system=True) == Left(2, {Reason.REPEATED: 1})


def test_twice_the_same_export_writes_twice_the_same() -> None:
    records = [chat(USER, answer=str(number)) for number in range(50)]
    assert b"".join(chats.write(records)) == b"".join(chats.write(records))


LOOP = said("assistant", "So it is" + " so" * 40)


@pytest.mark.parametrize(
    ("why", "record"),
    [
        (Reason.NOT_A_CHAT, recorded(recording("embed"))),
        (Reason.NOT_A_CHAT, recorded(recording("tags"))),
        (Reason.NOT_A_CHAT, recorded(recording("generate_load"))),
        (Reason.NOT_SUCCESSFUL, recorded(recording("model_not_found"))),
        (Reason.CUT_ANSWER, recorded(recording("chat_once"))),
        (Reason.CUT_ANSWER, asked(question={"messages": [USER]}, answer={"message": LOOP, "done": False})),
        (Reason.NOT_SUCCESSFUL, asked(question={"messages": [USER]}, answer={"message": ANSWER, "done": False})),
        (Reason.IMAGES, chat(USER, answer="<image 2056 bytes, not whole>")),
        (Reason.IMAGES, chat(said("user", "What?", images=["aGVsbG8gd29ybGQ="]))),
        (Reason.NO_ANSWER, chat(USER, answer="  \n")),
        (Reason.NO_ANSWER, chat(USER, ANSWER, answer="")),
        (Reason.NO_QUESTION, chat(said("system", "Speak."), answer="Hello.")),
        (Reason.UNUSABLE, chat(said("control", "x"), USER)),
        (Reason.SEVERAL_ANSWERS, chat(USER, more={"n": 2})),
    ],
)
def test_what_is_no_example_is_left_out_and_counted(why: Reason, record: KeptRecord) -> None:
    assert reason(record) == why


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"raw": True}, Reason.NO_TEMPLATE),
        ({"suffix": "return"}, Reason.NO_TEMPLATE),
        ({"template": "{{ .Prompt }}"}, Reason.NO_TEMPLATE),
        ({"context": [1, 2, 3]}, Reason.EARLIER_TURNS_MISSING),
        ({"raw": False, "suffix": "", "context": [], "n": 1}, None),
    ],
)
def test_a_prompt_that_is_no_whole_conversation_is_left_out(more: dict[str, Any], why: Reason | None) -> None:
    record = asked(
        "/api/generate",
        question={"model": "tiny", "prompt": "Why?", "stream": False} | more,
        answer={"response": "Because.", "done": True, "done_reason": "stop"},
    )
    assert left_out([record]).counts == ({why: 1} if why else {})


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"outcome": Outcome.CLIENT_LEFT}, Reason.NOT_SUCCESSFUL),
        ({"outcome": Outcome.UPSTREAM_BROKE_OFF}, Reason.NOT_SUCCESSFUL),
        ({"status": 500}, Reason.NOT_SUCCESSFUL),
    ],
)
def test_what_did_not_end_well_is_an_example_only_on_demand(facts: dict[str, Any], why: Reason) -> None:
    question = orjson.dumps({"model": "tiny", "messages": [USER]})
    answer = b'{"message":{"role":"assistant","content":"Beca"},"done":false}\n'
    record = recorded(exchange(body(question), body(answer, "application/x-ndjson"), **facts))
    assert reason(record) == why
    if "outcome" in facts:
        assert examples(record, all_outcomes=True) == [{"messages": [USER, said("assistant", "Beca")]}]


def test_a_cut_answer_or_prompt_is_an_example_only_on_demand() -> None:
    cut = asked(
        question={"model": "tiny", "messages": [USER], "stream": False},
        answer={"message": ANSWER, "done": True, "done_reason": "length"},
    )
    truncated = asked(
        question={"model": "tiny", "messages": [said("user", "long " * 9)], "options": {"num_ctx": 4}, "stream": False},
        answer={"message": ANSWER, "done": True, "done_reason": "stop", "prompt_eval_count": 4},
    )
    assert left_out([cut, truncated]).counts == {Reason.CUT_ANSWER: 1, Reason.CUT_PROMPT: 1}
    assert left_out([cut, truncated], all_outcomes=True) == Left(2, {})


def test_of_several_turns_nobody_knows_whether_all_were_read_unless_that_is_shown() -> None:
    turns = [USER, ANSWER, said("user", "And then?")]
    answer = {"message": said("assistant", "Nothing."), "done": True, "done_reason": "stop"}
    untold = asked(question={"model": "tiny", "messages": turns, "stream": False}, answer=answer)
    assert reason(untold) == Reason.MAYBE_CUT_PROMPT
    assert len(examples(untold, all_outcomes=True)) == 1
    assert len(examples(chat(*turns))) == 1
    # Of one message Ollama leaves out nothing without a sign.
    assert len(examples(asked(question={"model": "tiny", "messages": [USER], "stream": False}, answer=answer))) == 1
    # What was said before by a system is never left out.
    told = [said("system", "Brief."), USER]
    assert len(examples(asked(question={"model": "tiny", "messages": told, "stream": False}, answer=answer))) == 1


def test_what_our_copy_holds_only_in_part_is_left_out_on_any_demand() -> None:
    question = orjson.dumps({"model": "tiny", "messages": [said("user", "long " * 1000)], "stream": False})
    answer = orjson.dumps({"message": said("assistant", "long " * 1000), "done": True, "done_reason": "stop"})
    cut_question = recorded(exchange(shortened(question, 200, 200), body(answer)))
    cut_answer = recorded(exchange(body(question), shortened(answer, 200, 200)))
    assert left_out([cut_question, cut_answer], all_outcomes=True).counts == {Reason.SHORTENED: 2}


def test_an_answer_of_which_not_all_was_read_is_left_out_for_that() -> None:
    parts = [{"type": "text", "text": "Because."}]
    question = {"model": "tiny", "messages": [USER]}

    def answered(content: object, **more: object) -> KeptRecord:
        choice = {"message": {"content": content, **more}, "finish_reason": "stop"}
        return asked("/v1/chat/completions", question=question, answer={"choices": [choice]})

    assert reason(answered([*parts, {"type": "hologram", "data": "x"}])) == Reason.ANSWER_NOT_ALL_READ
    noted = answered("Because.", provider_specific_fields={"refusal": None, "citations": ["x"]}, id="m")
    assert examples(noted) == [{"messages": [USER, ANSWER]}]
    assert "response_body" not in orjson.loads(noted.row.line)


def test_a_line_that_had_no_room_for_the_request_does_not_matter_while_its_bytes_are_kept() -> None:
    long = said("user", "long " * 60_000)
    record = chat(long, answer="ok")
    assert "request_truncated" in orjson.loads(record.row.line)
    assert examples(record) == [{"messages": [long, said("assistant", "ok")]}]
    without_bodies = KeptRecord(record.row, b"", b"")
    assert reason(without_bodies) == Reason.SHORTENED


def test_short_conversations_and_answers_can_be_left_out() -> None:
    two = chat(USER, ANSWER, said("user", "Really?"), answer="Yes, really.")
    assert reason(chat(USER), min_turns=2) == Reason.TOO_SHORT
    assert reason(two, min_characters=13) == Reason.TOO_SHORT
    assert len(examples(two, min_turns=2, min_characters=12)) == 1


def test_masked_secrets_stay_masked() -> None:
    secret = "ghp_" + "a1B2" * 9
    record = chat(said("user", f"My token is {secret}."), answer=f"You said {secret}.")
    written = b"".join(chats.write([record]))
    assert secret.encode() not in written
    assert written.count(b"ghp_***") == 2


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_text_arrives_as_it_was_and_stays_in_its_line(text: str) -> None:
    written = b"".join(chats.write([chat(said("user", text), answer="x" + text)]))
    assert written.decode().count("\n") == len(written.decode().splitlines()) == 1
    [example] = lines_of([written])
    assert [message["content"] for message in example["messages"]] == [text, "x" + text]


def test_lone_surrogates_are_written_out() -> None:
    question = rb'{"model":"tiny","messages":[{"role":"user","content":"a\ud800"}],"stream":false}'
    surrogate = asked(question=question, answer={"message": ANSWER, "done": True})
    assert examples(surrogate)[0]["messages"][0]["content"] == "a\\ud800"


def test_tools_that_are_nested_without_end_are_left_out() -> None:
    schema = b'{"properties":' * 300 + b"{}" + b"}" * 300
    tool = b'{"type":"function","function":{"name":"f","parameters":%b}}' % schema
    question = b'{"model":"tiny","messages":[{"role":"user","content":"?"}],"stream":false,"tools":[%b]}' % tool
    assert reason(asked(question=question, answer={"message": ANSWER, "done": True})) == Reason.UNUSABLE


def test_every_recording_of_a_real_ollama_is_either_an_example_or_counted() -> None:
    records = [recorded(recording(name)) for name in NAMES]
    left = left_out(records, all_outcomes=True)
    assert left.written + sum(left.counts.values()) == len(records)
    assert left.written > 3


def test_random_bytes_never_stop_an_export() -> None:
    chance = random.Random(5)
    question = orjson.dumps({"model": "tiny", "messages": [USER, ANSWER, USER], "tools": [TOOL], "stream": False})
    answer = orjson.dumps({"message": {"content": "x", "tool_calls": [CALL]}, "done": True})
    records = []
    for _ in range(300):
        broken = [bytearray(question), bytearray(answer)]
        for found in broken:
            for _ in range(chance.randrange(6)):
                found[chance.randrange(len(found))] = chance.choice(b'"{}[]:,0nxt\\\xff')
        records.append(asked(question=bytes(broken[0]), answer=bytes(broken[1])))
    left = left_out(records, all_outcomes=True)
    assert left.written + sum(left.counts.values()) == len(records)


def test_the_telling_waits_for_the_end() -> None:
    told: list[Left] = []
    pieces = chats.write((chat(USER, answer=str(number) * 20_000) for number in range(10)), ChatOptions(), told.append)
    next(pieces)
    assert not told
    pieces.close()  # type: ignore[attr-defined]
    assert not told


HISTORY = "<chat_history>\nUSER: Why?\n</chat_history>"


def test_what_a_client_asked_for_itself_is_an_example_only_on_demand() -> None:
    title = chat(said("user", f"### Task:\nGenerate a concise title summarizing the chat history.\n{HISTORY}"))
    assert left_out([chat(USER), title]).counts == {Reason.CLIENT_TASK: 1}
    assert left_out([chat(USER), title], all_outcomes=True).counts == {Reason.CLIENT_TASK: 1}
    assert left_out([chat(USER), title], tasks=True) == Left(2, {})
    # As records of an older version are.
    line = {key: value for key, value in orjson.loads(title.row.line).items() if key != "task"}
    older = replace(title, row=replace(title.row, line=orjson.dumps(line)))
    assert reason(older) == Reason.CLIENT_TASK


def test_a_question_about_a_document_is_an_example_with_the_document() -> None:
    wrapped = "### Task:\nRespond to the user query using the provided context.\n<context>\nA.\n</context>\n\nWhy?"
    assert examples(chat(said("user", wrapped)))[0]["messages"][0] == said("user", wrapped)
