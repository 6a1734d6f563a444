"""Errors in the shape of the API that was called."""

import orjson
import pytest

from service.gateway.error_responses import error_body, unreachable


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/chat", {"error": "no", "setting": "S"}),
        (
            "/v1/chat/completions",
            {"error": {"message": "no", "type": "permission_error", "param": None, "code": None}, "setting": "S"},
        ),
        ("/v1/messages", {"type": "error", "error": {"type": "permission_error", "message": "no"}, "setting": "S"}),
    ],
)
def test_an_error_has_the_shape_of_the_api_that_was_called(path: str, expected: object) -> None:
    assert orjson.loads(error_body(path, 403, "no", "S")) == expected


def test_a_message_may_quote_half_an_emoji() -> None:
    assert orjson.loads(error_body("/api/chat", 403, "no a\ud83d")) == {"error": "no a\\ud83d"}


def test_behind_docker_the_hint_is_to_listen_on_more_than_loopback() -> None:
    assert "OLLAMA_HOST=0.0.0.0:11434" in unreachable("http://host.docker.internal:11434", "refused")
    assert "OLLAMA_HOST" not in unreachable("http://127.0.0.1:11434", "refused")
