"""What may have made an answer nonsense: in the answer itself, and in what was asked differently than the time before.

Nothing is told of a request or an answer of which our copy is not whole.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from service.record.conversation import Conversation
from service.record.model_facts import canonical_name
from service.record.operations import ANSWERED_IN_WORDS
from service.record.record import Record
from service.record.repetition import repeats_itself
from service.record.request_fields import parameters_in_force
from service.record.wording import counted

ContentKind = Literal[
    "read_whole",
    "thinking_only",
    "not_json",
    "repeats_itself",
    "other_model",
    "model_changed",
    "system_changed",
    "tools_changed",
    "parameter_changed",
    "context_changed",
    "question_changed",
]
CallsOf = Literal["node", "workflow", "chat"]
"""What an exchange and the one before it are both calls of."""

OF_NODE: Final = "node"
OF_WORKFLOW: Final = "workflow"
OF_CHAT: Final = "chat"

# What changes an answer. A seed differs from call to call, and says nothing.
_COMPARED: Final = (
    *("temperature", "top_p", "top_k", "min_p", "repeat_penalty", "num_ctx", "num_predict", "max_tokens"),
    *("stop", "format", "response_format", "think", "reasoning_effort"),
)
_LONGEST_VALUE: Final = 60
_LONGEST_SYSTEM: Final = 20_000
_MOST_NAMES: Final = 5
_JSON_FORMATS: Final = frozenset({"json_object", "json_schema"})


@dataclass(frozen=True, slots=True)
class ContentFinding:
    """Something in a sentence, and what to do about it (empty: nothing).

    ``before`` and ``now`` are texts to compare word by word; None where there is nothing to compare.
    """

    kind: ContentKind
    text: str
    advice: str = ""
    before: str | None = None
    now: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A record with the conversation in it."""

    record: Record
    conversation: Conversation


def content_findings(
    call: JudgedCall, before: JudgedCall | None, calls_of: CallsOf | None
) -> tuple[ContentFinding, ...]:
    """What is notable, the answer first. ``before``: the previous call of the same ``calls_of``. Never raises."""
    if call.record.operation not in ANSWERED_IN_WORDS:
        return ()
    found = [*_of_answer(call)]
    if before is not None and calls_of is not None:
        found += changes_between(before, call, f"this {calls_of}'s previous call")
    if call.record.prompt_truncated is False:
        found.append(ContentFinding("read_whole", "The model read all of the prompt."))
    return tuple(found)


def _of_answer(call: JudgedCall) -> Iterator[ContentFinding]:
    record, answer = call.record, call.conversation.answer
    if record.response_model and canonical_name(record.response_model) != canonical_name(record.model or ""):
        yield ContentFinding("other_model", f"Another model answered than was asked: {record.response_model[:80]}.")
    if answer is None or record.failed is not False or record.outcome != "completed" or record.response_truncated:
        return
    if call.conversation.has_unread:
        return
    text = answer.text.strip()
    if answer.thinking.strip() and not text and not answer.tool_calls:
        advice = "Give it more room to answer: a larger limit of tokens or num_ctx, or no thinking where it can be off."
        yield ContentFinding("thinking_only", "The model thought, and then gave no answer.", advice)
    if text and repeats_itself(text):
        yield ContentFinding("repeats_itself", "The answer ends with the same few characters again and again.")
    if keeps_format(call) is False:
        advice = "An answer that was cut off, or a model that ignores the format, is the usual reason."
        if not _asks_for_json(parameters_in_force(call.conversation.parameters, record.api)):
            names = ("response_format", "format") if record.api == "ollama" else ("format", "response_format")
            advice = "Ollama passes over {} in this API: use {}.".format(*names)
        yield ContentFinding("not_json", "The request asked for JSON, and the answer is none.", advice)


def keeps_format(call: JudgedCall) -> bool | None:
    """Whether the answer is JSON, where that was asked for; None: it was not, or no text was answered."""
    answer = call.conversation.answer
    text = answer.text.strip() if answer is not None and not answer.tool_calls else ""
    return _is_json(text) if text and _asks_for_json(call.conversation.parameters) else None


def _asks_for_json(parameters: dict[str, Any]) -> bool:
    several = parameters.get("n")
    if isinstance(several, int) and several > 1:
        return False
    wanted, response_format = parameters.get("format"), parameters.get("response_format")
    if wanted == "json" or (isinstance(wanted, dict) and wanted):
        return True
    if response_format is None and isinstance(text := parameters.get("text"), dict):
        # Of OpenAI's responses.
        response_format = text.get("format")
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    return isinstance(kind, str) and kind in _JSON_FORMATS


def _is_json(text: str) -> bool:
    try:
        json.loads(text, strict=False, parse_int=str)
    except ValueError:
        return False
    except RecursionError:
        # Nobody knows: it is nested too deeply to look.
        return True
    return True


def changes_between(before: JudgedCall, now: JudgedCall, since: str) -> Iterator[ContentFinding]:
    """What ``now`` asks otherwise than ``before``, which the sentences call ``since``."""
    old, new = before.record.model, now.record.model
    if old and new and canonical_name(old) != canonical_name(new):
        text = f"The model is {new[:80]}; in {since} it was {old[:80]}."
        yield ContentFinding("model_changed", text)
    if before.record.request_truncated or now.record.request_truncated:
        return
    yield from _system_change(before, now, since)
    yield from _tools_change(before, now, since)
    yield from _parameter_changes(before, now, since)


def _system_change(before: JudgedCall, now: JudgedCall, since: str) -> Iterator[ContentFinding]:
    old, new = (system_of(call.conversation) for call in (before, now))
    if old == new:
        return
    if not old or not new:
        text = (
            f"There is a system prompt, and {since} had none."
            if new
            else f"{since} had a system prompt: this has none."
        )
        text = text[0].upper() + text[1:]
    else:
        text = f"The system prompt is another than in {since}."
    yield ContentFinding("system_changed", text, "", old[:_LONGEST_SYSTEM], new[:_LONGEST_SYSTEM])


def system_of(conversation: Conversation) -> str:
    """What all its messages of the system hold."""
    return "\n".join(turn.text for turn in conversation.turns if turn.role in ("system", "developer"))


def _tools_change(before: JudgedCall, now: JudgedCall, since: str) -> Iterator[ContentFinding]:
    old, new = (tools_of_call(call.conversation) for call in (before, now))
    if old == new:
        return
    names = [
        *(f"new: {name}" for name in new if name not in old),
        *(f"gone: {name}" for name in old if name not in new),
        *(f"described otherwise: {name}" for name in new if name in old and old[name] != new[name]),
    ]
    if names:
        shown = ", ".join(names[:_MOST_NAMES])
        rest = len(names) - _MOST_NAMES
        more = f" and {counted(rest, 'more change')}" if rest > 0 else ""
        yield ContentFinding("tools_changed", f"The tools are others than in {since} ({shown}{more}).")


def tools_of_call(conversation: Conversation) -> dict[str, str]:
    """The tools that it offers: by their names, what is told of them."""
    tools = {}
    for tool in conversation.tools:
        function = tool.get("function")
        named = function if isinstance(function, dict) else tool
        tools[str(named.get("name", ""))[:_LONGEST_VALUE]] = json.dumps(tool, sort_keys=True, default=str)
    return tools


def _parameter_changes(before: JudgedCall, now: JudgedCall, since: str) -> Iterator[ContentFinding]:
    old, new = (parameters_in_force(call.conversation.parameters, call.record.api) for call in (before, now))
    for name in _COMPARED:
        if old.get(name) != new.get(name):
            text = f"{name} is {_shown(new.get(name))}; in {since} it was {_shown(old.get(name))}."
            yield ContentFinding("parameter_changed", text)
    rooms = before.record.context_length, now.record.context_length
    if None not in rooms and rooms[0] != rooms[1] and old.get("num_ctx") == new.get("num_ctx"):
        text = f"It had room for {rooms[1]:,} tokens; {since} had room for {rooms[0]:,}."
        yield ContentFinding("context_changed", text)


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
