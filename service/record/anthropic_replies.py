"""Answers of the Anthropic-compatible API, ``/v1/messages``: one JSON object, or server-sent events."""

from typing import Any

from service.record.exchange import Body
from service.record.replies import (
    GAP,
    GAP_IN_TEXT,
    Reply,
    call,
    error_of,
    event_data,
    is_event_stream,
    single,
    text_of,
    tokens,
)


def read(operation: str, body: Body, reply: Reply | None = None) -> Reply:
    """Read an answer of ``/v1/messages``. ``reply``: what was gathered from its beginning, where this goes on."""
    if is_event_stream(body):
        return _read_events(event_data(body), Reply(is_finished=False) if reply is None else reply)
    reply = Reply() if reply is None else reply
    answer = single(body)
    if not isinstance(answer, dict):
        reply.problem = "the answer is not JSON"
        return reply
    if answer.get("error"):
        reply.error = error_of(answer["error"])
        reply.is_understood = True
    content = answer.get("content")
    if isinstance(content, list) or answer.get("type") == "message":
        # Ollama's content is null where the model wrote nothing.
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                _read_block(block, reply)
        _read_message(answer, reply)
        reply.done_reason = text_of(answer.get("stop_reason"))
        reply.is_finished = reply.done_reason is not None
        reply.is_understood = True
    return reply


def _read_message(message: dict[str, Any], reply: Reply) -> None:
    reply.model = text_of(message.get("model")) or reply.model
    _read_usage(message.get("usage"), reply)


def _read_usage(usage: Any, reply: Reply) -> None:
    if not isinstance(usage, dict):
        return
    prompt, completion = tokens(usage.get("input_tokens")), tokens(usage.get("output_tokens"))
    reply.prompt_tokens = reply.prompt_tokens if prompt is None else prompt
    reply.completion_tokens = reply.completion_tokens if completion is None else completion


def _read_block(block: dict[str, Any], reply: Reply) -> bool:
    """Take a content block that is whole; tells whether it carried anything."""
    if block.get("type") == "tool_use":
        reply.tool_calls.append(call(block.get("id"), block.get("name"), block.get("input")))
        return True
    text, thought = text_of(block.get("text")), text_of(block.get("thinking"))
    if text:
        reply.texts.append(text)
    if thought:
        reply.thoughts.append(thought)
    return bool(text or thought)


def _read_events(pieces: list[Any], reply: Reply) -> Reply:
    calls: dict[Any, list[Any]] = {}
    has_end = False
    for index, piece in enumerate(pieces):
        if not isinstance(piece, dict):
            if piece is GAP:
                (reply.texts or reply.thoughts or []).append(GAP_IN_TEXT)
            elif piece is None:
                reply.problem = "the answer holds an event that is not JSON"
            continue
        kind = piece.get("type")
        carried = False
        if kind == "content_block_delta":
            carried = _read_delta(piece, calls, reply)
        elif kind == "content_block_start":
            carried = _read_start(piece, calls, reply)
        elif kind == "message_start":
            message = piece.get("message")
            if isinstance(message, dict):
                _read_message(message, reply)
        elif kind == "message_delta":
            has_end = True
            delta = piece.get("delta")
            reply.done_reason = text_of(delta.get("stop_reason")) if isinstance(delta, dict) else None
            _read_usage(piece.get("usage"), reply)
        elif kind == "message_stop":
            reply.is_finished = True
        elif "error" in piece:
            reply.error = error_of(piece["error"])
        elif not isinstance(kind, str):
            continue
        reply.is_understood = True
        if carried and reply.first_piece is None:
            reply.first_piece = index
    reply.tool_calls += [call(found, name, "".join(texts) or empty) for found, name, texts, empty in calls.values()]
    if not has_end:
        # What message_start says are guesses: Ollama counts when it has read the prompt.
        reply.prompt_tokens = reply.completion_tokens = None
    return reply


def _read_start(piece: dict[str, Any], calls: dict[Any, list[Any]], reply: Reply) -> bool:
    block = piece.get("content_block")
    if not isinstance(block, dict):
        return False
    if block.get("type") == "tool_use":
        calls[str(piece.get("index"))] = [block.get("id"), block.get("name"), [], block.get("input")]
        return True
    return _read_block(block, reply)


def _read_delta(piece: dict[str, Any], calls: dict[Any, list[Any]], reply: Reply) -> bool:
    delta = piece.get("delta")
    if not isinstance(delta, dict):
        return False
    arguments = text_of(delta.get("partial_json"))
    if arguments:
        known = calls.setdefault(str(piece.get("index")), [None, None, [], {}])
        known[2].append(arguments)
        return True
    return _read_block(delta, reply)
