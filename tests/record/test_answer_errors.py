import json
import time

import pytest

from service.record.answer_errors import (
    error_in,
    error_of,
    error_of_reason,
    error_of_stranger,
    is_page,
    no_answer,
)
from service.record.exchange import Body
from tests.record.wire import body


def test_an_error_is_read_in_every_shape() -> None:
    assert error_of("x") == "x"
    assert error_of({"message": "x", "type": "api_error"}) == "x"
    assert error_of({"type": "error", "error": "x"}) == "x"
    assert error_of({"error": {"error": {"message": "x"}}}) == "x"
    assert error_of({"detail": [{"loc": ["body"], "msg": "Field required"}, {"msg": "Too long"}]}) == (
        "Field required; Too long"
    )
    assert error_of({"code": 7}) == '{"code":7}'
    assert error_of([1]) == "[1]"
    assert error_of(None) is None
    assert error_of("") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            json.dumps({"error": {"code": 400, "message": "request (2577 tokens) exceeds it"}}),
            "request (2577 tokens) exceeds it",
        ),
        ('llama-server returned 400: {"error":{"message":"too long"}}', "llama-server returned 400: too long"),
        (json.dumps({"error": json.dumps({"message": "deep"})}), "deep"),
        ('{"a":1}', '{"a":1}'),
        ("template: {{ .Broken }}", "template: {{ .Broken }}"),
        ("{not json", "{not json"),
    ],
)
def test_an_error_that_is_json_in_a_text_is_told_by_its_words(text: str, expected: str) -> None:
    assert error_of(text) == expected


def test_an_error_stands_under_many_keys() -> None:
    assert error_in({"error": {"message": "x"}, "choices": []}) == "x"
    assert error_in({"error parsing tool call": "invalid"}) == "error parsing tool call: invalid"
    assert error_in({"object": "error", "message": "x", "code": 400}) == "x"
    assert error_in({"error_message": "x"}) == error_in({"errors": ["x"]}) == "x"
    assert error_in({"error": None, "model": "m"}) is None
    assert error_in({"error": "", "errors": []}) is None


def test_what_is_no_part_of_an_answer_may_be_an_error_by_its_words() -> None:
    assert error_of_stranger({"message": "boom", "type": "server_error"}) == "boom"
    assert error_of_stranger({"detail": "Not authenticated"}) == "Not authenticated"
    assert error_of_stranger({"type": "response.new_thing", "message": "hi"}) is None
    assert error_of_stranger({"status": "ok"}) is None


@pytest.mark.parametrize(
    "reason", ["error", "abort", "cancelled", "failed", "network_error", "malformed_function_call"]
)
def test_some_reasons_of_an_end_are_errors(reason: str) -> None:
    assert reason in str(error_of_reason(reason))


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "end_turn", "completed", "eos", "", None])
def test_ordinary_ends_are_none(reason: str | None) -> None:
    assert error_of_reason(reason) is None


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (
            b"<html><head><title>Sign in</title><style>p{}</style></head><body>Please&nbsp;sign in</body></html>",
            ["web page", "Sign in", "Please sign in"],
        ),
        (b"<!DOCTYPE html>\n<script>var a='<b>';</script><h1>502 Bad Gateway</h1>", ["web page", "502 Bad Gateway"]),
        (b'{"detail":"Not authenticated"}', ["Not authenticated"]),
        (b'{"status":"ok","uptime":7}', ["other JSON", "uptime"]),
        (b"[1, 2]", ["other JSON"]),
        (b'{"half', ["broken JSON"]),
        (b"upstream connect error", ["upstream connect error"]),
        (b"", ["nothing"]),
    ],
)
def test_what_is_no_answer_is_told_in_its_own_words(sent: bytes, words: list[str]) -> None:
    told = no_answer(body(sent))
    assert not [word for word in words if word not in told]
    assert "var a" not in told
    assert len(told) < 400


def test_the_words_of_a_page_hold_no_marks() -> None:
    page = (
        b"<html><head><title>Login</title></head ><body>Please <b>sign in</b><!-- no --><script>a > b</script>\n</html>"
    )
    assert no_answer(body(page, "text/html")).endswith("a web page: Login – Please sign in")


def test_a_page_is_known_whatever_its_type_says() -> None:
    assert is_page(body(b"\n <!doctype html><p>", "text/plain"))
    assert not is_page(body(b"1\n00:00:00,000 --> 00:00:01,500\n<i>Hi</i>", "text/html"))


def test_hostile_pages_and_errors_take_no_time() -> None:
    begun = time.process_time()
    for piece in (b"<script", b"<head>", b"<!--", b"<", b"<style></style>", b"&nbsp;"):
        no_answer(Body(10**6, b"<html>" + piece * (10**6 // len(piece))))
    for text in ("{" * 100_000 + "}", '{"error":' * 500 + "1" + "}" * 500):
        assert error_of(text)
    assert time.process_time() - begun < 3


def test_an_error_that_asks_to_sign_in_says_where() -> None:
    assert error_in({"error": "unauthorized", "signin_url": "https://x.example/connect"}) == (
        "unauthorized (https://x.example/connect)"
    )
