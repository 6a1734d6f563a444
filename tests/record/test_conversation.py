"""Conversations, what of them is searched, and what of them stands in a list."""

import json
from typing import Any

import orjson
import pytest

from service.record import conversation
from service.record.chat_messages import turns_of
from service.record.conversation import SEARCHABLE_CHARACTERS, ChatMessage, Conversation, ToolCall
from service.record.line import make_record
from service.record.record import record_of
from tests.record.wire import NAMES, always, body, exchange, line_of, recorded, shortened

PICTURE = "iVBORw0KGgo" + "A" * 2000
ASKED = {
    "chat_once": ("say good", " what] can areb"),
    "chat_stream": ("say good", " theB"),
    "generate_once": ("the world", " much on>"),
    "generate_stream": ("the world", ", who"),
    "generate_json_format": ("the", "{}"),
    "v1_chat_once": ("say good", " what\x7f"),
    "v1_chat_stream": ("say good", "D\x17x"),
    "v1_completions_stream": ("hi", " the<unk>"),
    "v1_messages_once": ("say good", " what\x1aK"),
    "v1_messages_stream": ("say good", " couldx"),
    "v1_responses_once": ("hi", " these what"),
    "v1_responses_stream": ("hi", "\x0f who"),
}


def read_conversation(values: dict[str, Any], request: bytes) -> Conversation:
    return conversation.read_conversation(record_of(values), request)


def opening(values: dict[str, Any], characters: int = 160) -> tuple[str, str]:
    return conversation.opening(record_of(values), characters)


def searchable(values: dict[str, Any]) -> tuple[str, str]:
    return conversation.searchable(record_of(values))


def said(asked: Any = None, operation: str = "chat", **more: Any) -> dict[str, Any]:
    request = {} if asked is None else {"request_body": asked if isinstance(asked, str) else json.dumps(asked)}
    return {"operation": operation, "outcome": "completed", "failed": False} | request | more


def chat(*messages: tuple[str, str]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": role, "content": text} for role, text in messages]}


@pytest.mark.parametrize("name", ASKED)
def test_a_recording_is_a_question_and_an_answer(name: str) -> None:
    found = recorded(name)
    conversation = read_conversation(line_of(found), found.opened.request.head)
    question, answer = ASKED[name]
    assert [(turn.role, turn.text) for turn in conversation.turns] == [("user", question)]
    assert conversation.answer is not None
    assert conversation.answer.text.startswith(answer)
    assert conversation.is_whole
    assert conversation.parameters["model"] == "tiny"
    assert not {"messages", "prompt", "input"} & set(conversation.parameters)


def test_the_line_and_the_kept_bytes_of_a_recording_tell_the_same() -> None:
    for name in NAMES:
        found, line = recorded(name), line_of(recorded(name))
        assert read_conversation(line, b"") == read_conversation(line, found.opened.request.head)


def test_tools_thinking_and_parameters_are_told_apart() -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    asked = chat(("user", "Weather?")) | {"tools": [tool], "options": {"num_ctx": 4096}, "think": True}
    calls = json.dumps([{"id": "c1", "function": {"name": "weather", "arguments": {"city": "Paris"}}}])
    found = read_conversation(said(asked, thinking="Hm.", tool_calls=calls), b"")
    answer = ChatMessage("assistant", "", "Hm.", (ToolCall("weather", '{"city":"Paris"}', "c1"),))
    parameters = {"model": "m", "options": {"num_ctx": 4096}, "think": True}
    assert found == Conversation((ChatMessage("user", "Weather?"),), answer, (tool,), parameters, is_whole=True)


def test_a_shortened_prompt_or_answer_is_not_whole() -> None:
    asked = chat(("user", "long"))
    assert read_conversation(said(asked), b"").is_whole
    assert not read_conversation(said(asked, request_truncated=True), b"").is_whole
    assert not read_conversation(said(asked, response_truncated=True), b"").is_whole
    assert not read_conversation(said(None, request_bytes=70), b"").is_whole


def test_a_prompt_that_was_too_long_for_the_line_is_whole_in_the_kept_bytes() -> None:
    found = exchange(json.dumps(chat(("user", "word " * 60_000))).encode(), b"{}")
    record = make_record(found, context_length_of=always(None), mask=True)
    line = json.loads(record.line)
    assert line["request_truncated"]
    assert not read_conversation(line, b"").is_whole
    whole = read_conversation(line, record.request)
    assert whole.is_whole
    assert len(whole.turns[0].text) == 300_000


def test_kept_bytes_that_were_shortened_are_not_whole() -> None:
    data = json.dumps(chat(("user", "word " * 1000))).encode()
    record = make_record(exchange(shortened(data, 800, 200), b"{}"), context_length_of=always(None), mask=True)
    found = read_conversation(json.loads(record.line), record.request)
    assert not found.is_whole
    assert "bytes left out" in found.turns[0].text


def test_an_image_is_shown_as_its_size_and_makes_it_not_whole() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "What?", "images": [PICTURE]}]}
    record = make_record(exchange(json.dumps(asked).encode(), b"{}"), context_length_of=always(None), mask=True)
    line = json.loads(record.line)
    for request in (b"", record.request):
        found = read_conversation(line, request)
        assert found.turns[0].images[0].startswith("<image 1508 bytes sha256:")
        assert not found.is_whole


def test_words_about_payloads_that_a_person_wrote_are_whole_in_the_kept_bytes() -> None:
    asked = json.dumps(chat(("user", "what is <image 12 bytes sha256:ab> … [3 bytes left out] … ?")))
    assert read_conversation(said(asked), asked.encode()).is_whole


def test_a_request_that_is_no_json_is_one_turn() -> None:
    found = read_conversation(said('{"model":'), b"")
    assert (found.turns, found.is_whole) == ((ChatMessage("user", '{"model":'),), False)
    assert opening(said('{"model":'))[0] == '{"model":'


def test_a_request_that_is_nested_too_deeply_is_shown_as_text() -> None:
    request = '{"prompt":"x","options":' + "[" * 300 + "]" * 300 + "}"
    found = read_conversation(said(request, "generate", response_text="y"), b"")
    assert found == Conversation(
        (ChatMessage("request", request),), ChatMessage("assistant", "y"), (), {}, is_whole=True
    )


def test_what_models_are_not_asked_in_has_parameters_only() -> None:
    found = read_conversation(said({"model": "m", "prompt": "x"}, "pull", response_text="success"), b"")
    assert (found.turns, found.parameters) == ((), {"model": "m", "prompt": "x"})
    assert found.answer == ChatMessage("assistant", "success")


def test_a_sound_to_be_transcribed_is_its_size() -> None:
    part = b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav'
    form = b"--x\r\n" + part + b"\r\n\r\nRIFF\r\n--x--"
    found = exchange(body(form, "multipart/form-data; boundary=x"), b'{"text":"hi"}', "/v1/audio/transcriptions")
    line = line_of(found)
    assert read_conversation(line, form).turns[0].images[0].startswith("<audio 4 bytes sha256:")
    assert opening(line) == ("audio of 1 kB", "hi")


def test_calls_that_the_record_cut_are_shown_as_they_are() -> None:
    found = read_conversation(said(tool_calls='[{"function":{"name" … [9 bytes left out] … '), b"")
    assert found.answer == ChatMessage(
        "assistant", "", tool_calls=(ToolCall("", '[{"function":{"name" … [9 bytes left out] … '),)
    )


@pytest.mark.parametrize("depth", [10, 190, 240, 300, 990, 1010, 5000])
def test_nesting_however_deep_raises_nothing(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    for request in (
        f'{{"messages":[{{"role":"assistant","tool_calls":[{{"function":{{"name":"f","arguments":{deep}}}}}]}}]}}',
        f'{{"messages":[{{"role":"user","content":{deep}}}],"tools":{deep}}}',
        f'{{"messages":{deep},"prompt":{deep},"input":{deep}}}',
    ):
        line = said(request, tool_calls=deep)
        # As a page shows it.
        orjson.dumps({"exchange": {"conversation": read_conversation(line, request.encode()).as_json_object()}})
        searchable(line)
        opening(line)


@pytest.mark.parametrize("operation", ["chat", "embed", "pull", "", None, [], 3])
@pytest.mark.parametrize("asked", ["", "null", "[1]", "{}", '{"messages":3}', "base64:AAAA", "\x00", 7, None, ["x"]])
def test_any_line_gives_texts(operation: Any, asked: Any) -> None:
    line = {"operation": operation, "request_body": asked, "response_text": 3, "tool_calls": "{}", "error": ["x"]}
    assert isinstance(read_conversation(line, b"\xff\xfe"), Conversation)
    for text in (*searchable(line), *opening(line)):
        assert isinstance(text, str)


def test_every_word_that_was_said_is_searchable() -> None:
    asked = chat(("system", "brief"), ("user", "question"), ("assistant", "before"))
    asked["messages"] += [
        {
            "role": "assistant",
            "thinking": "earlier",
            "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Rome"}}}],
        },
        {"role": "tool", "content": "sunny"},
    ]
    asked["tools"] = [{"function": {"name": "unsaid"}}]
    prompt, answer = searchable(said(asked, response_text="good", thinking="deep", tool_calls="called", error="broken"))
    assert prompt.split() == ["brief", "question", "before", "earlier", "weather", '{"city":"Rome"}', "sunny"]
    assert answer.split() == ["good", "deep", "called", "broken"]


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"images": ["a"], "suffix": "not read"},
        {"system": "be brief"},
        {"template": "all"},
        {"instructions": "be kind"},
        {"tools": [{"type": "function", "function": {"name": "f", "description": "looks"}}]},
        {"functions": [{"name": "f", "description": "looks"}]},
    ],
)
@pytest.mark.parametrize("answered", ["plain", "<think>deep</think>said", "they say <think> there"])
@pytest.mark.parametrize("operation", ["chat", "embed"])
def test_a_chat_of_texts_is_searched_as_its_turns_are(beside: dict[str, Any], answered: str, operation: str) -> None:
    said_before = [("system", "rules"), ("user", "one"), ("assistant", answered), ("tool", ""), ("user", "two")]
    asked = {"messages": [{"role": role, "content": text} for role, text in said_before]} | beside
    pieces = [
        text
        for turn in turns_of(asked, is_embedding=operation == "embed")
        for text in ((turn.thinking, turn.text) if turn.thinking else (turn.text,))
    ]
    offered = "looks\n" if "tools" in beside or "functions" in beside else ""

    assert searchable(said(asked, operation))[0] == offered + "\n".join(pieces)


def test_of_long_texts_both_ends_are_searchable() -> None:
    text = "first " + "x" * 100_000 + " last"
    for found in searchable(said({"prompt": text}, "generate", response_text=text)):
        assert found.startswith("first ")
        assert found.endswith(" last")
        assert len(found) == SEARCHABLE_CHARACTERS


def test_words_of_a_request_that_is_no_json_are_found_without_their_escapes() -> None:
    prompt, _ = searchable(said(r'{"prompt":"caf\u00e9\nnext \"quoted\" \ud83d\ude00 \ud83d'))
    assert prompt.split() == ['{"prompt":"café', "next", '"quoted"', "😀", "\\ud83d"]


def test_what_is_searched_and_shown_can_be_stored_whatever_was_sent() -> None:
    request = r'{"messages":[{"role":"user","content":"lone \ud83d, pair \ud83d\ude00, slash \\ud83d"}]}'
    expected = "lone \\ud83d, pair 😀, slash \\ud83d"
    assert searchable(said(request))[0] == opening(said(request))[0] == expected
    assert read_conversation(said(request), request.encode()).turns[0].text == expected


def test_neither_lists_nor_bytes_are_searched() -> None:
    assert searchable(said(None, "list", response_body='{"models":[]}')) == ("", "")
    assert searchable(said("base64:" + "A" * 50)) == ("", "")
    assert searchable(said({"model": "llama3", "stream": True}, "show")) == ("llama3", "")


def test_the_opening_is_the_newest_question_and_the_answer_on_one_line() -> None:
    asked = chat(("system", "s"), ("user", "old"), ("assistant", "a"), ("user", "  new\n\n question "), ("tool", "t"))
    assert opening(said(asked, response_text="\n The\tanswer. ")) == ("new question", "The answer.")


def test_the_opening_ends_at_a_word() -> None:
    assert opening(said({"prompt": "one two three four"}, "generate"), 14) == ("one two three…", "")
    assert opening(said({"prompt": "one two three four"}, "generate"), 13) == ("one two…", "")
    assert opening(said({"prompt": "abcdefghijklmnop"}, "generate"), 8) == ("abcdefg…", "")
    prompt, answer = opening(said({"prompt": "word " * 9000}, "generate", response_text=" " * 9000 + "x" * 9000))
    assert max(len(prompt), len(answer)) <= 160


def test_what_disturbs_a_list_is_not_in_the_opening() -> None:
    assert opening(said({"prompt": "a\x1b[31mb\u202ec\x85d"}, "generate"))[0] == "a [31mb c d"


def test_an_answer_without_text_opens_with_its_calls_or_thoughts() -> None:
    calls = '[{"function":{"name":"weather","arguments":{"city":"Rome"}}}]'
    assert opening(said({}, response_text=" ", tool_calls=calls))[1] == 'weather({"city":"Rome"})'
    assert opening(said({}, thinking="Hm."))[1] == "Hm."


@pytest.mark.parametrize(
    ("asked", "more", "expected"),
    [
        (
            {"input": ["a"] * 12},
            {"response_body": '{"embeddings":["<768 numbers>"]}'},
            ("embedding of 12 texts", "12 × 768"),
        ),
        ({"input": ["a"] * 1200, "dimensions": 256}, {}, ("embedding of 1,200 texts", "1,200 × 256")),
        ({"input": "a"}, {}, ("embedding of 1 text", "1 vector")),
        ({"prompt": "a"}, {}, ("embedding of 1 text", "1 vector")),
        ({"input": [1, 2]}, {}, ("embedding of 1 text", "1 vector")),
        ({"input": ["a", "b"]}, {"failed": True}, ("embedding of 2 texts", "")),
        ({"input": []}, {}, ("embedding of 0 texts", "")),
        ({"model": "m"}, {}, ("embedding", "")),
        ("{broken", {}, ("embedding", "")),
    ],
)
def test_an_embedding_opens_with_its_counts(asked: Any, more: dict[str, Any], expected: tuple[str, str]) -> None:
    assert opening(said(asked, "embed", **more)) == expected


def test_a_picture_alone_opens_with_its_size() -> None:
    asked = {"messages": [{"role": "user", "content": "", "images": ["<image 2183204 bytes sha256:ab>", "<image>"]}]}
    assert opening(said(asked))[0] == "image of 2.2 MB, image"


def test_what_stands_beside_a_prompt_and_how_tools_are_described_is_searchable() -> None:
    asked = {"model": "m", "prompt": "def add(", "suffix": "return zebrasum", "template": "giraffe {{ .Prompt }}"}
    record = said(asked, operation="generate")
    prompt, _ = searchable(record)
    assert all(word in prompt for word in ("zebrasum", "giraffe", "add"))
    assert opening(record)[0] == "def add("
    conversation = read_conversation(record, b"")
    assert [turn.role for turn in conversation.turns] == ["template", "user", "suffix"]
    assert conversation.parameters == {"model": "m"}
    tools = [{"function": {"name": "f", "description": "counts flamingos"}}, {"description": "finds ibises"}]
    prompt, _ = searchable(said(chat(("user", "question")) | {"tools": tools}))
    assert prompt.split() == ["counts", "flamingos", "finds", "ibises", "question"]
    many = [{"function": {"description": "d" * 1000}} for _ in range(100)]
    prompt, _ = searchable(said(chat(("user", "needle " + "x" * 20_000)) | {"tools": many}))
    assert "needle" in prompt
    assert len(prompt) <= SEARCHABLE_CHARACTERS


def test_an_answer_beside_which_bytes_were_kept_is_not_whole() -> None:
    asked = chat(("user", "question"))
    assert read_conversation(said(asked, response_text="good"), b"").is_whole
    unread = read_conversation(said(asked, response_text="good", response_body="data: new"), b"")
    assert (unread.is_whole, unread.has_unread) == (False, True)
    cut: dict[str, Any] = {"response_text": "good", "response_body": "data: new", "response_truncated": True}
    cut_copy = read_conversation(said(asked, **cut), b"")
    assert (cut_copy.is_whole, cut_copy.has_unread) == (False, False)


def test_the_list_shows_an_image_that_a_model_made_by_its_size() -> None:
    word = f"<image 183204 bytes sha256:{'a' * 64}>"
    assert opening(said(chat(("user", "draw")), response_text=f"Here: {word}"))[1] == "Here: image of 183 kB"


WRAPPED = (
    "### Task:\nRespond to the user query using the provided context.\n<context>\n<source>A.</source>\n</context>\n"
)


def test_a_question_about_a_document_is_shown_by_the_words_that_were_typed() -> None:
    asked = said(
        chat(("user", "Hello"), ("assistant", "Hi"), ("user", f"{WRAPPED}\nWhy is it so?")), response_text="So."
    )
    assert opening(asked) == ("Why is it so?", "So.")
    first, _, last = read_conversation(asked, b"").turns
    assert (first.typed, last.typed) == ("", "Why is it so?")
    assert last.text.startswith("### Task:")
    # All of it is found.
    assert "using the provided context" in searchable(asked)[0]


def test_after_a_tools_result_nothing_was_typed_and_the_question_before_it_is_shown() -> None:
    asked = chat(("user", "Why is it so?"), ("assistant", ""), ("tool", "4"), ("user", WRAPPED))
    assert opening(said(asked))[0] == "Why is it so?"
    assert [turn.typed for turn in read_conversation(said(asked), b"").turns] == [""] * 4
