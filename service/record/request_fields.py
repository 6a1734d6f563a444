"""The fields of a request under the names that Ollama knows: it takes them in any case, as Go's JSON reader does."""

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
_OF_A_MESSAGE = frozenset(
    ("role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id", "name", "type")
)
_OF_A_CALL = frozenset(("id", "type", "function", "name", "arguments"))
# Where texts stand in a message; without one its names are looked at.
_SPOKEN = ("content", "text", "output", "arguments", "summary")


def with_known_names(asked: dict[str, Any]) -> dict[str, Any]:
    """``asked`` with its own names and those of its messages as Ollama writes them; the same object where they are.

    Of two names that differ only in their case the later counts. Others stay as they were sent.
    """
    # One question for all names: this is asked of every request.
    found = asked if not asked or "".join(asked).islower() else _renamed(asked, _OF_A_REQUEST)
    messages = found.get("messages")
    if isinstance(messages, list):
        for message in messages:
            if type(message) is dict and "content" not in message and _may_be_in_capitals(message):
                renamed = [_message(each) if _may_be_in_capitals(each) else each for each in messages]
                return found | {"messages": renamed}
    return found


def _may_be_in_capitals(message: Any) -> bool:
    if not isinstance(message, dict) or any(key in message for key in _SPOKEN):
        return False
    return not all(map(str.islower, message))


def _message(message: dict[str, Any]) -> dict[str, Any]:
    found = _renamed(message, _OF_A_MESSAGE)
    calls = found.get("tool_calls")
    if found is not message and isinstance(calls, list):
        found["tool_calls"] = [_call(each) if isinstance(each, dict) else each for each in calls]
    return found


def _call(called: dict[str, Any]) -> dict[str, Any]:
    found = _renamed(called, _OF_A_CALL)
    function = found.get("function")
    return found | {"function": _renamed(function, _OF_A_CALL)} if isinstance(function, dict) else found


def _renamed(holder: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    # Go folds two letters more than those of ASCII.
    names = {key: folded if (folded := key.casefold()) in known else key for key in holder}
    if all(key == name for key, name in names.items()):
        return holder
    return {names[key]: value for key, value in holder.items()}
