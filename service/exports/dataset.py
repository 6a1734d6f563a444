"""A data set for fine-tuning: conversations divided into training and validation, in a form that loads as it is.

It is two files of JSON lines and a card. They differ from ``chats`` in one thing: ``tools`` is a JSON *text*, and so
are the arguments of calls. The schemas of tools have no form in common. Hugging Face's ``datasets`` keeps everything
in columns of Arrow, where each tool would get the fields of all others, empty. TRL reads the text.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from service.exports.chats import ChatOptions, Example, Reason, examples
from service.exports.messages import Message
from service.exports.train_split import TrainSplit
from service.journal.reader import KeptRecord
from service.json_writing import write_json

TRAIN: Final = "train"
VALIDATION: Final = "validation"
FILES: Final = {TRAIN: "train.jsonl", VALIDATION: "validation.jsonl"}


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

    About ``validation`` of all conversations (0 to 1) go into the second. With a larger one none moves back to
    training. Raises OSError.
    """
    contents = Contents()
    with ExitStack() as opened:
        files = {name: opened.enter_context((folder / file).open("xb")) for name, file in FILES.items()}
        # Which examples belong together is known only after the last of them.
        lines = opened.enter_context(TemporaryFile(dir=folder))
        split = opened.enter_context(closing(TrainSplit()))
        for example in examples(records, options, contents.left, _row_of):
            split.add(example.messages, example.record.conversation_id)
            lines.write(example.line)
            _count(contents, example)
        lines.seek(0)
        for line, place in zip(lines, split.places(), strict=True):
            name = side_of(place, validation)
            files[name].write(line)
            contents.examples[name] += 1
            contents.sizes[name] += len(line)
    return contents


def side_of(place: float, validation: float) -> str:
    """Where a conversation with this place (of ``TrainSplit``) belongs."""
    return VALIDATION if place < validation else TRAIN


def _row_of(messages: list[Message], tools: list[dict[str, Any]]) -> dict[str, Any]:
    return {"messages": messages, "tools": write_json(tools).decode() if tools else None}


def _count(contents: Contents, example: Example) -> None:
    record = example.record
    contents.models["unknown" if record.model is None else record.model] += 1
    contents.workflows[record.workflow or record.caller or "unknown"] += 1
    contents.questions += sum(message["role"] == "user" for message in example.messages)
    contents.with_tools += any("tool_calls" in message for message in example.messages)
    contents.prompt_tokens += record.prompt_tokens or 0
    contents.completion_tokens += record.completion_tokens or 0
    time = record.time or ""
    contents.newest = max(contents.newest, time)
    contents.oldest = min(contents.oldest or time, time)
