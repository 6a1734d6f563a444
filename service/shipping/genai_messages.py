"""What was asked and answered as GenAI messages: JSON text, the conventions' form for spans without nested attributes.

The turns come from the reader of requests that knows all three APIs, so a message says the same here as on the page.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from service.json_writing import write_json
from service.record.chat_messages import ChatMessage, ToolCall, instructions_of, tools_of
from service.record.conversation import WordsInLine
from service.record.generation import UNFINISHED
from service.record.operations import DRAWN
from service.record.record import Record
from service.record.tool_calls import parsed_arguments

Part = dict[str, Any]

NOT_FINISHED: Final = "error"
"""The conventions' finish reason of an answer that has no end of its own."""

_KIND = re.compile(r"<(image|audio|video)\b")
# Where a part is that is no image: a document, a file.
_NAMED_PLACE = re.compile(r"<([a-z_]{1,40}) ((?:https?://|file-)[^ >]{1,200})>")
_SYSTEM, _TEMPLATE, _USER, _SUFFIX, _TOOL = "system", "template", "user", "suffix", "tool"


def message_attributes(record: Record, words: WordsInLine) -> Iterator[tuple[str, str]]:
    """The attributes that hold messages. What is nested too deeply to be written as JSON is left out."""
    request, turns, answer = words
    if not request and record.operation != "transcribe":
        # No object: what is shown as one turn is the body as it came, and no message.
        turns = ()
    beside = len(list(instructions_of(request)))
    instructions, asked = [], []
    for turn in turns:
        if turn.role == _TEMPLATE:
            instructions.append({"type": _TEMPLATE, "content": turn.text})
        elif turn.role == _SYSTEM and beside:
            beside -= 1
            instructions.append(_text(turn.text))
        else:
            asked.append(_message(turn))
    yield from _written("gen_ai.system_instructions", instructions)
    yield from _written("gen_ai.input.messages", asked)
    if answer is not None:
        message: dict[str, Any] = {"role": "assistant", "parts": _answer_parts(record, answer)}
        # Deprecated, and yet Phoenix passes over a message that lacks it.
        message["finish_reason"] = finish_reason(record) or "stop"
        yield from _written("gen_ai.output.messages", [message])
    yield from _written("gen_ai.tool.definitions", [_definition(tool) for tool in tools_of(request)])


def finish_reason(record: Record) -> str | None:
    """Why the answer ended, ``NOT_FINISHED`` where it broke off; None where none came, or it does not tell."""
    if record.done_reason is not None and record.done_reason != UNFINISHED:
        return record.done_reason
    has_begun = record.response_text or record.thinking or record.tool_calls
    return NOT_FINISHED if record.done_reason == UNFINISHED or (record.failed and has_begun) else None


def _written(name: str, values: Sequence[Part]) -> Iterator[tuple[str, str]]:
    if values:
        try:
            yield name, write_json(values).decode()
        except TypeError:
            return


def _message(turn: ChatMessage) -> dict[str, Any]:
    role = _USER if turn.role == _SUFFIX else turn.role
    named = {"name": turn.name} if turn.name else {}
    if turn.role == _TOOL:
        identity = {"id": turn.tool_call_id} if turn.tool_call_id else {}
        result: Part = {"type": "tool_call_response", **identity, "response": turn.text}
        return {"role": role, **named, "parts": [result, *map(_payload, turn.images)]}
    return {"role": role, **named, "parts": _parts(turn)}


def _parts(turn: ChatMessage) -> list[Part]:
    parts = [_text(turn.thinking, "reasoning")] if turn.thinking else []
    parts += [_text(turn.text)] if turn.text else []
    parts += map(_payload, turn.images)
    parts += map(_call, turn.tool_calls)
    return parts


def _answer_parts(record: Record, answer: ChatMessage) -> list[Part]:
    if record.operation in DRAWN:
        return [_payload(word) for word in answer.text.splitlines() if word]
    return _parts(answer)


def _text(text: str, kind: str = "text") -> Part:
    return {"type": kind, "content": text}


def _payload(word: str) -> Part:
    """A part that is no text: where it is, or the word that the record keeps of it (its bytes are not in a record)."""
    named = _NAMED_PLACE.fullmatch(word)
    kind_of_place, place = (named[1], named[2]) if named else ("image", word)
    if place.startswith(("http://", "https://")):
        return {"type": "uri", "modality": kind_of_place, "uri": place}
    if place.startswith("file-"):
        return {"type": "file", "modality": kind_of_place, "file_id": place}
    kind = _KIND.match(word)
    modality = {"modality": kind[1]} if kind else {}
    return {"type": kind[1] if kind else "data", **modality, "content": word}


def _call(called: ToolCall) -> Part:
    identity = {"id": called.id} if called.id else {}
    arguments = parsed_arguments(called.arguments) if called.arguments else {}
    return {"type": "tool_call", **identity, "name": called.name, "arguments": arguments}


def _definition(tool: Mapping[str, Any]) -> Part:
    """A tool as the conventions write it, from OpenAI's, Ollama's or Anthropic's form."""
    function = tool.get("function")
    told = function if isinstance(function, dict) else tool
    kind = tool.get("type")
    found = {"type": kind if isinstance(kind, str) and kind != "custom" else "function", "name": told.get("name")}
    if isinstance(found["name"], str):
        if isinstance(description := told.get("description"), str):
            found["description"] = description
        parameters = told.get("parameters") or told.get("input_schema")
        return found | {"parameters": parameters} if isinstance(parameters, dict) else found
    return {"type": str(found["type"]), "name": str(found["type"])}
