"""What readers of spans show of a trace before anybody opens it: attributes of the SERVER span.

Phoenix and MLflow fill their first page from a trace's outermost span, which is HTTP's here. They read OpenInference's
names from it: its kind, input, output, user and session. Token counts stand on the model's span alone, as both add up
those of all spans.
"""

from typing import Final

from service.record.conversation import WordsInLine
from service.record.question import newest_question
from service.record.record import Record
from service.shipping.genai import Attribute, conversation_id, user_id
from service.shipping.span_content import SpanContent

_LONGEST: Final = 8_000


def list_view_attributes(record: Record, content: SpanContent, words: WordsInLine) -> dict[str, Attribute]:
    """The attributes for list views of a model call.

    The question is there where bodies or messages are. The answer is there where messages are, an error always.
    """
    request, turns, answer = words
    attributes: dict[str, Attribute] = {"openinference.span.kind": "CHAIN"}
    if (content.bodies or content.messages) and (question := newest_question(turns)):
        attributes["input.value"] = _shortened(question)
        attributes["input.mime_type"] = "text/plain"
    shown = ""
    if content.messages and answer is not None:
        calls = ", ".join(f"{call.name}({call.arguments})" for call in answer.tool_calls)
        shown = answer.text or calls or answer.thinking
    if shown := shown or (record.error or ""):
        attributes["output.value"] = _shortened(shown)
        attributes["output.mime_type"] = "text/plain"
    if user := user_id(record, request):
        attributes["user.id"] = user
    if conversation := conversation_id(record, request):
        attributes["session.id"] = conversation
    return attributes


def _shortened(text: str) -> str:
    """Both ends of a text that is longer than a list shows; the model's span has all of it."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
