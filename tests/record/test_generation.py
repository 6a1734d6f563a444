import json

import pytest

from service.record.exchange import Outcome
from tests.record.wire import body, exchange, understand


def test_an_answer_names_the_model_where_the_request_does_not() -> None:
    found = exchange(b"nope", b'{"model":"tiny","message":{"content":"x"},"done":true}')
    assert understand(found, found.opened.request, found.response).model == "tiny"


def test_no_answer_at_all_is_not_finished() -> None:
    found = exchange(b'{"model":"tiny"}')
    generation = understand(found, found.opened.request, found.response)
    assert (generation.is_finished, generation.text, generation.problem) == (False, None, None)


def test_a_model_that_was_loaded_says_so_whatever_was_asked() -> None:
    found = exchange(
        b'{"model":"tiny","messages":[{}]}', b'{"message":{"content":""},"done":true,"done_reason":"load"}'
    )
    assert understand(found, found.opened.request, found.response).operation == "load"


def test_a_page_of_another_server_is_a_problem_and_no_answer() -> None:
    page = body(b"<html>502 Bad Gateway</html>", "text/html")
    for status in (200, 502):
        found = exchange(b'{"model":"tiny"}', page, status=status)
        generation = understand(found, found.opened.request, found.response)
        assert generation.problem
        assert not generation.is_understood


PAGE = b"<html><head><title>Sign in</title></head><body>Please sign in</body></html>"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        *((path, "POST") for path in ("/api/chat", "/api/generate", "/api/embed", "/api/show", "/api/pull")),
        *((path, "POST") for path in ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings")),
        *((path, "GET") for path in ("/api/tags", "/api/ps", "/api/version", "/v1/models")),
    ],
)
@pytest.mark.parametrize("sent", [PAGE, b'{"detail":"Not authenticated"}', b"upstream connect error", b'{"half'])
def test_what_is_no_answer_is_an_error_whatever_was_asked(path: str, method: str, sent: bytes) -> None:
    found = exchange(b'{"model":"tiny"}' if method == "POST" else b"", body(sent, "text/html"), path, method)
    generation = understand(found, found.opened.request, found.response)
    assert generation.error
    assert not generation.is_understood
    words = {PAGE: "Please sign in", b'{"half': "broken"}.get(sent, sent.decode().strip('{}"').rpartition('"')[2])
    assert words in generation.error


@pytest.mark.parametrize("path", ["/api/tags", "/api/show", "/v1/models", "/api/version"])
def test_a_list_or_description_is_none(path: str) -> None:
    for answer in (b'{"models":[]}', b'{"data":[],"object":"list"}', b'{"version":"0.17.4"}', b'{"license":"x"}'):
        found = exchange(b"", answer, path, "GET")
        assert understand(found, found.opened.request, found.response).error is None


def test_of_half_an_answer_nobody_says_that_it_is_none() -> None:
    half = body(b'{"model":"tiny","message":{"content":"so f')
    for found in (
        exchange(b"{}", half, outcome=Outcome.CLIENT_LEFT),
        exchange(b"{}", half, outcome=Outcome.UPSTREAM_BROKE_OFF),
        exchange(b"{}", half._replace(length=99_999)),
        exchange(b"{}", half._replace(content_encoding="br")),
    ):
        assert understand(found, found.opened.request, found.response).error is None


def test_a_stream_that_ended_within_a_piece_says_so_where_it_was_to_be_whole() -> None:
    lines = b'{"message":{"role":"assistant","content":"A"},"done":false}\n{"message":{"con'
    found = exchange(b"{}", body(lines, "application/x-ndjson"))
    generation = understand(found, found.opened.request, found.response)
    assert (generation.text, generation.is_understood) == ("A … ", False)
    left = found._replace(outcome=Outcome.CLIENT_LEFT)
    assert understand(left, found.opened.request, found.response).is_understood


def test_a_response_that_its_limit_ended_says_so() -> None:
    answer = {"status": "completed", "output": [], "usage": {"input_tokens": 5, "output_tokens": 8}}
    for limit, reason in ((8, "max_output_tokens"), (5, "max_output_tokens"), (9, "completed"), (0, "completed")):
        asked = json.dumps({"model": "m", "input": "q", "max_output_tokens": limit}).encode()
        found = exchange(asked, json.dumps(answer).encode(), "/v1/responses")
        assert understand(found, found.opened.request, found.response).done_reason == reason


def test_a_refusal_of_another_server_is_told_in_its_words() -> None:
    for status, sent, words in ((401, b'{"detail":"no"}', "no"), (502, b'{"message":"bad","code":1}', "bad")):
        found = exchange(b"{}", sent, status=status)
        assert understand(found, found.opened.request, found.response).error == words


def test_a_picture_that_was_asked_for_is_told_by_its_size() -> None:
    answer = {"created": 1, "data": [{"b64_json": "iVBORw0KGgoAAQIDBAUGBwgJ"}]}
    for path, asked in (
        ("/v1/images/generations", {"model": "flux", "prompt": "a cat"}),
        (
            "/v1/images/edits",
            {"model": "flux", "prompt": "blue", "image": "data:image/png;base64,iVBORw0KGgoAAQIDBAUGBwgJ"},
        ),
    ):
        found = exchange(json.dumps(asked).encode(), json.dumps(answer).encode(), path)
        generation = understand(found, found.opened.request, found.response)
        assert (generation.text or "").startswith("<image 18 bytes sha256:")
        assert (generation.model, generation.images, generation.is_understood) == ("flux", "image" in asked, True)


def test_a_conversation_that_was_made_shorter_is_told_by_its_summary() -> None:
    content = json.dumps({"type": "ollama_compaction", "version": 1, "summary": "They met."})
    answer = {"object": "response.compaction", "output": [{"type": "compaction", "encrypted_content": content}]}
    found = exchange(b'{"model":"m","input":"q"}', json.dumps(answer).encode(), "/v1/responses/compact")
    generation = understand(found, found.opened.request, found.response)
    assert (generation.text, generation.error, generation.is_understood) == ("They met.", None, True)


@pytest.mark.parametrize("path", ["/api/chat", "/api/embed", "/v1/messages", "/v1/embeddings", "/v1/images/edits"])
def test_nothing_at_all_is_no_answer_of_a_model(path: str) -> None:
    for status in (200, 204, 302):
        found = exchange(b'{"model":"tiny","messages":[{}]}', b"", path, status=status)
        assert "nothing at all" in str(understand(found, found.opened.request, found.response).error)
    left = found._replace(outcome=Outcome.CLIENT_LEFT)
    assert understand(left, left.opened.request, left.response).error is None


@pytest.mark.parametrize(
    ("path", "kind", "first", "second"),
    [
        (
            "/api/chat",
            "application/x-ndjson",
            r'{"message":{"content":"%s"}}',
            r'{"message":{"content":"%s"},"done":true}',
        ),
        ("/api/generate", "application/x-ndjson", r'{"thinking":"%s"}', r'{"thinking":"%s","response":"","done":true}'),
        (
            "/v1/messages",
            "text/event-stream",
            r'data: {"type":"content_block_delta","delta":{"text":"%s"}}',
            r'data: {"type":"content_block_delta","delta":{"text":"%s"}}',
        ),
        (
            "/v1/responses",
            "text/event-stream",
            r'data: {"type":"response.output_text.delta","delta":"%s"}',
            r'data: {"type":"response.output_text.delta","delta":"%s"}',
        ),
    ],
)
def test_halves_of_a_character_are_joined_in_every_api(path: str, kind: str, first: str, second: str) -> None:
    sent = first % r"a \ud83d" + "\n\n" + second % r"\ude00 b" + "\n\n"
    found = exchange(b'{"model":"tiny"}', body(sent.encode(), kind), path)
    generation = understand(found, found.opened.request, found.response)
    assert (generation.text or generation.thinking) == "a 😀 b"
