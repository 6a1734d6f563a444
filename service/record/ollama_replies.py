"""Answers of Ollama's native API: one JSON object, or one a line."""

from typing import Any

from service.record.answer_errors import error_in, error_of_reason, error_of_stranger
from service.record.answer_parts import listed, pass_over_unknown, read_parts
from service.record.answer_streams import CUT, DONE, GAP, event_data, is_event_stream, json_lines
from service.record.bodies import document, whole
from service.record.exchange import Body
from service.record.json_text import compact
from service.record.payloads import word_of
from service.record.replies import Reply, dimensions_of, single, text_of, tokens
from service.record.tool_calls import call

# What stands around the numbers of ``context``. Inside a JSON text both would have their quotes escaped.
_CONTEXT, _AFTER_CONTEXT = b',"context":[', b'],"total_duration"'
_METRICS = b'{"total_duration"'
_IMAGE = b'"image"'
_PROGRESS = frozenset({"pull", "push", "create"})
# What is read, and what says nothing that a record could tell: the rest may be content.
_KNOWN = frozenset(
    (
        *("model", "created_at", "message", "response", "thinking", "tool_calls", "image", "images", "error"),
        *("done", "done_reason", "context", "logprobs", "remote_host", "remote_model", "completed", "total"),
        *("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_cached_count"),
        *("prompt_eval_duration", "eval_count", "eval_duration"),
    )
)
_KNOWN_IN_MESSAGE = frozenset(("role", "content", "thinking", "tool_calls", "images", "tool_name", "name"))
_OF_THE_END = ("eval_count", "total_duration")


def read(operation: str, body: Body, reply: Reply | None = None) -> Reply:
    """Read an answer of the native API. ``reply``: what was gathered from its beginning, where this goes on."""
    reply = Reply() if reply is None else reply
    pieces = _around_context(body, reply) if operation == "generate" and body.is_shortened else None
    if pieces is None:
        pieces = _split(body)
    if pieces == [None] and b"\n" in body.head:
        pieces = _lines(body)
    if operation in _PROGRESS:
        _read_progress(pieces, reply)
    elif operation == "embed":
        _read_embedding(pieces[0] if pieces else None, reply)
    else:
        _read_generation(pieces, reply)
    return reply


def _split(body: Body) -> list[Any]:
    if is_event_stream(body):
        # Something between turned the lines into events.
        return event_data(body)
    return _lines(body) if "ndjson" in body.content_type else [single(body)]


def _lines(body: Body) -> list[Any]:
    pieces = json_lines(body)
    if body.is_shortened and (image := _across_gap(body)) is not None:
        pieces[pieces.index(GAP)] = image
    return pieces


def _across_gap(body: Body) -> Any:
    """The line of which an image lost its middle to the gap of our copy."""
    start, end = body.head.rfind(b"\n") + 1, body.tail.find(b"\n")
    begun, tail = body.head[start:], body.tail[:end] if end >= 0 else body.tail
    value = begun[begun.rfind(_IMAGE) + len(_IMAGE) :].lstrip(b" :") if _IMAGE in begun else b""
    if not value.startswith(b'"') or b'"' in value[1:]:
        return None
    missing = body.length - len(body.head) - len(body.tail)
    return document(whole(body._replace(length=len(begun) + missing + len(tail), head=begun, tail=tail)))


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
        if reply.first_piece is not None and _take_plain(piece, texts, thoughts):
            continue
        if not isinstance(piece, dict):
            _note_unreadable(piece, reply)
            continue
        message = piece.get("message")
        holder = message if isinstance(message, dict) else piece
        carried = _read_content(holder, "content" if holder is message else "response", reply)
        if image := text_of(piece.get("image")):
            # Of a model that draws.
            reply.texts.append(word_of(image, "image"))
            carried = True
        is_end = _is_end(piece)
        if not carried and not is_end:
            _read_other(piece, reply)
            continue
        if not piece.keys() <= _KNOWN:
            pass_over_unknown(piece, _KNOWN, reply, is_beside=_has_content(reply))
        if carried and reply.first_piece is None:
            reply.first_piece = index
        reply.is_understood = True
        _read_origin(piece, reply)
        if is_end:
            _read_end(piece, reply)
        if piece.get("error"):
            reply.error = error_in(piece)
    if reply.is_understood and reply.is_finished is None:
        reply.is_finished = False


def _take_plain(piece: Any, texts: list[str], thoughts: list[str]) -> bool:
    """Take a piece that has nothing but text or thinking, as all but the first and the last of a long answer have."""
    if type(piece) is not dict or len(piece) != 4 or piece.get("done") is not False or "created_at" not in piece:
        return False
    message = piece.get("message")
    if message is None:
        text = piece.get("response")
    elif type(message) is dict and "role" in message and len(message) == 2:
        text = message.get("content")
    elif type(message) is dict and "role" in message and len(message) == 3 and message.get("content") == "":
        text, texts = message.get("thinking"), thoughts
    else:
        return False
    if type(text) is not str:
        return False
    texts.append(text)
    return True


def _read_content(holder: dict[str, Any], key: str, reply: Reply) -> bool:
    """What a piece, or the message in it, says. Tells whether that is anything."""
    text, thought, called = holder.get(key), holder.get("thinking"), holder.get("tool_calls")
    carried = False
    if thought and isinstance(thought, str):
        reply.thoughts.append(thought)
        carried = True
    elif thought:
        carried = read_parts(listed(thought), reply, are_thoughts=True)
    if isinstance(text, str):
        if text:
            reply.texts.append(text)
            carried = True
    elif isinstance(text, list):
        carried = read_parts(text, reply) or carried
    elif text is not None:
        reply.pass_over("a content that is no text")
    if called:
        for each in listed(called):
            _read_call(each, reply)
        carried = True
    if key == "content":
        for image in listed(holder.get("images")):
            reply.texts.append(word_of(image, "image") if isinstance(image, str) else "<image>")
            carried = True
        if not holder.keys() <= _KNOWN_IN_MESSAGE:
            pass_over_unknown(holder, _KNOWN_IN_MESSAGE, reply, is_beside=carried)
    return carried


def _read_call(found: Any, reply: Reply) -> None:
    """Ollama sends every call whole."""
    function = found.get("function") if isinstance(found, dict) else None
    if isinstance(function, dict):
        reply.tool_calls.append(call(found.get("id"), function.get("name"), function.get("arguments")))
    else:
        reply.pass_over("a call that is none")


def _has_content(reply: Reply) -> bool:
    return bool(reply.texts or reply.thoughts or reply.tool_calls)


def _read_other(piece: dict[str, Any], reply: Reply) -> None:
    """A piece without anything generated: an error, an empty piece, or something else altogether."""
    if error := error_in(piece):
        reply.error = error
        reply.is_understood = True
    elif piece.get("response") == "" or "done" in piece or isinstance(piece.get("message"), dict):
        reply.is_understood = True
        _read_origin(piece, reply)
        if not piece.keys() <= _KNOWN:
            pass_over_unknown(piece, _KNOWN, reply, is_beside=False)
        if "_debug_info" in piece:
            # What the model would have got: nothing runs, so nothing ends.
            reply.is_finished = True
    else:
        reply.error = error_of_stranger(piece) or reply.error
        reply.pass_over("a piece that is no part of an answer")


def _read_origin(piece: dict[str, Any], reply: Reply) -> None:
    """Which model answered, and whose it is where Ollama passed the request on."""
    if reply.model is None:
        reply.model = text_of(piece.get("model"))
    if "remote_host" in piece or "remote_model" in piece:
        reply.remote_host = text_of(piece.get("remote_host")) or reply.remote_host
        reply.remote_model = text_of(piece.get("remote_model")) or reply.remote_model


def _note_unreadable(piece: Any, reply: Reply) -> None:
    if piece is CUT:
        reply.is_cut = True
    elif piece == DONE:
        reply.is_finished = True
    else:
        reply.mark_gap()
        if piece is not GAP:
            reply.pass_over("something that is not JSON")


def _is_end(piece: dict[str, Any]) -> bool:
    """Whether a piece is the last: newer engines leave ``done`` out of it, and say only why or how long."""
    if "done" in piece and piece["done"] is not False and piece["done"] is not None:
        return piece["done"] is True
    return text_of(piece.get("done_reason")) is not None or (
        "done" not in piece and any(key in piece for key in _OF_THE_END)
    )


def _read_end(piece: dict[str, Any], reply: Reply) -> None:
    reply.is_finished = True
    reply.model = text_of(piece.get("model")) or reply.model
    reply.done_reason = text_of(piece.get("done_reason"))
    reply.error = reply.error or error_of_reason(reply.done_reason)
    _read_metrics(piece, reply)


def _read_metrics(piece: dict[str, Any], reply: Reply) -> None:
    reply.prompt_tokens = tokens(piece.get("prompt_eval_count"))
    reply.cached_tokens = tokens(piece.get("prompt_eval_cached_count"))
    reply.completion_tokens = tokens(piece.get("eval_count"))
    reply.total_time = _seconds(piece.get("total_duration"))
    reply.wait_time = _seconds(piece.get("load_duration"))
    reply.prompt_time = _seconds(piece.get("prompt_eval_duration"))
    reply.generation_time = _seconds(piece.get("eval_duration"))


def _seconds(nanoseconds: Any) -> float | None:
    if type(nanoseconds) is int and 0 <= nanoseconds < 10**18:
        return nanoseconds / 1e9
    return None


def _read_embedding(answer: Any, reply: Reply) -> None:
    if not isinstance(answer, dict):
        reply.pass_over("something that is not JSON")
    elif error := error_in(answer):
        reply.error = error
        reply.is_understood = True
    elif "embeddings" in answer or "embedding" in answer:
        _read_origin(answer, reply)
        _read_metrics(answer, reply)
        vectors = answer.get("embeddings")
        first = vectors[0] if isinstance(vectors, list) and vectors else answer.get("embedding")
        reply.dimensions = dimensions_of(first)
        reply.is_understood = True


def _read_progress(pieces: list[Any], reply: Reply) -> None:
    """Pull, push and create tell how far they are, thousands of times; what they did is told once each."""
    seen: dict[str, None] = {}
    for piece in pieces:
        if not isinstance(piece, dict):
            if piece is CUT:
                reply.is_cut = True
            elif piece is not GAP:
                reply.pass_over("something that is not JSON")
            continue
        error = error_in(piece) if "status" in piece else error_of_stranger(piece)
        if error:
            reply.error = error
        status = piece.get("status")
        if isinstance(status, str):
            seen[status] = None
        elif not error:
            seen[compact(piece)] = None
        reply.is_understood = reply.is_understood or not error or error_in(piece) is not None
    reply.texts = ["\n".join(seen)] if seen else []
    reply.is_finished = "success" in seen
