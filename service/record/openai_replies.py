"""Answers of the OpenAI-compatible API: one JSON object, or server-sent events."""

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

_BETWEEN_CHOICES = "\n\n"


def read(operation: str, body: Body, reply: Reply | None = None) -> Reply:
    """Read an answer of ``/v1/chat/completions``, ``completions``, ``embeddings``, ``responses`` or ``audio``.

    ``reply``: what was gathered from its beginning, where this goes on.
    """
    if is_event_stream(body):
        return _read_events(event_data(body), Reply(is_finished=False) if reply is None else reply)
    reply = Reply() if reply is None else reply
    answer = single(body)
    if not isinstance(answer, dict):
        if operation == "transcribe" and body.content_type.startswith("text/"):
            reply.texts = [body.head.decode("utf-8", "replace")]
            reply.is_understood = True
        else:
            reply.problem = "the answer is not JSON"
        return reply
    if answer.get("error"):
        reply.error = error_of(answer["error"])
        reply.is_understood = True
    reply.model = text_of(answer.get("model"))
    choices, output, data = answer.get("choices"), answer.get("output"), answer.get("data")
    if isinstance(choices, list):
        _read_choices(choices, reply)
    elif isinstance(output, list):
        _read_response(answer, reply)
    elif operation == "transcribe" and isinstance(answer.get("text"), str):
        reply.texts = [answer["text"]]
        reply.is_finished = reply.is_understood = True
    elif operation == "embed" and isinstance(data, list):
        reply.is_understood = True
    _read_usage(answer.get("usage"), reply)
    if isinstance(output, list) and reply.prompt_tokens == reply.completion_tokens == 0:
        # Ollama calls every response completed; only one that ended without its end marker has no tokens at all.
        reply.done_reason, reply.is_finished = None, False
    return reply


def _read_usage(usage: Any, reply: Reply) -> None:
    if isinstance(usage, dict):
        reply.prompt_tokens = _first(tokens(usage.get("prompt_tokens")), tokens(usage.get("input_tokens")))
        reply.completion_tokens = _first(tokens(usage.get("completion_tokens")), tokens(usage.get("output_tokens")))


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


class _Choice:
    """One of the answers that were asked for with ``n``."""

    __slots__ = ("calls", "texts", "thoughts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.calls: dict[int, list[Any]] = {}

    def add(self, found: dict[str, Any]) -> bool:
        """Take a message or a delta; tells whether it carried anything."""
        text = found.get("content")
        if text is None:
            text = found.get("text")
        if isinstance(text, list):
            text = "".join(
                part["text"] for part in text if isinstance(part, dict) and isinstance(part.get("text"), str)
            )
        thought = found.get("reasoning") or found.get("reasoning_content") or found.get("thinking")
        calls = found.get("tool_calls")
        if not calls and isinstance(found.get("function_call"), dict):
            # What there was before there were tools: one call at most, without an id.
            calls = [{"function": found["function_call"]}]
        carried = False
        if text and isinstance(text, str):
            self.texts.append(text)
            carried = True
        if thought and isinstance(thought, str):
            self.thoughts.append(thought)
            carried = True
        refusal = found.get("refusal")
        if refusal and isinstance(refusal, str):
            self.texts.append(refusal)
            carried = True
        if calls and isinstance(calls, list):
            self._add_calls(calls)
            carried = True
        return carried

    def _add_calls(self, calls: list[Any]) -> None:
        for position, found in enumerate(calls):
            if not isinstance(found, dict):
                continue
            index = found.get("index")
            number = index if type(index) is int else position
            function = found.get("function")
            name, arguments = None, None
            if isinstance(function, dict):
                name, arguments = function.get("name"), function.get("arguments")
            known = self.calls.get(number)
            # Ollama gives every call of a stream whole, several under the same index; OpenAI gives pieces of one.
            if known is None or (found.get("id") and known[0] and found["id"] != known[0]):
                self.calls[number if known is None else -1 - len(self.calls)] = [found.get("id"), name, [arguments]]
            else:
                known[2].append(arguments)


def _called(entry: list[Any]) -> dict[str, Any]:
    call_id, name, pieces = entry
    texts = [piece for piece in pieces if isinstance(piece, str)]
    arguments = "".join(texts) if texts or pieces == [None] else pieces[-1]
    return call(call_id, name, arguments)


def _close_choices(choices: dict[int, _Choice], reply: Reply) -> None:
    several = len(choices) > 1
    for number in sorted(choices):
        choice = choices[number]
        if several:
            if reply.texts and choice.texts:
                reply.texts.append(_BETWEEN_CHOICES)
            if reply.thoughts and choice.thoughts:
                reply.thoughts.append(_BETWEEN_CHOICES)
        reply.texts += choice.texts
        reply.thoughts += choice.thoughts
        reply.tool_calls += [_called(entry) for entry in choice.calls.values()]


def _read_choices(found: list[Any], reply: Reply) -> None:
    choices: dict[int, _Choice] = {}
    for position, item in enumerate(found):
        if isinstance(item, dict):
            choice = choices[position] = _Choice()
            message = item.get("message")
            choice.add(message if isinstance(message, dict) else item)
            reply.done_reason = text_of(item.get("finish_reason")) or reply.done_reason
    _close_choices(choices, reply)
    reply.is_finished = reply.done_reason is not None
    reply.is_understood = True


def _read_response(answer: dict[str, Any], reply: Reply) -> None:
    """The object of ``/v1/responses``."""
    for item in answer["output"] if isinstance(answer.get("output"), list) else ():
        if isinstance(item, dict):
            _read_output_item(item, reply)
    incomplete = answer.get("incomplete_details")
    reason = incomplete.get("reason") if isinstance(incomplete, dict) else None
    reply.done_reason = text_of(reason) or text_of(answer.get("status"))
    reply.is_finished = answer.get("status") != "in_progress"
    reply.is_understood = True


def _read_output_item(item: dict[str, Any], reply: Reply) -> None:
    if item.get("type") == "function_call":
        reply.tool_calls.append(call(item.get("call_id") or item.get("id"), item.get("name"), item.get("arguments")))
        return
    into = reply.thoughts if item.get("type") == "reasoning" else reply.texts
    for parts in (item.get("content"), item.get("summary")):
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and (text := text_of(part.get("text")) or text_of(part.get("refusal"))):
                into.append(text)


def _read_events(pieces: list[Any], reply: Reply) -> Reply:
    choices: dict[int, _Choice] = {}
    # Calls of /v1/responses that go on: [id, name, pieces of the arguments].
    calls: dict[Any, list[Any]] = {}
    for index, piece in enumerate(pieces):
        if isinstance(piece, dict):
            found = piece.get("choices")
            if isinstance(found, list):
                carried = _read_deltas(found, choices, reply)
                if reply.model is None:
                    reply.model = text_of(piece.get("model"))
                if piece.get("usage"):
                    _read_usage(piece["usage"], reply)
                reply.is_understood = True
            else:
                carried = _read_typed_event(piece, calls, reply)
            if carried and reply.first_piece is None:
                reply.first_piece = index
        elif piece == "[DONE]":
            reply.is_finished = True
        elif piece is GAP:
            for choice in choices.values():
                (choice.texts or choice.thoughts or []).append(GAP_IN_TEXT)
            if reply.texts:
                reply.texts.append(GAP_IN_TEXT)
        else:
            reply.problem = "the answer holds an event that is not JSON"
    _close_choices(choices, reply)
    # What broke off before it was told whole.
    reply.tool_calls += map(_called, calls.values())
    return reply


def _read_deltas(found: list[Any], choices: dict[int, _Choice], reply: Reply) -> bool:
    carried = False
    for item in found:
        if not isinstance(item, dict):
            continue
        index = item.get("index")
        number = index if type(index) is int else 0
        choice = choices.get(number)
        if choice is None:
            choice = choices[number] = _Choice()
        delta = item.get("delta")
        carried = choice.add(delta if isinstance(delta, dict) else item) or carried
        if item.get("finish_reason"):
            reply.done_reason = text_of(item["finish_reason"])
    return carried


def _read_typed_event(piece: dict[str, Any], calls: dict[Any, list[Any]], reply: Reply) -> bool:
    """An event of ``/v1/responses`` or of a streamed transcription, or an error. Tells whether it carried anything."""
    kind = piece.get("type")
    delta = text_of(piece.get("delta"))
    if not isinstance(kind, str) or kind == "error" or piece.get("error"):
        if piece.get("error") or kind == "error":
            reply.error = error_of(piece.get("error") or piece)
            reply.is_understood = True
        return False
    reply.is_understood = True
    if kind in ("response.output_text.delta", "transcript.text.delta", "response.refusal.delta"):
        reply.texts += [delta] if delta else []
        return delta is not None
    if kind.startswith("response.reasoning") and kind.endswith(".delta"):
        reply.thoughts += [delta] if delta else []
        return delta is not None
    number = str(piece.get("output_index"))
    if kind in ("response.output_item.added", "response.output_item.done"):
        item = piece.get("item")
        if not isinstance(item, dict) or item.get("type") != "function_call":
            return False
        if kind == "response.output_item.added":
            calls[number] = [item.get("call_id") or item.get("id"), item.get("name"), [""]]
            return False
        calls.pop(number, None)
        _read_output_item(item, reply)
        return True
    if kind == "response.function_call_arguments.delta":
        if delta is not None:
            calls.setdefault(number, [None, None, []])[2].append(delta)
        return delta is not None
    if kind == "transcript.text.done":
        reply.is_finished = True
        if not reply.texts and text_of(piece.get("text")):
            reply.texts.append(piece["text"])
            return True
        return False
    response = piece.get("response")
    if isinstance(response, dict):
        _read_response_state(kind, response, calls, reply)
    return False


def _read_response_state(kind: str, response: dict[str, Any], calls: dict[Any, list[Any]], reply: Reply) -> None:
    """``response.created`` … ``response.completed``: the whole object, as it is by then."""
    reply.model = text_of(response.get("model")) or reply.model
    if kind not in ("response.completed", "response.failed", "response.incomplete"):
        return
    whole = Reply()
    _read_response(response, whole)
    reply.done_reason, reply.is_finished = whole.done_reason, True
    # The deltas tell the same; the last event alone does when they fell into a gap.
    if not reply.texts and not reply.thoughts and not reply.tool_calls:
        reply.texts, reply.thoughts, reply.tool_calls = whole.texts, whole.thoughts, whole.tool_calls
        calls.clear()
    if response.get("error"):
        reply.error = error_of(response["error"])
    _read_usage(response.get("usage"), reply)
