"""A request as what it fills a context with: its messages, each with the most tokens that it can take."""

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from service.record.chat_messages import ChatMessage, tools_of, turns_of
from service.record.json_text import compact
from service.record.operations import ANSWERED_IN_VECTORS

if TYPE_CHECKING:
    from hashlib import blake2b

# What a template writes around a message: marks of its beginning and end, its role, line breaks.
AROUND_A_MESSAGE: Final = 20
# What it writes around a call of a tool, besides its name and arguments, which it may indent.
_AROUND_A_CALL: Final = 64
# What a model writes around its thoughts: two tags and line breaks, which are read off the text.
AROUND_THOUGHTS: Final = 64
# What Ollama counts for an image when it leaves messages out.
_OF_AN_IMAGE: Final = 768
# Templates show the text of these as it was sent. Of other roles nobody knows.
_SHOWN: Final = frozenset({"system", "user", "assistant"})


# Words for what Ollama hands on beside the text.
_PICTURE_OR_SOUND: Final = re.compile(r"<(?:image|audio)\b|https?://|data:|file-")
# Ollama writes thoughts there in plain text.
_HIDDEN: Final = "encrypted_content"


class Part(NamedTuple):
    """A message. ``most_tokens`` bounds what it takes, with what stands around it, as no token is less than a byte.

    ``shown`` is the text of it that every template shows. ``may_shrink``: it has thoughts, which Ollama shows or not,
    as the messages after it demand. ``until_here`` is a digest of all messages up to this one.
    """

    role: str
    shown: str
    most_tokens: int
    may_shrink: bool
    until_here: bytes


class PromptParts(NamedTuple):
    """All messages of a request in their order. ``most_tokens`` bounds what all else of it takes; None: unbounded.

    ``tools`` are its tools as JSON. ``image_tokens``: what Ollama counts for its images when it
    leaves messages out; how much they take in truth is not known.
    """

    parts: tuple[Part, ...]
    most_tokens: int | None
    tools: bytes
    image_tokens: int

    @property
    def left_out_first(self) -> tuple[Part, ...]:
        """What Ollama may leave out, in that order: all but the last message and those of the system."""
        return tuple(part for part in self.parts[:-1] if part.role != "system")

    def most_of_all(self) -> int | None:
        """The most tokens of the whole request; None: unbounded."""
        if self.most_tokens is None:
            return None
        return self.most_tokens + sum(part.most_tokens for part in self.parts)


def parts_of(document: dict[str, Any], operation: str, missing: int = 0) -> PromptParts:
    """The parts of a request of any API. ``missing``: so many bytes of it are not in our copy."""
    # A command that lists exchanges loads this module, and no library for digests.
    from hashlib import blake2b

    turns = [*turns_of(document, is_embedding=operation in ANSWERED_IN_VECTORS)]
    if _has_hidden(document, turns):
        # Any message may have as much of it as there is.
        missing += len(compact(document).encode("utf-8", "surrogatepass"))
    offered = [*tools_of(document)]
    tools = compact(offered).encode("utf-8", "surrogatepass") if offered else b""
    # Whether a model thinks changes what stands around messages.
    digest = blake2b(tools + compact(document.get("think")).encode("utf-8", "replace"), digest_size=16)
    parts = tuple(_part(turn, missing, digest) for turn in turns)
    image_tokens = _OF_AN_IMAGE * sum(len(turn.images) for turn in turns)
    # The tokens of earlier exchanges, as numbers, and a text after a gap are no messages.
    is_unbounded = bool(image_tokens) or bool(document.get("context")) or bool(document.get("suffix"))
    return PromptParts(parts, None if is_unbounded else missing + 2 * len(tools), tools, image_tokens)


def _has_hidden(document: dict[str, Any], turns: list[ChatMessage]) -> bool:
    """Whether Ollama may show the model texts that no turn tells: searches, tools that were found, hidden thoughts."""
    if any(not _PICTURE_OR_SOUND.match(word) for turn in turns for word in turn.images):
        return True
    items = document.get("input")
    return isinstance(items, list) and any(isinstance(item, dict) and item.get(_HIDDEN) for item in items)


def _part(turn: ChatMessage, missing: int, digest: "blake2b") -> Part:
    digest.update(f"{len(turn.text)} {turn.role}\0{turn.text}".encode("utf-8", "surrogatepass"))
    if turn.thinking or turn.tool_calls or turn.images or turn.name or turn.tool_call_id:
        digest.update(repr(turn).encode("utf-8", "surrogatepass"))
    size = _bytes(turn.text) + _bytes(turn.thinking) + (AROUND_THOUGHTS if turn.thinking else 0)
    for call in turn.tool_calls:
        size += _AROUND_A_CALL + 2 * (_bytes(call.name) + _bytes(call.arguments))
    size += _OF_AN_IMAGE * len(turn.images) + missing
    thinks = bool(turn.thinking) or (turn.role == "assistant" and "<think" in turn.text)
    # Some templates show either the text of a message or its calls.
    is_shown = turn.role in _SHOWN and not turn.tool_calls and not missing
    shown = turn.text.strip() if is_shown else ""
    if thinks and shown:
        shown = shown.rpartition("</think>")[2].strip()
    return Part(turn.role, shown, size + AROUND_A_MESSAGE, thinks, digest.digest())


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
