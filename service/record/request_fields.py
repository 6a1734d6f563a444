"""The fields of a request under the names that Ollama knows: it takes them in any case, as Go's JSON reader does."""

import re
from collections.abc import Iterable
from typing import Any

_OF_A_REQUEST = frozenset(
    (
        *("model", "name", "messages", "prompt", "suffix", "system", "template", "context", "stream", "raw", "format"),
        *(
            "keep_alive",
            "images",
            "image",
            "options",
            "think",
            "tools",
            "functions",
            "tool_choice",
            "truncate",
            "shift",
        ),
        *("input", "instructions", "dimensions", "encoding_format", "response_format", "stream_options", "n", "size"),
        "shift",
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "temperature", "top_p", "top_k", "seed", "stop"),
        *("stop_sequences", "frequency_penalty", "presence_penalty", "reasoning", "reasoning_effort", "thinking"),
        *("previous_response_id", "conversation", "logprobs", "top_logprobs", "width", "height", "steps"),
    )
)
# What Ollama's own API takes in ``options`` alone, under its names and those of other APIs.
_OPTIONS = frozenset(
    (
        *("temperature", "top_p", "top_k", "min_p", "typical_p", "seed", "stop", "num_ctx", "num_keep", "num_batch"),
        *("num_predict", "repeat_penalty", "repeat_last_n", "frequency_penalty", "presence_penalty", "mirostat"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "stop_sequences", "reasoning_effort"),
        *("response_format", "reasoning"),
    )
)
# What no other API of Ollama's takes.
_ONLY_OLLAMAS = frozenset({"options", "format", "num_predict", "num_ctx", "repeat_penalty", "repeat_last_n"})
_OF_A_MESSAGE = frozenset(
    ("role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id", "name", "type")
)
_OF_A_CALL = frozenset(("id", "type", "function", "name", "arguments"))
# Go folds two letters more than those of ASCII: the long s, and the sign of kelvin, which is a capital.
_KEPT_BY_NULL = frozenset({"model", "name", "prompt", "suffix", "system", "template", "instructions"})
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7][0-9a-fA-F]")
_LONG_S = "\u017f"


def with_known_names(asked: dict[str, Any]) -> dict[str, Any]:
    """``asked`` with its own names and those of its messages as Ollama writes them; the same object where they are.

    Names that differ only in their case are one: ``merged``. Others stay as they were sent.
    """
    found = with_own_known_names(asked)
    messages = found.get("messages")
    if not isinstance(messages, list) or _are_usual(messages):
        return found
    return found | {"messages": [_message(each) if type(each) is dict else each for each in messages]}


def with_own_known_names(asked: dict[str, Any]) -> dict[str, Any]:
    """The same, but its messages stay as they are: of plain ones all names are known."""
    return asked if _is_as_known(asked) else merged(asked.items())


def parameters_in_force(asked: dict[str, Any], api: str | None) -> dict[str, Any]:
    """What a request asks for, but what Ollama passes over: options in another API, and their names beside them."""
    if api in ("openai", "anthropic"):
        return {key: value for key, value in asked.items() if key not in _ONLY_OLLAMAS}
    options = asked.get("options")
    beside = {key: value for key, value in asked.items() if key not in _OPTIONS} if api == "ollama" else asked
    return beside | (options if isinstance(options, dict) else {})


def merged(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a request of which some may stand there twice, as Go reads them.

    The later value counts, but null changes no text, and a second object of options adds to the first.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = folded if (folded := key.lower().replace(_LONG_S, "s")) in _OF_A_REQUEST else key
        before = found.get(name)
        if name == "options" and isinstance(before, dict) and isinstance(value, dict):
            value = before | value
        if value is not None or name not in _KEPT_BY_NULL or before is None:
            found[name] = value
    return found


def may_have_doubles(data: bytes) -> bool:
    """Whether a name on which much depends may stand twice in a request, perhaps written with escapes."""
    return data.count(b'"model"') > 1 or data.count(b'"options"') > 1 or _ESCAPED_LETTER.search(data) is not None


def _is_as_known(holder: dict[str, Any]) -> bool:
    return _is_lower("".join(holder))


def _is_lower(names: str) -> bool:
    """Whether no name of those that were joined can be another one's."""
    return not names or (names.islower() and (names.isascii() or _LONG_S not in names))


def _are_usual(messages: list[Any]) -> bool:
    """One question for all names, as this is asked of every request. Not sure of messages that are no objects."""
    try:
        names = "".join(map("".join, messages))
    except TypeError:
        return False
    if not _is_lower(names):
        return False
    # Joined names may seem to hold another one: then all are looked at.
    return "tool_calls" not in names or all(map(_has_usual_calls, messages))


def _has_usual_calls(message: Any) -> bool:
    calls = message.get("tool_calls") if type(message) is dict else None
    return type(calls) is not list or all(map(_is_usual_call, calls))


def _is_usual_call(called: Any) -> bool:
    if type(called) is not dict:
        return True
    function = called.get("function")
    return _is_as_known(called) and (type(function) is not dict or _is_as_known(function))


def _message(message: dict[str, Any]) -> dict[str, Any]:
    found = message if _is_as_known(message) else _renamed(message, _OF_A_MESSAGE)
    calls = found.get("tool_calls")
    if isinstance(calls, list) and not all(map(_is_usual_call, calls)):
        return found | {"tool_calls": [_call(each) if type(each) is dict else each for each in calls]}
    return found


def _call(called: dict[str, Any]) -> dict[str, Any]:
    found = called if _is_as_known(called) else _renamed(called, _OF_A_CALL)
    function = found.get("function")
    return found | {"function": _renamed(function, _OF_A_CALL)} if type(function) is dict else found


def _renamed(holder: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    names = {key: folded if (folded := key.lower().replace(_LONG_S, "s")) in known else key for key in holder}
    if all(key == name for key, name in names.items()):
        return holder
    return {names[key]: value for key, value in holder.items()}
