"""Prints what making one record costs, in CPU microseconds: ``python -m tests.benchmarks.measure_record``."""

import base64
import random
import time
from collections.abc import Callable

import orjson

from service.record.exchange import Body, Caller, Exchange, OpenExchange, Outcome
from service.record.line import make_record
from service.record.masking import mask
from tests.benchmarks import openai_messages


def _exchange(
    request: bytes, response: bytes, content_type: str, path: str = "/api/chat", api: str = "ollama"
) -> Exchange:
    opened = OpenExchange(
        id="0" * 32,
        started_ns=1_767_722_308_000_000_000,
        method="POST",
        request_uri=f"/api/ollama{path}",
        path=path,
        operation="chat",
        api=api,
        remote_addr="172.18.0.3",
        trace_id="1" * 32,
        span_id="2" * 16,
        user_agent="axios/1.12.0",
        caller=Caller(workflow="Invoices", workflow_id="Xa9", execution_id="231", node="Summarise"),
        request=Body(len(request), request, b"", "application/json", ""),
    )
    return Exchange(
        opened=opened,
        outcome=Outcome.COMPLETED,
        ended_ns=1_767_722_309_123_456_789,
        status=200,
        upstream_status=200,
        duration=1.123456,
        first_byte=0.5,
        arrivals=tuple((number * 120, 0.5 + number / 100) for number in range(24)),
        response=Body(len(response), response, b"", content_type, ""),
    )


def _request(text: str, **more: object) -> bytes:
    return orjson.dumps({"model": "llama3.2", "messages": [{"role": "user", "content": text, **more}]})


def _last(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    measured = {"total_duration": 67472092, "load_duration": 1373291, "prompt_eval_count": 27}
    measured |= {"prompt_eval_duration": 445339, "eval_count": 40, "eval_duration": 63410134}
    created = "2026-01-06T17:58:28.455996959Z"
    return orjson.dumps(
        {
            "model": "llama3.2",
            "created_at": created,
            "message": message,
            "done": True,
            "done_reason": "stop",
            **measured,
        }
    )


def _stream(tokens: int) -> bytes:
    message = b'"message":{"role":"assistant","content":" the"},"done":false}'
    piece = b'{"model":"llama3.2","created_at":"2026-01-06T17:58:27.183292713Z",' + message + b"\n"
    return piece * tokens + _last("") + b"\n"


def _openai_stream(chunks: int) -> bytes:
    return openai_messages.TOKEN_EVENT * chunks + openai_messages.LAST_EVENTS


def _anthropic_stream(events: int) -> bytes:
    def event(kind: str, **fields: object) -> bytes:
        return f"event: {kind}\ndata: ".encode() + orjson.dumps({"type": kind, **fields}) + b"\n\n"

    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "llama3.2", "content": []}
    start = event("message_start", message=message | {"usage": {"input_tokens": 27, "output_tokens": 0}})
    opened = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    piece = event("content_block_delta", index=0, delta={"type": "text_delta", "text": " the"})
    ended = event("content_block_stop", index=0)
    reason = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": events})
    return start + opened + piece * events + ended + reason + event("message_stop")


def _cost(call: Callable[[], object], most_seconds: float = 0.5) -> float:
    """The least of several measurements, so that a busy machine disturbs little. Microseconds."""
    best = float("inf")
    started = time.perf_counter()
    while time.perf_counter() - started < most_seconds:
        rounds = 1 if best > 2000 else 100
        before = time.thread_time()
        for _ in range(rounds):
            call()
        best = min(best, (time.thread_time() - before) / rounds * 1e6)
    return best


def _longest_scan(data: bytes) -> float:
    return _cost(lambda: mask(data))


def main() -> None:
    """Measure and print."""
    sentence = "Summarise the invoice of the month in two sentences. "
    image = base64.b64encode(random.Random(1).randbytes(750_000)).decode()
    small = _request(sentence * 8)
    cases = {
        "chat, not streamed (490 B in, 840 B out)": _exchange(
            small, _last("The answer is short. " * 26), "application/json"
        ),
        "chat, 40 tokens streamed": _exchange(small, _stream(40), "application/x-ndjson"),
        "chat, 2000 tokens streamed": _exchange(small, _stream(2000), "application/x-ndjson"),
        "OpenAI's chat, 2000 chunks streamed": _exchange(
            small, _openai_stream(2000), "text/event-stream", "/v1/chat/completions", "openai"
        ),
        "Anthropic's messages, 2000 events streamed": _exchange(
            small, _anthropic_stream(2000), "text/event-stream", "/v1/messages", "anthropic"
        ),
        "chat with 1 MB of text": _exchange(_request(sentence * 19000), _last("Yes."), "application/json"),
        "chat with an image of 750 kB": _exchange(_request("What?", images=[image]), _last("Yes."), "application/json"),
    }
    for name, exchange in cases.items():
        cost = _cost(lambda exchange=exchange: make_record(exchange, context_length_of=lambda model: 4096, mask=True))  # type: ignore[misc]
        print(f"{cost:12.1f} µs  {name}")
    for name, data in {"text": (sentence * 19000).encode(), "base64": image.encode()}.items():
        print(f"{_longest_scan(data):12.1f} µs  looking for secrets in 1 MB of {name}")


if __name__ == "__main__":
    main()
