import json
from typing import Any

import pytest

from service.record.conversation import read_conversation
from service.record.exchange import Body, OpenExchange, Outcome
from service.record.record import record_of
from service.record.request_facts import Asked, read_request
from tests.record.wire import body, exchange, line_of, shortened


def _opened(asked: Any, path: str = "/api/chat") -> OpenExchange:
    sent = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return exchange(sent, path=path).opened


@pytest.mark.parametrize(
    ("path", "default"),
    [
        *(("/api/chat", True), ("/api/generate", True), ("/api/pull", True), ("/api/embed", None), ("/api/show", None)),
        *(("/v1/chat/completions", False), ("/v1/messages", False), ("/v1/responses", False), ("/v1/embeddings", None)),
    ],
)
def test_whether_an_answer_streams_follows_the_api(path: str, default: bool | None) -> None:
    asked = {"model": "m", "prompt": "x", "messages": [{"content": "x"}]}
    opened = _opened(asked, path)
    assert read_request(opened, opened.request).stream is default
    for said in (True, False):
        opened = _opened({**asked, "stream": said}, path)
        assert read_request(opened, opened.request).stream is (None if default is None else said)


def test_the_model_may_have_its_old_name() -> None:
    opened = _opened({"name": "tiny"}, "/api/pull")
    assert read_request(opened, opened.request).model == "tiny"


LONG = b'"messages":[{"role":"user","content":"' + b"x" * 100_000


@pytest.mark.parametrize(
    ("beginning", "model"),
    [
        (b'{"model":"tiny",' + LONG, "tiny"),
        (b' {\n "Model" : "tiny" , ' + LONG, "tiny"),
        (b'{"stream":false,"options":{"model":"no","stop":["}"]},"n":1.5,"model":"tiny",' + LONG, "tiny"),
        (b'{"messages":[{"role":"system","content":"say \\"model\\": \\"no\\""}],"model":"tiny","input":"x', "tiny"),
        (b'{"model":"no","MODEL":"tiny",' + LONG, "tiny"),
        (b'{"name":"tiny",' + LONG, "tiny"),
        (b'{"model":"t\xc3\xafny",' + LONG, "t\u00efny"),
        (b'{"model":"ti', None),
        (b'{"model":7,' + LONG, None),
        (b'{"model":"' + b"x" * 301 + b'",' + LONG, None),
        (b"{" + LONG + b'"}],"model":"late","input":"', None),
        (b'{"options":' + b"[" * 5000, None),
        (b'["model","tiny",', None),
        (b'{"model"', None),
        (b"{", None),
        (b'{"a":1 "model":"tiny"', None),
    ],
)
def test_a_request_that_breaks_off_names_its_model_in_what_there_is(beginning: bytes, model: str | None) -> None:
    opened = _opened(beginning)
    asked = read_request(opened, opened.request)
    assert (asked.model, asked.document) == (model, None)


@pytest.mark.parametrize(
    ("num_ctx", "read"),
    [(b"4096.0", 4096), (b"4.096e3", 4096), (b"1.9", 1), (b"-0.5", 0), (b"0", 0), (b"-1", -1), (b"1e12", 10**12)],
)
def test_a_context_is_read_as_ollama_reads_it(num_ctx: bytes, read: int) -> None:
    opened = _opened(b'{"options":{"num_ctx":' + num_ctx + b"}}")
    assert read_request(opened, opened.request).num_ctx == read


@pytest.mark.parametrize("num_ctx", ["4096", True, None, [4096], {}])
def test_a_context_that_is_no_number_of_tokens_is_not_said(num_ctx: object) -> None:
    opened = _opened({"options": {"num_ctx": num_ctx}})
    assert read_request(opened, opened.request).num_ctx is None


def test_images_are_counted_in_every_api() -> None:
    parts = [{"type": "image_url"}, {"type": "text"}, {"type": "input_image"}]
    nested = [{"type": "tool_result", "content": [{"type": "image"}, {"type": "text"}]}, {"type": "image"}]
    for asked, count in (
        ({"images": ["a", "b"], "prompt": "x"}, 2),
        ({"messages": [{"images": ["a"]}, {"images": ["b", "c"]}]}, 3),
        ({"messages": [{"content": parts}]}, 2),
        ({"messages": [{"content": nested}]}, 2),
        ({"input": [{"content": parts}]}, 2),
        ({"input": "text", "messages": 5, "images": {}}, 0),
        ({"input": [{"type": "function_call_output", "output": [{"type": "input_image"}] * 2}]}, 2),
        ({"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot"}}]}, 1),
        ({"input": [{"type": "image_generation_call", "result": "x"}, {"type": "message", "content": "x"}]}, 1),
        ({"messages": [{"role": "user", "content": [{"type": "mcp_tool_result", "content": [{"type": "image"}]}]}]}, 1),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "document", "source": {"content": [{"type": "image"}, {"type": "text"}]}}],
                    }
                ]
            },
            1,
        ),
        ({"messages": [{"role": "tool", "content": {"type": "image"}, "name": "f"}]}, 1),
    ):
        opened = _opened(asked)
        assert read_request(opened, opened.request).images == count


@pytest.mark.parametrize(
    ("path", "asked", "expected"),
    [
        ("/api/generate", {"model": "m"}, "load"),
        ("/api/generate", {"model": "m", "prompt": "", "keep_alive": "0s"}, "unload"),
        ("/api/generate", {"model": "m", "keep_alive": 0}, "unload"),
        *(
            ("/api/generate", {"model": "m", "keep_alive": none}, "unload")
            for none in (0.0, 1e-10, "0", "-0s", "+0", "0ms", "0h0m0s", "0.0s", "0µs")
        ),
        *(
            ("/api/generate", {"model": "m", "keep_alive": some}, "load")
            for some in ("00", "", "1ns", "0h1s", "10s", "0.1s", "0x", False, None, [0], "0" * 10_000 + "!")
        ),
        ("/api/generate", {"model": "m", "keep_alive": -1}, "load"),
        ("/api/chat", {"model": "m", "messages": []}, "load"),
        ("/api/chat", {"model": "m", "messages": [{"content": ""}], "keep_alive": 0}, None),
        ("/api/generate", {"model": "m", "images": ["x"]}, "load"),
        ("/api/embed", {"model": "m"}, None),
        ("/v1/chat/completions", {"model": "m"}, None),
    ],
)
def test_an_empty_prompt_loads_or_unloads(path: str, asked: dict[str, Any], expected: str | None) -> None:
    opened = _opened(asked, path)
    assert read_request(opened, opened.request).lifecycle == expected


@pytest.mark.parametrize("asked", [{"promt": "Hi"}, {"prompt": "", "keep_alive": 0}, {"prompt": "Hi", "stream": "no"}])
def test_what_the_recorders_own_address_refused_was_to_generate_and_not_to_stream(asked: dict[str, Any]) -> None:
    opened = _opened(asked, "/generate")._replace(operation="generate", api="ollama")
    found = read_request(opened, opened.request)
    assert (found.lifecycle, found.stream) == (None, False)


def test_a_request_with_a_gap_still_says_its_model() -> None:
    sent = json.dumps({"model": "tiny", "messages": [{"content": "x", "n": 1}] * 5000, "stream": False}).encode()
    for head in range(1000, 1040):
        opened = exchange(shortened(sent, head, 500)).opened
        assert read_request(opened, opened.request).model == "tiny"


def test_a_form_says_its_model() -> None:
    form = b'--X\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n--X\r\n\xff\xfe\r\n--X--\r\n'
    opened = exchange(body(form, "multipart/form-data; boundary=X"), path="/v1/audio/transcriptions").opened
    assert read_request(opened, opened.request).model == "whisper"


def test_nothing_is_guessed_from_bytes_that_are_no_json() -> None:
    for sent in (b"\xff\xfe", b"nope", b'["model"]', b'{"prompt":"\\"model\\":\\"x\\""', b"5"):
        opened = _opened(sent)
        asked = read_request(opened, opened.request)
        assert (asked.document, asked.model) == (None, None)
    opened = exchange(Body(7, b"", b"")).opened
    assert read_request(opened, opened.request).model is None


def test_of_a_call_whose_body_was_not_read_nothing_is_said() -> None:
    for path in ("/api/chat", "/api/generate", "/v1/chat/completions", "/v1/messages"):
        opened = exchange(b"", b"", path, outcome=Outcome.REFUSED, status=403).opened
        assert read_request(opened, opened.request) == Asked()
        partly = opened._replace(request=Body(5000, b'{"model":"m","messages":[', is_incomplete=True))
        assert (read_request(partly, partly.request).model, read_request(partly, partly.request).stream) == ("m", None)


def test_only_ollamas_own_api_takes_options() -> None:
    asked = {"model": "tiny", "messages": [], "options": {"num_ctx": 256}}
    for path, expected in (("/api/chat", 256), ("/v1/chat/completions", None), ("/v1/messages", None)):
        opened = exchange(body(json.dumps(asked).encode()), path=path).opened
        assert read_request(opened, opened.request).num_ctx == expected


def test_what_is_missing_of_a_request_is_counted() -> None:
    data = json.dumps({"prompt": "x" * 900}).encode()
    for request, expected in ((body(data), 0), (shortened(data, 300, 100), len(data) - 400)):
        opened = exchange(request, path="/api/generate").opened
        assert read_request(opened, opened.request).missing == expected


@pytest.mark.parametrize("behind", [b"\0", b" trailing"])
def test_what_stands_behind_the_json_of_a_request_is_passed_over(behind: bytes) -> None:
    request = b'{"model":"m","stream":false,"messages":[{"role":"user","content":"q"}]}' + behind
    said = line_of(exchange(request, b"", "/api/chat"))
    assert (said["model"], said["stream"]) == ("m", False)
    assert [turn.text for turn in read_conversation(record_of(said), request).turns] == ["q"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (b'{"model":"a","model":"b"}', ("b", None)),
        (b'{"model":"a","model":null,"name":"b"}', ("a", None)),
        (b'{"model":"a","MODEL":null,"name":"b"}', ("a", None)),
        (b'{"model":"a","mod\\u0065l":null,"name":"b"}', ("a", None)),
        (b'{"model":"a","mod\\u0065l":"b"}', ("b", None)),
        (b'{"options":{"num_ctx":64},"model":"a","options":{"num_predict":1}}', ("a", 64)),
        (b'{"options":{"num_ctx":64},"model":"a","OPTIONS":{"num_predict":1}}', ("a", 64)),
        (b'{"options":{"num_ctx":64},"model":"a","options":null}', ("a", None)),
        (b'{"options":{"num_ctx":64},"model":"a","options":{"num_ctx":128}}', ("a", 128)),
        (
            b'{"model":"a","tools":[{"model":"c","options":{}}],"options":{"num_ctx":64}} {"model":"d"}',
            ("a", 64),
        ),
    ],
)
def test_a_field_that_stands_there_twice_is_read_as_go_reads_it(asked: bytes, expected: tuple[str, int | None]) -> None:
    opened = _opened(asked)
    found = read_request(opened, opened.request)
    assert (found.model, found.num_ctx) == expected
