"""What a person asked, among all that a program sent for them."""

import re
from collections.abc import Sequence

from service.record.chat_messages import ChatMessage
from service.record.open_webui import typed_words

_PAYLOAD = re.compile(r"<([a-z]{1,40}) (\d{1,15}) bytes")


def newest_question(turns: Sequence[ChatMessage]) -> str:
    """What the user asked last; what was sent last where there is no user; empty where nothing was sent."""
    asker = [turn for turn in turns if turn.role == "user"] or turns
    return next((words for turn in reversed(asker) if (words := question_in(turn.text) or images_in_words(turn))), "")


def question_in(text: str) -> str:
    """What was asked in a turn of the user: its text, or what a person typed of it; "": nothing was typed."""
    typed = typed_words(text)
    return text if typed is None else typed


def with_typed(turn: ChatMessage) -> ChatMessage:
    """``turn`` with the words that a person typed, where a program wrapped them."""
    typed = typed_words(turn.text) if turn.role == "user" else None
    return turn._replace(typed=typed) if typed else turn


def images_in_words(turn: ChatMessage) -> str:
    """The first images of a turn, in place of a text."""
    return ", ".join(payload_in_words(image) for image in turn.images[:4])


def payload_in_words(image: str) -> str:
    """What a record has in place of a payload, for people: ``image of 20 kB``."""
    known = _PAYLOAD.match(image)
    if known is None:
        return image.strip("<>")
    size = int(known[2])
    return f"{known[1]} of {size / 1e6:,.1f} MB" if size >= 1_000_000 else f"{known[1]} of {max(1, size // 1000)} kB"
