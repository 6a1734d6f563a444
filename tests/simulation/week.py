"""A week of chats as Ollama would read them: what was sent, and how much of it went into the context.

The chats are invented, the text is not: sentences of nine languages, this project's own Python and JSON. Messages are
left out, and texts are cut, by the rules of Ollama 0.17 (``halves`` False) and of 0.32 and later (``halves`` True).
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.simulation.sentences import SENTENCES

PROJECT = Path(__file__).parents[2]
NUM_CTX = 2048
_KEPT = 4
_LANGUAGES = (*SENTENCES, "code", "JSON")

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """What a chat template writes around a message of a role, and at the end."""

    begin: str
    before: str
    after: str
    end: str


LLAMA3 = Template(
    "<|begin_of_text|>",
    "<|start_header_id|>{role}<|end_header_id|>\n\n",
    "<|eot_id|>",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)
PLAIN = Template("", "{role}: ", "\n", "assistant:")


@dataclass(frozen=True, slots=True)
class Request:
    """A request: ``read`` of its ``whole`` tokens were read, ``left_out`` of its oldest messages were not."""

    chat: int
    messages: list[Message]
    whole: int
    read: int
    written: int
    left_out: int = 0

    @property
    def is_cut(self) -> bool:
        return self.read < self.whole

    def body(self) -> dict[str, Any]:
        """What a client sends to ``/api/chat``."""
        return {"model": "m", "messages": self.messages, "options": {"num_ctx": NUM_CTX}, "stream": False}


@dataclass(slots=True)
class Week:
    """Makes requests of ``chats`` chats, in the order of a week: chats go on beside each other."""

    count: Callable[[str], int]
    template: Template = LLAMA3
    halves: bool = False
    chats: int = 900
    seed: int = 1
    _sizes: dict[tuple[str, str], int] = field(default_factory=dict)

    def requests(self) -> Iterator[Request]:
        """All requests. Each chat is of one language, and about half of them mix in code or JSON."""
        chance = random.Random(self.seed)
        going: list[Iterator[Request]] = [self._chat(number, chance) for number in range(self.chats)]
        while going:
            # Some thirty of them go on at a time.
            at = chance.randrange(min(30, len(going)))
            request = next(going[at], None)
            if request is None:
                going.pop(at)
            else:
                yield request

    def _chat(self, number: int, chance: random.Random) -> Iterator[Request]:
        language = chance.choice(_LANGUAGES)
        others = chance.choice((language, language, "code", "JSON"))
        messages: list[Message] = []
        if chance.random() < 0.5:
            messages.append({"role": "system", "content": text(chance.choice(_LANGUAGES), chance, 200, 1200)})
        longest = chance.choice((150, 400, 1200, 4000))
        turns = chance.randint(1, 14)
        # As workflows ask that keep the history themselves and send it once.
        is_sent_once = chance.random() < 0.2
        for turn in range(turns):
            if chance.random() < 0.02:
                # A whole document, longer than the context.
                messages.append({"role": "user", "content": text(language, chance, 6000, 20000)})
            else:
                messages.append(
                    {"role": "user", "content": text(chance.choice((language, others)), chance, 5, longest)}
                )
            written = chance.randint(5, 120)
            if turn == turns - 1 or not is_sent_once:
                yield self._read(number, [*messages], written)
            messages.append(
                {"role": "assistant", "content": text(chance.choice((language, others)), chance, 5, longest)}
            )

    def _read(self, number: int, messages: list[Message], written: int) -> Request:
        """As ``chatPrompt`` of Ollama leaves messages out, and as its runners cut what is still too long."""
        around = self.count(self.template.begin) + self.count(self.template.end)
        sizes = [self._size(message) for message in messages]
        whole = around + sum(sizes)
        read, left_out = whole, 0
        for size, message in zip(sizes[:-1], messages[:-1], strict=True):
            if read <= NUM_CTX:
                break
            if message["role"] != "system":
                read -= size
                left_out += 1
        if read > (NUM_CTX - 1 if self.halves else NUM_CTX):
            read = NUM_CTX - (NUM_CTX - _KEPT - 1) // 2 if self.halves else NUM_CTX
        return Request(number, messages, whole, read, written, left_out)

    def _size(self, message: Message) -> int:
        key = message["role"], message["content"]
        size = self._sizes.get(key)
        if size is None:
            before = self.template.before.format(role=message["role"])
            size = self._sizes[key] = self.count(before + message["content"] + self.template.after)
        return size


def text(language: str, chance: random.Random, least: int, most: int) -> str:
    """So many characters of ``language``, short texts being more frequent than long ones."""
    length = int(least * (most / least) ** chance.random())
    if language in SENTENCES:
        found, size = [], 0
        while size < length:
            sentence = chance.choice(SENTENCES[language])
            if chance.random() < 0.3:
                sentence += f" ({chance.randrange(1, 5000)})"
            found.append(sentence)
            size += len(sentence) + 1
        return ("" if language in ("Japanese", "Chinese") else " ").join(found)[:length]
    source = _source(language)
    at = chance.randrange(max(1, len(source) - length))
    return source[at : at + length]


@cache
def _source(language: str) -> str:
    if language == "code":
        return "\n".join(path.read_text() for path in sorted((PROJECT / "service").rglob("*.py")))
    found = [json.loads((PROJECT / "service/inspector/openapi.json").read_text())]
    return "\n".join(json.dumps(one, indent=indent) for one in found for indent in (None, 2))
