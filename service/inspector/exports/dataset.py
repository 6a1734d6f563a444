"""A data set for fine-tuning: conversations divided into training and validation, in a form that loads as it is.

Two files of JSON lines and a card. They differ from ``chats`` in one thing: ``tools`` is a JSON *text*, and so are the
arguments of calls. Tools are described by schemas that have no form in common; as columns of Arrow, in which Hugging
Face's ``datasets`` keeps everything, each of them would get the fields of all others, empty. TRL reads the text.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from service.inspector.exports.chats import ChatOptions, Example, Reason, examples
from service.inspector.exports.messages import Message, conversation_key
from service.journal.reader import KeptRecord

TRAIN: Final = "train"
VALIDATION: Final = "validation"
FILES: Final = {TRAIN: "train.jsonl", VALIDATION: "validation.jsonl"}
_KEY_BYTES: Final = 8


@dataclass(slots=True)
class Contents:
    """What a data set holds and what was left out of it. Times are RFC 3339, tokens and sizes are sums."""

    examples: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    left: Counter[Reason] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    workflows: Counter[str] = field(default_factory=Counter)
    questions: int = 0
    with_tools: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    oldest: str = ""
    newest: str = ""


def write_dataset(records: Iterable[KeptRecord], folder: Path, options: ChatOptions, validation: float) -> Contents:
    """Write ``train.jsonl`` and ``validation.jsonl`` into ``folder``, of ``records`` that come newest first.

    About ``validation`` of all conversations (0 to 1) go into the second. Raises OSError.
    """
    contents = Contents()
    with ExitStack() as opened:
        files = {name: opened.enter_context((folder / file).open("xb")) for name, file in FILES.items()}
        for example in examples(records, options, contents.left, _row_of):
            name = side_of(example.messages, validation)
            files[name].write(example.line)
            _count(contents, name, example)
    return contents


def side_of(messages: list[Message], validation: float) -> str:
    """Where a conversation belongs.

    By its first question alone, so that all branches, lengths and repetitions of it stand on one side, whatever else is
    exported and whenever. With a larger ``validation`` none moves back to training. Of a client that sends only the
    last turns nothing tells that its requests are one conversation: they may be divided.
    """
    drawn = int.from_bytes(conversation_key(messages)[:_KEY_BYTES], "big") / 256**_KEY_BYTES
    return VALIDATION if drawn < validation else TRAIN


def _row_of(messages: list[Message], tools: list[dict[str, Any]]) -> dict[str, Any]:
    return {"messages": messages, "tools": orjson.dumps(tools).decode() if tools else None}


def _count(contents: Contents, name: str, example: Example) -> None:
    said = example.said
    contents.examples[name] += 1
    contents.sizes[name] += len(example.line)
    contents.models[str(said.get("model", "unknown"))] += 1
    contents.workflows[str(said.get("workflow") or said.get("caller") or "unknown")] += 1
    contents.questions += sum(message["role"] == "user" for message in example.messages)
    contents.with_tools += any("tool_calls" in message for message in example.messages)
    contents.prompt_tokens += said.get("prompt_tokens") or 0
    contents.completion_tokens += said.get("completion_tokens") or 0
    time = str(said.get("time", ""))
    contents.newest = max(contents.newest, time)
    contents.oldest = min(contents.oldest or time, time)
