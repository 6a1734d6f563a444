"""What Open WebUI asks of models by itself, and what it wraps around a person's question about a document.

A task is known by the header of docs/open-webui.md, which says its name, or by how the default template of Open WebUI
begins, in versions 0.3 to 0.12. A template that an administrator wrote is nobody's that we know: then there is no
task without the header.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from service.record.chat_messages import ChatMessage, turns_of
from service.record.exchange import Caller
from service.record.operations import CONVERSATIONS

OPEN_WEBUI: Final = "Open WebUI"
"""The caller's name."""

_SUFFIX: Final = "_generation"
_IN_HEADERS: Final = {"follow_up": "follow_ups"}
# Names that say of themselves that they are tasks, in whichever program's header.
_WITHOUT_SUFFIX: Final = frozenset({"function_calling", "memory_review", "context_compaction"})
# A system prompt and the template: no conversation of a person begins with a template and goes on.
_MOST_MESSAGES: Final = 2
_HISTORY: Final = "<chat_history>"


@dataclass(frozen=True, slots=True)
class _Template:
    """A default of one task: how it ``begins`` (after ``### Task:``, where that is there), and a mark ``within`` it."""

    task: str
    begins: str
    within: str = ""


_TEMPLATES: Final = (
    _Template("title", r"Generate a (?:concise|short)\b[^\n]{0,80}\btitle\b", _HISTORY),
    _Template("title", r"Create a concise, 3-5 word title with an emoji as a title for the (?:chat history|prompt)"),
    _Template("tags", r"Generate 1-3 broad tags", _HISTORY),
    _Template("follow_ups", r"Suggest 3-5 relevant follow-up questions", _HISTORY),
    _Template("follow_ups", r"Predict 3-5 useful messages this user", _HISTORY),
    _Template("query", r"Analyze the chat history to determine the necessity of generating search queries", _HISTORY),
    _Template("query", r"Based on the chat history, determine whether a search is necessary", _HISTORY),
    _Template("image_prompt", r"Generate a detailed prompt for a[nm]? image generation task", _HISTORY),
    _Template("autocomplete", r"You are an autocompletion system\.", "<type>"),
    _Template("context_compaction", r"Summarize the conversation history that will be compacted", "Compacted:"),
    _Template("emoji", r"Your task is to reflect the speaker's likely facial expression through a fitting emoji"),
    _Template("moa_response", r"You have been provided with a set of responses from various models to the latest user"),
    _Template("memory_review", r"Review the completed conversation turn and decide whether long-term memory"),
)
# The task of choosing a tool has its words in the system prompt, behind the tools.
_CHOOSES_TOOLS: Final = "choose and return the correct tool(s) from the list of available tools based on the query"

_WRAPPED: Final = re.compile(r"### Task:\s{1,9}Respond to the user query using the provided context")
# A document, and a person, may write the second of these too; the first ends the last document.
_CONTEXT_ENDS: Final = ("</source>\n</context>", "</context>")
_QUERY: Final = ("<user_query>", "</user_query>")
_TEXT: Final = itemgetter(1)


def task_of(
    caller: Caller, operation: str, asked: dict[str, Any] | None, plain: list[tuple[str, str]] | None = None
) -> str | None:
    """What a client asked for itself; None: a person or a program asked, or nobody knows.

    ``asked`` is the parsed request, None where it is no JSON object. ``plain``: what ``plain_messages`` makes of it.
    """
    if operation not in CONVERSATIONS:
        return None
    if caller.node is not None and caller.workflow is None and caller.workflow_id is None:
        named = _in_header(caller)
        if named is not None:
            return named
    if asked is None:
        return None
    if plain is not None:
        if len(plain) > _MOST_MESSAGES or not any(map(_any_beginning().match, map(_TEXT, plain))):
            return None
    else:
        messages = asked.get("messages")
        if isinstance(messages, list) and (len(messages) > _MOST_MESSAGES or not any(map(_may_begin, messages))):
            return None
    return task_in(turns_of(asked))


def _may_begin(message: Any) -> bool:
    """Whether a message may be a template: a look that costs little, as nearly none is."""
    content = message.get("content") if isinstance(message, dict) else None
    return not isinstance(content, str) or _any_beginning().match(content) is not None


def task_in(turns: Iterable[ChatMessage]) -> str | None:
    """The task whose default template a request is, which holds nothing else but a system prompt."""
    system, words = "", ""
    for turn in turns:
        if turn.role == "system":
            system += turn.text
        elif turn.role != "user" or words:
            return None
        else:
            words = turn.text
    words = words.lstrip()
    if system and _CHOOSES_TOOLS in system and words.startswith(("Query: ", "History:\n")):
        return "function_calling"
    if _any_beginning().match(words) is None:
        return None
    for begins, template in _beginnings():
        if begins.match(words) and template.within in words:
            return template.task
    return None


def typed_words(text: str) -> str | None:
    """What a person typed of a question about a document: the template and the document stand before it.

    "": nothing, as after a tool's result. None: ``text`` is no such question.
    """
    if not _WRAPPED.match(text):
        return None
    end = next((at + len(mark) for mark in _CONTEXT_ENDS if (at := text.rfind(mark)) >= 0), None)
    if end is None:
        return None
    after = text[end:]
    opens, closes = _QUERY
    if closes in after:
        # Up to 0.6 the words stand in the template, and after it once more.
        within, _, after = after.rpartition(closes)
        return after.strip() or within.rpartition(opens)[2].strip()
    return after.strip()


# Compiled for the first request: a command that shows one record would wait for them.
@functools.cache
def _beginnings() -> tuple[tuple[re.Pattern[str], _Template], ...]:
    return tuple((re.compile(rf"(?:### Task:\s{{1,9}})?{one.begins}"), one) for one in _TEMPLATES)


@functools.cache
def _any_beginning() -> re.Pattern[str]:
    return re.compile(
        r"\s*(?:Query: |History:\n|(?:### Task:\s{1,9})?(?:" + "|".join(one.begins for one in _TEMPLATES) + "))"
    )


def _in_header(caller: Caller) -> str | None:
    """The task that the header names. Its value may have words of the administrator's before the name."""
    name = (caller.node or "").rpartition(" ")[2]
    if name in _WITHOUT_SUFFIX:
        return name
    task = name.removesuffix(_SUFFIX)
    if task in ("", name) or not task.isidentifier():
        return None
    task = _IN_HEADERS.get(task, task)
    is_known = any(task == template.task for template in _TEMPLATES)
    return task if is_known or caller.caller == OPEN_WEBUI else None
