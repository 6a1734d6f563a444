"""Answers of Ollama's native API: one JSON object, or one a line."""

from typing import Any

from service.record.bodies import document, whole
from service.record.exchange import Body
from service.record.replies import (
    GAP,
    GAP_IN_TEXT,
    Reply,
    call,
    compact,
    error_of,
    json_lines,
    single,
    text_of,
    tokens,
)

# What stands around the numbers of ``context``. Inside a JSON text both would have their quotes escaped.
_CONTEXT, _AFTER_CONTEXT = b',"context":[', b'],"total_duration"'
_METRICS = b'{"total_duration"'
_PROGRESS = frozenset({"pull", "push", "create"})


def read(operation: str, body: Body, reply: Reply | None = None) -> Reply:
    """Read an answer of the native API. ``reply``: what was gathered from its beginning, where this goes on."""
    reply = Reply() if reply is None else reply
    pieces = _around_context(body, reply) if operation == "generate" and body.is_shortened else None
    if pieces is None:
        pieces = json_lines(body) if _is_stream(body) else [single(body)]
    if pieces == [None] and b"\n" in body.head:
        pieces = json_lines(body)
    if operation in _PROGRESS:
        _read_progress(pieces, reply)
    elif operation == "embed":
        _read_embedding(pieces[0] if pieces else None, reply)
    else:
        _read_generation(pieces, reply)
    return reply


def _is_stream(body: Body) -> bool:
    return "ndjson" in body.content_type


def _around_context(body: Body, reply: Reply) -> list[Any] | None:
    """The pieces of an answer whose ``context`` lost numbers to the gap of our copy; None when it did not.

    It holds the whole prompt as numbers, also of a prompt that was cut, and can be far longer than all else.
    """
    numbers, is_after_context, metrics = body.tail.rpartition(_AFTER_CONTEXT)
    end = document(_METRICS + metrics) if is_after_context and b'"' not in numbers else None
    if not isinstance(end, dict):
        return None
    lines, _, last = body.head.rpartition(b"\n")
    pieces = json_lines(Body(len(lines), lines))
    begin, is_in_context, _ = last.partition(_CONTEXT)
    begun = document(begin + b"}") if is_in_context else document(whole(body._replace(head=last, tail=b'"}')))
    if is_in_context and isinstance(begun, dict):
        reply.is_whole = True
        return [*pieces, begun | end]
    end["done"] = True
    if pieces:
        return [*pieces, GAP, end]
    return [begun | end] if isinstance(begun, dict) else None


def _read_generation(pieces: list[Any], reply: Reply) -> None:
    texts, thoughts = reply.texts, reply.thoughts
    for index, piece in enumerate(pieces):
        if reply.first_piece is not None and (text := _plain_text(piece)) is not None:
            texts.append(text)
            continue
        if not isinstance(piece, dict):
            _note_unreadable(piece, reply)
            continue
        message = piece.get("message")
        if isinstance(message, dict):
            text, thought, calls = message.get("content"), message.get("thinking"), message.get("tool_calls")
        else:
            text, thought, calls = piece.get("response"), piece.get("thinking"), piece.get("tool_calls")
        if text and isinstance(text, str):
            texts.append(text)
        elif not thought and not calls and not piece.get("done"):
            _read_other(piece, text, reply)
            continue
        if thought and isinstance(thought, str):
            thoughts.append(thought)
        if calls and isinstance(calls, list):
            reply.tool_calls += [_call(found) for found in calls]
        if reply.first_piece is None and (text or thought or calls):
            reply.first_piece = index
        reply.is_understood = True
        if piece.get("done") is True:
            _read_end(piece, reply)
        elif reply.model is None:
            reply.model = text_of(piece.get("model"))
        if "error" in piece:
            reply.error = error_of(piece["error"])
    if reply.is_understood and reply.is_finished is None:
        reply.is_finished = False


def _plain_text(piece: Any) -> str | None:
    """The text of a piece that has nothing else, as all but the first and the last of a long answer have."""
    if type(piece) is not dict or len(piece) != 4 or piece.get("done") is not False:
        return None
    message = piece.get("message")
    if message is None:
        text = piece.get("response")
    elif type(message) is dict and len(message) == 2:
        text = message.get("content")
    else:
        return None
    return text if type(text) is str else None


def _read_other(piece: dict[str, Any], text: Any, reply: Reply) -> None:
    """A piece without anything generated: an error, an empty piece, or something else altogether."""
    if "error" in piece:
        reply.error = error_of(piece["error"])
        reply.is_understood = True
    elif text == "" or "done" in piece:
        reply.is_understood = True
        reply.model = reply.model or text_of(piece.get("model"))


def _note_unreadable(piece: Any, reply: Reply) -> None:
    if piece is GAP:
        if reply.texts:
            reply.texts.append(GAP_IN_TEXT)
        if reply.thoughts and not reply.texts:
            reply.thoughts.append(GAP_IN_TEXT)
    else:
        reply.problem = "the answer holds something that is not JSON"


def _read_end(piece: dict[str, Any], reply: Reply) -> None:
    reply.is_finished = True
    reply.model = text_of(piece.get("model")) or reply.model
    reply.done_reason = text_of(piece.get("done_reason"))
    _read_metrics(piece, reply)


def _read_metrics(piece: dict[str, Any], reply: Reply) -> None:
    reply.prompt_tokens = tokens(piece.get("prompt_eval_count"))
    reply.completion_tokens = tokens(piece.get("eval_count"))
    reply.total_time = _seconds(piece.get("total_duration"))
    reply.wait_time = _seconds(piece.get("load_duration"))
    reply.prompt_time = _seconds(piece.get("prompt_eval_duration"))
    reply.generation_time = _seconds(piece.get("eval_duration"))


def _seconds(nanoseconds: Any) -> float | None:
    if type(nanoseconds) is int and 0 <= nanoseconds < 10**18:
        return nanoseconds / 1e9
    return None


def _call(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        return call(None, None, found)
    function = found.get("function")
    if not isinstance(function, dict):
        return call(found.get("id"), None, function)
    return call(found.get("id"), function.get("name"), function.get("arguments"))


def _read_embedding(answer: Any, reply: Reply) -> None:
    if not isinstance(answer, dict):
        reply.problem = "the answer is not JSON"
        return
    if "error" in answer:
        reply.error = error_of(answer["error"])
        reply.is_understood = True
    elif "embeddings" in answer or "embedding" in answer:
        reply.model = text_of(answer.get("model"))
        _read_metrics(answer, reply)
        reply.is_understood = True


def _read_progress(pieces: list[Any], reply: Reply) -> None:
    """Pull, push and create tell how far they are, thousands of times; what they did is told once each."""
    seen: dict[str, None] = {}
    for piece in pieces:
        if not isinstance(piece, dict):
            if piece is not GAP:
                reply.problem = "the answer holds something that is not JSON"
            continue
        if "error" in piece:
            reply.error = error_of(piece["error"])
        status = piece.get("status")
        if isinstance(status, str):
            seen[status] = None
        elif "error" not in piece:
            seen[compact(piece)] = None
        reply.is_understood = True
    reply.texts = ["\n".join(seen)] if seen else []
    reply.is_finished = "success" in seen
