"""Who filled the context of a call: the system prompt, the tools, earlier turns, the last question, the answer.

Ollama counts a prompt as a whole. Its parts get their shares of that by the length of their texts, so they are
estimates; the answer is counted.
"""

import json
from dataclasses import dataclass
from typing import Final, Literal

from service.record.conversation import Conversation
from service.record.record import Record

ContextPart = Literal["system", "tools", "earlier", "question", "answer"]
_SYSTEM_ROLES: Final = ("system", "developer")


@dataclass(frozen=True, slots=True)
class ContextShare:
    """``tokens`` of a part, and which ``share`` of the window that is, 0 to 1."""

    part: ContextPart
    tokens: int
    share: float


@dataclass(frozen=True, slots=True)
class ContextShares:
    """``window`` is the room in tokens. ``is_known``: that is this call's room; else it is what was used of it."""

    window: int
    is_known: bool
    parts: tuple[ContextShare, ...]


def context_shares(record: Record, conversation: Conversation) -> ContextShares | None:
    """The shares in the order of the prompt.

    None where they cannot be told: a prompt that was cut, that holds pictures, of which our copy is not whole, or that
    Ollama did not count.
    """
    prompt = record.prompt_tokens
    if not prompt or record.prompt_truncated or record.request_truncated or not conversation.turns:
        return None
    if any(turn.images for turn in conversation.turns):
        return None
    sizes = _sizes(conversation)
    whole = sum(sizes.values())
    if not whole:
        return None
    counts: dict[ContextPart, int] = {part: round(prompt * size / whole) for part, size in sizes.items() if size}
    if record.completion_tokens:
        counts["answer"] = record.completion_tokens
    used = sum(counts.values())
    room = record.context_length
    window = max(room, used) if room else used
    parts = tuple(ContextShare(part, tokens, round(tokens / window, 4)) for part, tokens in counts.items())
    return ContextShares(window, bool(room), parts)


def _sizes(conversation: Conversation) -> dict[ContextPart, int]:
    """The length of each part of the prompt, in bytes."""
    sizes: dict[ContextPart, int] = {"system": 0, "tools": 0, "earlier": 0, "question": 0}
    sizes["tools"] = sum(len(json.dumps(tool, ensure_ascii=False, default=str)) for tool in conversation.tools)
    last = len(conversation.turns) - 1
    for place, turn in enumerate(conversation.turns):
        texts = (turn.text, turn.thinking, *(call.name + call.arguments for call in turn.tool_calls))
        size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
        if turn.role in _SYSTEM_ROLES:
            sizes["system"] += size
        else:
            sizes["question" if place == last else "earlier"] += size
    return sizes
