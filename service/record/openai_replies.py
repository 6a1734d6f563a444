"""Answers of the OpenAI-compatible API: one JSON object, or server-sent events."""

from typing import Any

from service.record.answer_errors import (
    RUNNER_GONE,
    error_in,
    error_of,
    error_of_reason,
    error_of_stranger,
    is_page,
)
from service.record.answer_parts import image_of, listed, pass_over_unknown, read_parts
from service.record.answer_streams import CUT, DONE, GAP, event_data, is_event_stream, lines_of_chunks
from service.record.bodies import decoded, is_like_json
from service.record.exchange import Body
from service.record.json_text import as_text
from service.record.openai_responses import ResponseEvents, read_response, read_usage
from service.record.replies import Reply, dimensions_of, single, text_of
from service.record.surrogates import joined
from service.record.thinking_tags import split_thinking
from service.record.tool_calls import CallPieces

_BETWEEN_CHOICES = "\n\n"
_ENDED_WELL = frozenset({None, "stop", "tool_calls", "function_call"})
_CHUNKS = frozenset({"chat.completion.chunk", "text_completion"})
_KNOWN_IN_DELTA = frozenset(
    (
        *("role", "content", "text", "tool_calls", "function_call", "refusal", "name", "images", "audio"),
        *("reasoning", "reasoning_content", "reasoning_details", "thinking", "thinking_blocks", "error"),
        # A choice without a message or delta, as of /v1/completions.
        *("index", "finish_reason", "logprobs", "stop_reason", "matched_stop", "native_finish_reason"),
    )
)


def read(operation: str, body: Body, reply: Reply | None = None) -> Reply:
    """Read an answer of one of the ``/v1`` routes. ``reply``: what was gathered from its beginning."""
    if is_event_stream(body):
        return _read_events(event_data(body), Reply(is_finished=False) if reply is None else reply)
    reply = Reply() if reply is None else reply
    answer = single(body)
    if lines := lines_of_chunks(answer, body):
        reply.is_finished = bool(reply.is_finished)
        return _read_events(lines, reply)
    if not isinstance(answer, dict):
        if operation == "transcribe" and not is_page(body) and not is_like_json(body.head):
            # Plain text, or subtitles of whichever form.
            reply.texts = [decoded(body.head)]
            reply.is_understood = True
        else:
            reply.pass_over("something that is not JSON")
        return reply
    if error := error_in(answer):
        reply.error = error
        reply.is_understood = True
    reply.model, reply.id = text_of(answer.get("model")), text_of(answer.get("id"))
    choices, output, data = answer.get("choices"), answer.get("output"), answer.get("data")
    if isinstance(choices, list):
        _read_choices(choices, reply)
    elif isinstance(output, list):
        read_response(answer, reply)
    elif operation == "transcribe" and isinstance(answer.get("text"), str):
        reply.texts = [answer["text"]]
        reply.is_finished = reply.is_understood = True
        if any(isinstance(value, list) and value for value in answer.values()):
            reply.pass_over("the times of its parts")
    elif operation == "embed" and isinstance(data, list):
        reply.dimensions = dimensions_of(data[0].get("embedding")) if data and isinstance(data[0], dict) else None
        reply.is_understood = True
    elif operation == "image" and isinstance(data, list):
        _read_images(data, reply)
    read_usage(answer.get("usage"), reply)
    if isinstance(output, list) and reply.prompt_tokens == reply.completion_tokens == 0:
        # Ollama calls every response completed; only one that ended without its end marker has no tokens at all.
        reply.done_reason, reply.is_finished = None, False
    return reply


def _read_images(data: list[Any], reply: Reply) -> None:
    words = [image_of(each | {"type": "image"}) if isinstance(each, dict) else None for each in data]
    reply.texts = ["\n".join(word or "<image>" for word in words)] if words else []
    reply.is_finished = reply.is_understood = True


class _Choice:
    """One of the answers that were asked for with ``n``."""

    __slots__ = ("calls", "gathered", "is_finished")

    def __init__(self) -> None:
        self.gathered = Reply()
        self.calls = CallPieces()
        self.is_finished = False

    def add(self, found: dict[str, Any], *, is_whole: bool = False) -> bool:
        """Take a message, which is whole, or a delta; tells whether it carried anything."""
        text = found.get("content")
        if text is None:
            text = found.get("text")
        carried = False
        if isinstance(text, str):
            if text:
                self.gathered.texts.append(text)
                carried = True
        elif isinstance(text, list):
            carried = read_parts(text, self.gathered)
        elif text is not None:
            self.gathered.pass_over("a content that is no text")
        if text is None or len(found) != 1 + ("role" in found):
            carried = self._add_others(found, is_whole) or carried
        return carried

    def _add_others(self, found: dict[str, Any], is_whole: bool) -> bool:
        """What a delta of text alone has not."""
        gathered = self.gathered
        carried = False
        thought = found.get("reasoning") or found.get("reasoning_content") or found.get("thinking")
        if not thought and isinstance(found.get("reasoning_details"), list):
            thought = found["reasoning_details"]
        if thought and isinstance(thought, str):
            gathered.thoughts.append(thought)
            carried = True
        elif thought:
            carried = read_parts(listed(thought), gathered, are_thoughts=True)
        if refusal := found.get("refusal"):
            carried = read_parts(listed(refusal), gathered) or carried
        if images := found.get("images"):
            carried = read_parts(listed(images), gathered) or carried
        if isinstance(audio := found.get("audio"), dict) and (transcript := text_of(audio.get("transcript"))):
            gathered.texts.append(transcript)
            gathered.pass_over("sound")
            carried = True
        elif audio:
            gathered.pass_over("sound")
        carried = self._add_calls(found, is_whole) or carried
        if not found.keys() <= _KNOWN_IN_DELTA:
            is_beside = carried or bool(found.get("content")) or bool(found.get("text"))
            pass_over_unknown(found, _KNOWN_IN_DELTA, gathered, is_beside=is_beside)
        return carried

    def _add_calls(self, found: dict[str, Any], is_whole: bool) -> bool:
        calls = found.get("tool_calls")
        if not calls and isinstance(found.get("function_call"), dict):
            # What there was before there were tools: one call at most, without an id.
            calls = [{"index": 0, "function": found["function_call"]}]
        if not calls:
            return False
        for position, each in enumerate(listed(calls)):
            if not isinstance(each, dict):
                self.gathered.pass_over("a call that is none")
                continue
            index = each.get("index")
            function, custom = each.get("function"), each.get("custom")
            name = arguments = None
            if isinstance(function, dict):
                name, arguments = function.get("name"), function.get("arguments")
            elif isinstance(custom, dict):
                name, arguments = custom.get("name"), custom.get("input")
            if is_whole:
                self.calls.begin(position, each.get("id"), name, arguments)
            else:
                self.calls.add(index if type(index) is int else position, each.get("id"), name, arguments)
        return True


def _close_choices(choices: dict[int, _Choice], reply: Reply) -> None:
    several = len(choices) > 1
    for number in sorted(choices):
        choice = choices[number].gathered
        thinking, text = split_thinking(joined("".join(choice.thoughts)), joined("".join(choice.texts)))
        if several:
            if reply.texts and text:
                reply.texts.append(_BETWEEN_CHOICES)
            if reply.thoughts and thinking:
                reply.thoughts.append(_BETWEEN_CHOICES)
        reply.texts += [text] if text else []
        reply.thoughts += [thinking] if thinking else []
        reply.tool_calls += choices[number].calls.whole()
        reply.problem = reply.problem or choice.problem


def _read_choices(found: list[Any], reply: Reply) -> None:
    choices: dict[int, _Choice] = {}
    for position, item in enumerate(found):
        if isinstance(item, dict):
            choice = choices[position] = _Choice()
            message = item.get("message")
            holder = message if isinstance(message, dict) else item
            choice.add(holder, is_whole=True)
            _read_reason(item, holder, choice, reply)
        elif item is not None:
            reply.pass_over("a choice that is no object")
    _close_choices(choices, reply)
    reply.is_finished = reply.done_reason is not None
    reply.is_understood = True


def _read_reason(item: dict[str, Any], holder: dict[str, Any], choice: _Choice, reply: Reply) -> None:
    """Why a choice ended, which may be an error. ``holder``: its message or delta."""
    if item.get("finish_reason"):
        if reply.done_reason in _ENDED_WELL:
            # Of several answers the one tells that did not end by itself.
            reply.done_reason = text_of(item["finish_reason"]) or reply.done_reason
        choice.is_finished = True
    if found := item.get("error") or holder.get("error"):
        reply.error = error_of(found)
    elif reply.error is None:
        reply.error = error_of_reason(reply.done_reason)


def _read_events(pieces: list[Any], reply: Reply) -> Reply:
    choices: dict[int, _Choice] = {}
    events = ResponseEvents(reply)
    last: dict[str, Any] = {}
    for index, piece in enumerate(pieces):
        if isinstance(piece, dict):
            if "choices" in piece or as_text(piece.get("object")) in _CHUNKS:
                carried = _read_chunk(piece, choices, reply)
                last = piece
            else:
                carried = _read_event(piece, events, reply)
            if carried and reply.first_piece is None:
                reply.first_piece = index
        elif piece == DONE:
            reply.is_finished = True
        elif piece is CUT:
            reply.is_cut = True
        else:
            _mark_gap(choices, reply)
            if piece is not GAP:
                reply.pass_over("an event that is not JSON")
    if choices and all(choice.is_finished for choice in choices.values()):
        # Some clients hang up here, before [DONE].
        reply.is_finished = True
    _close_choices(choices, reply)
    events.close()
    if reply.error is None and not reply.is_finished and _stands_for_an_error(last):
        reply.error = RUNNER_GONE
    return reply


def _mark_gap(choices: dict[int, _Choice], reply: Reply) -> None:
    for choice in choices.values():
        choice.gathered.mark_gap()
    reply.mark_gap()


def _read_chunk(piece: dict[str, Any], choices: dict[int, _Choice], reply: Reply) -> bool:
    found = piece.get("choices")
    carried = _read_deltas(found, choices, reply) if isinstance(found, list) else False
    if reply.model is None:
        reply.model, reply.id = text_of(piece.get("model")), text_of(piece.get("id"))
    if piece.get("usage"):
        read_usage(piece["usage"], reply)
    if "error" in piece and (error := error_in(piece)):
        reply.error = error
    reply.is_understood = True
    return carried


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
        if not isinstance(delta, dict):
            delta = message if isinstance(message := item.get("message"), dict) else item
        carried = choice.add(delta) or carried
        if item.get("finish_reason") or "error" in item or "error" in delta:
            _read_reason(item, delta, choice, reply)
    return carried


def _stands_for_an_error(piece: dict[str, Any]) -> bool:
    """Whether a chunk is what Ollama makes of an error line of its own: no model, no words, no end."""
    choices = piece.get("choices")
    if piece.get("model") != "" or not isinstance(choices, list) or len(choices) != 1:
        return False
    choice = choices[0]
    if not isinstance(choice, dict) or choice.get("finish_reason"):
        return False
    delta = choice.get("delta", choice)
    return isinstance(delta, dict) and not _Choice().add(delta)


def _read_event(piece: dict[str, Any], events: ResponseEvents, reply: Reply) -> bool:
    """An event of ``/v1/responses`` or of a streamed transcription, a usage by itself, or an error."""
    kind = piece.get("type")
    if isinstance(kind, str) and events.knows(kind):
        reply.is_understood = True
        return events.take(kind, piece)
    if error := error_of_stranger(piece):
        reply.error = error
        reply.is_understood = True
    elif isinstance(piece.get("usage"), dict):
        read_usage(piece["usage"], reply)
    elif piece:
        reply.pass_over("an event that nobody knows")
    return False
