"""Which examples are parts of one conversation, so that none of it stands on both sides of a division.

Two examples are, when they begin with the same question: its repetitions, branches and lengths. Two examples are, when
their records name one conversation. Two examples are, when they share a question with its answer. A client that sends
only the last turns of a conversation (n8n's window memory) gives it a new first question with each request; a question
with its answer is what its requests have in common.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from service.exports.digest_set import Groups
from service.exports.messages import Message, conversation_key, fingerprints

# A greeting and its answer are in many conversations that have nothing else in common.
_TELLING_CHARACTERS: Final = 100
_KEY_BYTES: Final = 8


class TrainSplit:
    """Takes examples newest first, and draws a place from 0 to 1 for each conversation.

    The place is that of its oldest first question that is known: what is recorded later moves nothing, unless it
    joins two conversations. Takes some 24 bytes of memory for each example, and a private file.
    """

    def __init__(self) -> None:
        self._groups = Groups()
        self._group_of_example = array("Q")
        # Of each group: the one that it was joined to, or itself; and its place.
        self._joined_to = array("Q")
        self._places = array("d")

    def add(self, messages: Sequence[Message], conversation: str | None = None) -> None:
        """Take the next example. ``conversation``: the id that its record tells."""
        key = conversation_key(messages)
        marks = [key, *_answered_questions(messages)]
        if conversation is not None:
            marks.append(f"conversation {conversation}".encode("utf-8", "backslashreplace"))
        known = sorted({self._root(group) for group in self._groups.of(marks)})
        if known:
            group = known[0]
            for other in known[1:]:
                self._joined_to[other] = group
        else:
            group = len(self._joined_to)
            self._joined_to.append(group)
            self._places.append(0.0)
        self._places[group] = int.from_bytes(key[:_KEY_BYTES], "big") / 256**_KEY_BYTES
        self._groups.put(marks, group)
        self._group_of_example.append(group)

    def places(self) -> Iterator[float]:
        """The place of the conversation of each example, in the order in which they were taken."""
        return (self._places[self._root(group)] for group in self._group_of_example)

    def close(self) -> None:
        self._groups.close()

    def _root(self, group: int) -> int:
        while (following := self._joined_to[group]) != group:
            self._joined_to[group] = self._joined_to[following]
            group = following
        return group


def _answered_questions(messages: Sequence[Message]) -> Iterator[bytes]:
    question: Message | None = None
    for message in messages:
        if message["role"] == "user":
            question = message
        elif message["role"] == "assistant" and question and message["content"].strip():
            if len(question["content"]) + len(message["content"]) >= _TELLING_CHARACTERS:
                yield fingerprints([question, message])[-1]
            question = None
