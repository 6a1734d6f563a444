"""Which Ollama served a conversation last: its prompt is in the cache there."""

import hashlib
from collections import OrderedDict
from typing import Final

from service.json_writing import write_json
from service.record.request_facts import Asked

_MOST: Final = 8192
# So much of a prompt without messages tells it from others.
_BEGINNING: Final = 2000


class Conversations:
    """The last upstream of each of the newest conversations."""

    def __init__(self) -> None:
        self._last: OrderedDict[bytes, str] = OrderedDict()

    def last(self, conversation: bytes | None) -> str | None:
        """The name of the upstream, None where nothing is known."""
        return None if conversation is None else self._last.get(conversation)

    def note(self, conversation: bytes | None, upstream: str) -> None:
        """It has just been served there."""
        if conversation is None:
            return
        self._last[conversation] = upstream
        self._last.move_to_end(conversation)
        if len(self._last) > _MOST:
            self._last.popitem(last=False)


def conversation_of(asked: Asked) -> bytes | None:
    """What the calls of one conversation have in common: the model, and what it begins with up to the first question.

    None: the request cannot be read, or is no conversation.
    """
    document = asked.document
    if document is None or asked.model is None:
        return None
    turns = document.get("messages", document.get("input"))
    beginning: object
    if isinstance(turns, list) and turns:
        first = next((place for place, turn in enumerate(turns) if isinstance(turn, dict) and _is_question(turn)), 0)
        beginning = turns[: first + 1]
    elif isinstance(words := turns or document.get("prompt"), str):
        beginning = words[:_BEGINNING]
    else:
        return None
    instructions = document.get("system", document.get("instructions"))
    try:
        written = write_json([asked.model, instructions, beginning])
    except TypeError:
        return None
    return hashlib.blake2b(written, digest_size=12).digest()


def _is_question(turn: dict[str, object]) -> bool:
    return turn.get("role") == "user"
