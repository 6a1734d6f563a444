"""What is asked of every gateway of a run, and what has to come back: in Ollama's own form, or in OpenAI's."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import messages, openai_messages


@dataclass(frozen=True, slots=True)
class Api:
    """``path`` is Ollama's. ``stream`` gives query and body of a call for N chunks, one every S seconds."""

    path: str
    small_request: bytes
    small_answer: bytes
    chunk_bytes: int
    stream: Callable[[int, float], tuple[str, bytes]]
    stream_answer: Callable[[int], bytes]


OLLAMA = Api(
    "/api/chat",
    messages.SMALL_REQUEST,
    messages.CHAT_ANSWER,
    len(messages.TOKEN_LINE),
    lambda chunks, interval: (f"?chunks={chunks}&interval={interval}", messages.STREAM_REQUEST),
    lambda chunks: messages.TOKEN_LINE * (chunks - 1) + messages.LAST_LINE,
)
OPENAI = Api(
    "/v1/chat/completions",
    openai_messages.request(),
    openai_messages.ANSWER,
    len(openai_messages.TOKEN_EVENT),
    # Not every gateway passes a query on: a call for a stream says in its body how it should come.
    lambda chunks, interval: ("", openai_messages.request(chunks, interval)),
    lambda chunks: openai_messages.TOKEN_EVENT * (chunks - 1) + openai_messages.LAST_EVENTS,
)


def same_content(body: bytes, expected: bytes) -> bool:
    """Whether two answers in OpenAI's form say the same: text, why it ended, tokens, and that it came to its end.

    For gateways that write answers anew, with ids and fields of their own.
    """
    content = openai_content(body)
    return content is not None and content == openai_content(expected)


def openai_content(body: bytes) -> tuple[str, str | None, object, bool] | None:
    """Text, reason of the end, usage where told, whether the end was marked; None for what is no such answer."""
    is_stream = body.startswith(b"data: ")
    try:
        lines = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")] if is_stream else [body]
        ended = not is_stream or lines[-1] == b"[DONE]"
        choices = [json.loads(line) for line in lines if line != b"[DONE]"]
        parts = [one["choices"][0]["delta" if is_stream else "message"] for one in choices if one["choices"]]
        text = "".join(part.get("content") or "" for part in parts)
        reasons = [one["choices"][0].get("finish_reason") for one in choices if one["choices"]]
        usage = None if is_stream else _tokens(choices[0]["usage"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return text, next((reason for reason in reasons if reason), None), usage, ended


def _tokens(usage: dict[str, object]) -> tuple[object, object]:
    return usage["prompt_tokens"], usage["completion_tokens"]
