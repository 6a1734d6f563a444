"""The card of a data set: what Hugging Face's ``datasets`` reads of it, and what a person has to know."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import service
from service.exports.dataset import FILES, Contents

CARD: Final = "README.md"
_MOST_NAMES: Final = 20
_TEXT: Final = {"dtype": "string"}
# Written in full: features that are derived from a file's beginning are wrong where its end has others.
_FEATURES: Final[list[dict[str, Any]]] = [
    {
        "name": "messages",
        "list": [
            {"name": "role", **_TEXT},
            {"name": "content", **_TEXT},
            {"name": "reasoning_content", **_TEXT},
            {
                "name": "tool_calls",
                "list": [
                    {"name": "id", **_TEXT},
                    {"name": "type", **_TEXT},
                    {"name": "function", "struct": [{"name": "name", **_TEXT}, {"name": "arguments", **_TEXT}]},
                ],
            },
            {"name": "tool_call_id", **_TEXT},
            {"name": "name", **_TEXT},
        ],
    },
    {"name": "tools", **_TEXT},
]


def write_card(contents: Contents, chosen: Sequence[str], written: str) -> str:
    """The text of ``README.md``. ``chosen``: filters and options, in words; ``written``: RFC 3339."""
    return f"---\n{json.dumps(_metadata(contents), indent=2)}\n---\n\n{_body(contents, chosen, written)}"


def _metadata(contents: Contents) -> dict[str, Any]:
    """JSON is YAML, and quotes whatever needs it. A set without examples has no file that could be loaded."""
    names = [name for name in FILES if contents.examples[name]]
    splits = [
        {"name": name, "num_bytes": contents.sizes[name], "num_examples": contents.examples[name]} for name in names
    ]
    return {
        "configs": [{"config_name": "default", "data_files": [{"split": n, "path": FILES[n]} for n in names]}],
        "dataset_info": {"features": _FEATURES, "splits": splits},
        "license": "other",
        "task_categories": ["text-generation"],
        "tags": ["conversational"],
    }


def _body(contents: Contents, chosen: Sequence[str], written: str) -> str:
    total = sum(contents.examples.values())
    return f"""# Conversations with local models

Written by Ollama Recorder {service.__version__} on {written}, from what was recorded with: {_plain(", ".join(chosen))}.

| | |
|---|---|
{_rows(contents.examples, "examples for ")}| questions of users | {contents.questions:,} |
| examples with tool calls | {contents.with_tools:,} |
| tokens of prompts and of answers | {contents.prompt_tokens:,}, {contents.completion_tokens:,} |
| recorded | {contents.oldest or "-"} to {contents.newest or "-"} |

## What is in it

Each line is `{{"messages": […], "tools": …}}`: a conversation in OpenAI's form, complete, answered successfully, in its
longest form and once. `tools` is what the model was offered, as a JSON text, or null; the arguments of tool calls are
JSON texts too. Conversations that begin with the same question, or share a question and its answer (of 100 characters
and more together), are on the same side of the division.

| model | examples |
|---|---|
{_rows(contents.models)}
| workflow, or else caller | examples |
|---|---|
{_rows(contents.workflows)}
## What was left out

Of {total + sum(contents.left.values()):,} records {total:,} became examples.

| reason | records |
|---|---|
{_rows({reason.value.replace("_", " "): count for reason, count in contents.left.items()})}
## Before it is used

* **These are people's words.** Prompts hold what was pasted into them: names, addresses, contracts. Well-known shapes
  of secrets were masked when they were recorded; nothing else was. Ask whoever they belong to, and keep this folder
  as private as the journal it came from.
* **The answers are a model's.** They were not checked, and its licence may say what may be trained on them.
* Nothing of the validation set may be used for training, nor for choosing examples.
"""


def _rows(counts: Mapping[str, int], before: str = "") -> str:
    ordered = Counter(counts).most_common()
    rows = [f"| {before}{_plain(name)} | {count:,} |" for name, count in ordered[:_MOST_NAMES]]
    if len(ordered) > _MOST_NAMES:
        rows.append(f"| {len(ordered) - _MOST_NAMES} others | {sum(count for _, count in ordered[_MOST_NAMES:]):,} |")
    return "".join(f"{row}\n" for row in rows or ["| none | 0 |"])


def _plain(text: str) -> str:
    """A name as a cell of a table: nothing in it is markup, and nothing ends the cell."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    shown = shown.encode("utf-8", "replace").decode()
    for character in "\\`|<>[]*":
        shown = shown.replace(character, f"&#{ord(character)};")
    return shown
