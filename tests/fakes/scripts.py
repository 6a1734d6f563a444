"""Scripts for the stand-in for Ollama: made from steps, replayed from recordings, or ready-made."""

import asyncio
import functools
import json
from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus
from pathlib import Path

from tests.fakes.conversation import Conversation, Request, Script

RECORDINGS = Path(__file__).parents[1] / "recordings" / "ollama-0.17.4"


class Step(Enum):
    """What a script can do besides sending, waiting and pausing."""

    FIN = auto()
    """Close the connection in order."""
    RESET = auto()
    """Close it with a RST."""
    HOLD = auto()
    """Say nothing more, until the client hangs up."""
    READ_UPLOAD = auto()
    """Read the request's body here (``answer`` reads it before the first step otherwise)."""


FIN, RESET, HOLD, READ_UPLOAD = Step.FIN, Step.RESET, Step.HOLD, Step.READ_UPLOAD
CHUNKED = {"Transfer-Encoding": "chunked"}
LAST_CHUNK = b"0\r\n\r\n"
BAD_CHUNK = b"zz\r\nnot a chunk\r\n"


def answer(*steps: bytes | float | asyncio.Event | Step) -> Script:
    """A script from steps: bytes, events, seconds, words. The upload is read first, or where ``READ_UPLOAD`` stands."""
    return early(READ_UPLOAD, *steps) if READ_UPLOAD not in steps else early(*steps)


def early(*steps: bytes | float | asyncio.Event | Step) -> Script:
    """As ``answer``, but the upload is not read; the connection is closed afterwards if there was one."""

    async def script(conversation: Conversation) -> None:
        for step in steps:
            match step:
                case bytes():
                    await conversation.send(step)
                case asyncio.Event():
                    await step.wait()
                case Step.FIN:
                    await conversation.close()
                case Step.RESET:
                    conversation.reset()
                case Step.HOLD:
                    await conversation.hold()
                case Step.READ_UPLOAD:
                    await conversation.read_upload()
                case _:
                    await asyncio.sleep(step)

    return script


def head(status: int = 200, headers: Mapping[str, str] | None = None, content_type: str = "application/json") -> bytes:
    """The bytes of an answer's head. Its framing is the caller's: ``Content-Length``, ``CHUNKED``, or neither."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Date: Sat, 21 Nov 2026 00:27:42 GMT"]
    lines += [f"{name}: {value}" for name, value in ({"Content-Type": content_type} | dict(headers or {})).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes, status: int = 200, content_type: str = "application/json; charset=utf-8") -> bytes:
    """An answer with a known length."""
    return head(status, {"Content-Length": str(len(body))}, content_type) + body


def json_answer(value: object, status: int = 200) -> Script:
    return answer(whole(json.dumps(value, separators=(",", ":")).encode(), status))


def loaded_with(*before: asyncio.Event, **lengths: int) -> Script:
    """The answer to ``/api/ps``, after the events ``before``, when models are loaded with room for so many tokens.

    A test whose calls name a ``num_ctx`` needs it: the usual answer tells another length, so a look that comes in
    between makes the room of such a call uncertain.
    """
    models = [{"name": f"{name}:latest", "context_length": length} for name, length in lengths.items()]
    return answer(*before, whole(json.dumps({"models": models}).encode()))


@functools.cache
def recorded(name: str, *, close: bool = True) -> bytes:
    """What a real Ollama sent, byte for byte; without its ``Connection: close`` when ``close`` is False."""
    data = (RECORDINGS / f"{name}.response").read_bytes()
    return data if close else data.replace(b"Connection: close\r\n", b"", 1)


def recording(name: str, *, piece: int = 0, pause: float = 0.0, close: bool = True) -> Script:
    """Replay a recording: at once, or in pieces of ``piece`` bytes with ``pause`` seconds after each."""
    data = recorded(name, close=close)
    size = piece or len(data)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    steps = [step for one in pieces for step in (one, pause)] if piece else pieces
    return answer(*steps, *([FIN] if close else []))


def token_line(text: str = " word", model: str = "tiny") -> bytes:
    """One line of Ollama's chat stream."""
    line = {
        "model": model,
        "created_at": "2026-11-21T00:27:42.183292713Z",
        "message": {"role": "assistant", "content": text},
        "done": False,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def done_line(tokens: int, model: str = "tiny") -> bytes:
    """The last line of Ollama's chat stream, with plausible counts and durations (nanoseconds)."""
    line = {
        "model": model,
        "created_at": "2026-11-21T00:27:43.183292713Z",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "total_duration": 30_000_000 + tokens * 1_500_000,
        "load_duration": 10_000_000,
        "prompt_eval_count": 27,
        "prompt_eval_duration": 20_000_000,
        "eval_count": tokens,
        "eval_duration": tokens * 1_500_000,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def ndjson_stream(tokens: int = 20, interval: float = 0.0) -> Script:
    """A chat that comes token by token, ``interval`` seconds apart."""
    pieces = [token_line(f" word{number}") for number in range(tokens)] + [done_line(tokens)]
    return _chunked("application/x-ndjson", pieces, interval)


def sse_stream(tokens: int = 20, interval: float = 0.0) -> Script:
    """The same as OpenAI's server-sent events, without token counts, as Ollama does unless asked."""
    events = []
    for number, reason in [*((number, None) for number in range(tokens)), (None, "stop")]:
        delta = {"role": "assistant", "content": "" if number is None else f" word{number}"}
        event = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1795220863,
            "model": "tiny",
            "system_fingerprint": "fp_ollama",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }
        events.append(b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n")
    return _chunked("text/event-stream", [*events, b"data: [DONE]\n\n"], interval)


def _chunked(content_type: str, pieces: list[bytes], interval: float) -> Script:
    paced = [step for piece in pieces for step in (chunk(piece), interval)]
    return answer(head(200, CHUNKED, content_type), *paced, LAST_CHUNK)


# What a real Ollama answers where a test says nothing else: (whole, streamed) recordings.
_USUAL = {
    ("GET", "/api/tags"): ("tags", "tags"),
    ("GET", "/api/ps"): ("ps", "ps"),
    ("GET", "/api/version"): ("version", "version"),
    ("HEAD", "/"): ("root_head", "root_head"),
    ("POST", "/api/show"): ("show", "show"),
    ("POST", "/api/generate"): ("generate_once", "generate_stream"),
    ("POST", "/api/chat"): ("chat_once", "chat_stream"),
    ("POST", "/api/embed"): ("embed", "embed"),
    ("POST", "/api/embeddings"): ("embeddings", "embeddings"),
    ("POST", "/api/pull"): ("pull_error", "pull_error"),
    ("GET", "/v1/models"): ("v1_models", "v1_models"),
    ("POST", "/v1/chat/completions"): ("v1_chat_once", "v1_chat_stream"),
    ("POST", "/v1/completions"): ("v1_completions_stream", "v1_completions_stream"),
    ("POST", "/v1/embeddings"): ("v1_embeddings", "v1_embeddings"),
    ("POST", "/v1/messages"): ("v1_messages_once", "v1_messages_stream"),
    ("POST", "/v1/responses"): ("v1_responses_once", "v1_responses_stream"),
}


async def usual_answer(conversation: Conversation) -> None:
    """What a real Ollama answers to such a request."""
    await conversation.read_upload()
    request = conversation.request
    if (request.method, request.path) == ("GET", "/"):
        await conversation.send(whole(b"Ollama is running", content_type="text/plain; charset=utf-8"))
        return
    if request.path.startswith("/api/blobs/"):
        blob = head(201, {"Content-Length": "0"}) if request.method == "POST" else recorded("blob_absent", close=False)
        await conversation.send(blob)
        return
    once, streamed = _USUAL.get((request.method, request.path), ("path_not_found", "path_not_found"))
    await conversation.send(recorded(streamed if _asks_for_a_stream(request) else once, close=False))


def _asks_for_a_stream(request: Request) -> bool:
    try:
        asked = json.loads(request.body_start).get("stream", not request.path.startswith("/v1/"))
    except (ValueError, AttributeError):
        return False
    return bool(asked)
