"""Answers of the Anthropic-compatible API, ``/v1/messages``: one JSON object, or server-sent events."""

from typing import Any

from service.record.answer_errors import error_in, error_of_reason, error_of_stranger
from service.record.answer_parts import HIDDEN_THINKING, read_parts, type_of
from service.record.answer_streams import CUT, GAP, event_data, is_event_stream
from service.record.exchange import Body
from service.record.json_text import as_text
from service.record.replies import Reply, single, text_of, tokens
from service.record.tool_calls import CallPieces

# Events, and deltas, that say nothing which a record could tell.
_SILENT_EVENTS = frozenset({"ping", "content_block_stop"})
_SILENT_DELTAS = frozenset({"signature_delta", "citations_delta"})


def read(operation: str, body: Body, reply: Reply | None = None) -> Reply:
    """Read an answer of ``/v1/messages``. ``reply``: what was gathered from its beginning, where this goes on."""
    if is_event_stream(body):
        return _read_events(event_data(body), Reply(is_finished=False) if reply is None else reply)
    reply = Reply() if reply is None else reply
    answer = single(body)
    if not isinstance(answer, dict):
        reply.pass_over("something that is not JSON")
        return reply
    if error := error_in(answer):
        reply.error = error
        reply.is_understood = True
    content = answer.get("content")
    if isinstance(content, list | str) or answer.get("type") == "message":
        calls = CallPieces()
        # Ollama's content is null where the model wrote nothing.
        for number, block in enumerate(content if isinstance(content, list) else [content] if content else []):
            _read_block(block, number, calls, reply)
        reply.tool_calls += calls.whole()
        _read_message(answer, reply)
        _read_reason(answer, reply)
        reply.is_finished = reply.done_reason is not None
        reply.is_understood = True
    return reply


def _read_message(message: dict[str, Any], reply: Reply) -> None:
    reply.model = text_of(message.get("model")) or reply.model
    reply.id = text_of(message.get("id")) or reply.id
    _read_usage(message.get("usage"), reply)


def _read_reason(holder: dict[str, Any], reply: Reply) -> None:
    reply.done_reason = text_of(holder.get("stop_reason")) or reply.done_reason
    reply.error = reply.error or error_of_reason(reply.done_reason)


def _read_usage(usage: Any, reply: Reply) -> None:
    """What came from the cache, or went into it, is not part of Anthropic's ``input_tokens``."""
    if not isinstance(usage, dict):
        return
    prompt, completion = tokens(usage.get("input_tokens")), tokens(usage.get("output_tokens"))
    cached, kept = tokens(usage.get("cache_read_input_tokens")), tokens(usage.get("cache_creation_input_tokens"))
    if prompt is not None:
        reply.prompt_tokens = prompt + (cached or 0) + (kept or 0)
    reply.cached_tokens = reply.cached_tokens if cached is None else cached
    reply.completion_tokens = reply.completion_tokens if completion is None else completion


def _read_block(block: Any, index: Any, calls: CallPieces, reply: Reply) -> bool:
    """Take a content block, whole or as it begins; tells whether it carried anything."""
    if not isinstance(block, dict):
        return read_parts([block], reply)
    kind = str(type_of(block))
    # The caller's tools, and those of the server: server_tool_use, mcp_tool_use.
    if kind.endswith("tool_use"):
        calls.begin(as_text(index), block.get("id"), block.get("name"), block.get("input"))
        return True
    if kind == "redacted_thinking":
        reply.thoughts.append(HIDDEN_THINKING)
        return True
    return read_parts([block], reply)


def _read_events(pieces: list[Any], reply: Reply) -> Reply:
    calls = CallPieces()
    has_end = False
    for index, piece in enumerate(pieces):
        if not isinstance(piece, dict):
            _note_unreadable(piece, reply)
            continue
        kind = type_of(piece)
        carried = False
        if kind == "content_block_delta":
            carried = _read_delta(piece, calls, reply)
        elif kind == "content_block_start":
            carried = _read_block(piece.get("content_block"), piece.get("index"), calls, reply)
        elif kind == "message_start":
            message = piece.get("message")
            if isinstance(message, dict):
                _read_message(message, reply)
        elif kind == "message_delta":
            has_end = True
            if isinstance(delta := piece.get("delta"), dict):
                _read_reason(delta, reply)
                # Some clients hang up here, before message_stop.
                reply.is_finished = reply.is_finished or reply.done_reason is not None
            _read_usage(piece.get("usage"), reply)
        elif kind == "message_stop":
            reply.is_finished = True
        elif kind not in _SILENT_EVENTS:
            _read_other(piece, reply)
            continue
        reply.is_understood = True
        if carried and reply.first_piece is None:
            reply.first_piece = index
    reply.tool_calls += calls.whole()
    if not has_end:
        # What message_start says are guesses: Ollama counts when it has read the prompt.
        reply.prompt_tokens = reply.completion_tokens = reply.cached_tokens = None
    return reply


def _note_unreadable(piece: Any, reply: Reply) -> None:
    if piece is CUT:
        reply.is_cut = True
    elif piece is GAP or piece is None:
        reply.mark_gap()
        if piece is None:
            reply.pass_over("an event that is not JSON")


def _read_other(piece: dict[str, Any], reply: Reply) -> None:
    if error := error_of_stranger(piece):
        reply.error = error
        reply.is_understood = True
    elif piece:
        reply.pass_over("an event that nobody knows")


def _read_delta(piece: dict[str, Any], calls: CallPieces, reply: Reply) -> bool:
    delta = piece.get("delta")
    if not isinstance(delta, dict):
        return False
    kind = str(type_of(delta))
    if arguments := text_of(delta.get("partial_json")):
        calls.add(as_text(piece.get("index")), None, None, arguments)
        return True
    if text := text_of(delta.get("text")):
        reply.texts.append(text)
        return True
    if thought := text_of(delta.get("thinking")):
        reply.thoughts.append(thought)
        return True
    if kind not in _SILENT_DELTAS and not kind.startswith(("text", "thinking", "input_json")) and len(delta) > 1:
        reply.pass_over(f"a delta of the type {kind[:50]!r}")
    return False
