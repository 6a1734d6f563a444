"""The same exchanges in OpenAI's form, as Ollama takes and answers them on /v1/chat/completions."""

from tests.benchmarks.messages import MAIL, SENTENCE, chunk, compact, filled

PROMPT = "You sort incoming mail. Answer with one JSON object and nothing else."
_STAMP = {"created": 1795220862, "model": "llama3.2", "system_fingerprint": "fp_ollama"}


def request(chunks: int = 0, interval: float = 0.0) -> bytes:
    """490 bytes of a request; with ``chunks`` for a stream.

    How the stream should come stands where every gateway passes it on: ``max_tokens`` is the number of chunks, ``seed``
    the milliseconds between them.
    """
    chat = {
        "model": "llama3.2",
        "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": ""}],
        "stream": bool(chunks),
        "temperature": 0.2,
        "max_tokens": chunks or 256,
        "seed": round(interval * 1000),
    }
    return filled(chat, chat["messages"][1], MAIL, 490)  # type: ignore[index]


def _answer() -> bytes:
    message = {"role": "assistant", "content": ""}
    answer = {
        "id": "chatcmpl-231",
        "object": "chat.completion",
        **_STAMP,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 118, "completion_tokens": 97, "total_tokens": 215},
    }
    return filled(answer, message, SENTENCE, 840)


def _event(text: str, finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    event = {"id": "chatcmpl-231", "object": "chat.completion.chunk", **_STAMP, "choices": [choice]}
    return b"data: " + compact(event) + b"\n\n"


ANSWER = _answer()
TOKEN_EVENT = _event(" return", None)
LAST_EVENTS = _event("", "stop") + b"data: [DONE]\n\n"
TOKEN_EVENT_CHUNK = chunk(TOKEN_EVENT)
LAST_EVENTS_CHUNK = chunk(LAST_EVENTS)
