"""What a request asks for, whichever API it is written in."""

import re
from dataclasses import dataclass
from typing import Any, Final

from service.record.answer_parts import type_of
from service.record.bodies import first_document, first_pairs, first_texts, whole
from service.record.exchange import Body, OpenExchange
from service.record.operations import STREAMED_BY_DEFAULT, STREAMED_ON_REQUEST
from service.record.plain_messages import plain_messages
from service.record.request_fields import may_have_doubles, merged, with_known_names, with_own_known_names

# So much of a request that breaks off may name its model, in so many characters.
_BEGINNING = 65536
_LONGEST_MODEL = 300
_MODEL_IN_FORM = re.compile(
    rb'\bname="?model"?(?:;[^\r\n]{0,200})?\r\n(?:[^\r\n]{1,200}\r\n){0,3}\r\n([^\r\n]{1,300})\r\n'
)
_MOST = 2**62
_NO_TIME = re.compile(r"[+-]?(?:0|(?:0{1,9}(?:\.0{0,9})?(?:ns|us|µs|μs|ms|s|m|h)){1,9})")
_IMAGE_PARTS = frozenset({"image_url", "input_image", "image", "computer_screenshot", "image_generation_call"})
# Where a message, an item or a part of one holds parts: results of tools, documents.
_HOLD_PARTS = ("content", "output", "source")
_MOST_LEVELS = 8

_GENERATE: Final = "/generate"
"""The recorder's own address, as it stands in what was refused there; what was let through asks for Ollama's."""


# Not frozen, which takes longer to make; nobody sets a field later. A named tuple takes longer to read.
@dataclass(slots=True)
class Asked:
    """The facts of a request. ``document`` is its parsed JSON; None when it is not (or broken) JSON.

    ``plain`` are its messages where they are nothing but roles and texts. ``lifecycle`` is ``load`` or ``unload`` where
    the request asks a model of the native API for nothing but that. ``size`` is its length in bytes; so many of them
    are ``missing`` in our copy.
    """

    document: dict[str, Any] | None = None
    model: str | None = None
    stream: bool | None = None
    num_ctx: int | None = None
    images: int = 0
    lifecycle: str | None = None
    size: int = 0
    missing: int = 0
    plain: list[tuple[str, str]] | None = None


def read_request(opened: OpenExchange, request: Body) -> Asked:
    """Read the (readable) request. What it does not say, or says in a wrong type, is None."""
    if not request.length:
        return Asked()
    if request.content_type.startswith("multipart/"):
        named = _MODEL_IN_FORM.search(request.head[:65536]) or _MODEL_IN_FORM.search(request.tail[-65536:])
        return Asked(model=named[1].decode("utf-8", "replace") if named else None)
    data = whole(request)
    found = first_document(data)
    if isinstance(found, dict) and may_have_doubles(data) and (pairs := first_pairs(data)) is not None:
        found = merged(pairs)
    if not isinstance(found, dict):
        texts = with_known_names(first_texts(request.head[:_BEGINNING]))
        model = texts.get("model") or texts.get("name")
        return Asked(model=model if model and len(model) <= _LONGEST_MODEL else None)
    found = with_own_known_names(found)
    plain = plain_messages(found.get("messages"))
    if plain is None:
        found = with_known_names(found)
        plain = plain_messages(found.get("messages"))
    model = found.get("model") or found.get("name")
    # Ollama passes over the options of the other APIs.
    options = found.get("options") if opened.api == "ollama" else None
    num_ctx = whole_number(options.get("num_ctx")) if isinstance(options, dict) else None
    lifecycle = _lifecycle(opened, found) if opened.api == "ollama" else None
    return Asked(
        found,
        model if isinstance(model, str) and model else None,
        None if lifecycle else _stream(opened, found),
        num_ctx,
        _count_images(found, plain is not None),
        lifecycle,
        request.length,
        max(0, request.length - len(request.head) - len(request.tail)),
        plain,
    )


def whole_number(value: Any) -> int | None:
    """A whole number among the options, as Ollama reads it: 4096.0 is 4096, and 0 and -1 are numbers too."""
    if type(value) is int or (type(value) is float and abs(value) < _MOST):
        return max(-_MOST, min(int(value), _MOST))
    return None


def _stream(opened: OpenExchange, asked: dict[str, Any]) -> bool | None:
    if opened.api == "ollama":
        if opened.operation not in STREAMED_BY_DEFAULT:
            return None
        default = opened.path != _GENERATE
    elif opened.operation in STREAMED_ON_REQUEST:
        default = False
    else:
        return None
    wanted = asked.get("stream")
    return wanted if isinstance(wanted, bool) else default


def _lifecycle(opened: OpenExchange, asked: dict[str, Any]) -> str | None:
    """Ollama loads a model for an empty prompt, and unloads it when it is to be kept for no time.

    ``POST /generate`` means neither: without a prompt it is a mistake.
    """
    if opened.path == _GENERATE:
        return None
    if opened.operation == "chat":
        is_empty = not asked.get("messages")
    elif opened.operation == "generate":
        # Images and all else are passed over then.
        is_empty = not asked.get("prompt")
    else:
        return None
    if not is_empty:
        return None
    return "unload" if _is_no_time(asked.get("keep_alive")) else "load"


def _is_no_time(keep_alive: Any) -> bool:
    """Whether a model is to be kept for no time: a number of seconds, or a duration as Go writes it."""
    if isinstance(keep_alive, str):
        return _NO_TIME.fullmatch(keep_alive) is not None
    return isinstance(keep_alive, int | float) and not isinstance(keep_alive, bool) and 0 <= keep_alive < 1e-9


def _count_images(asked: dict[str, Any], has_plain_messages: bool) -> int:
    images = asked.get("images")
    count = len(images) if isinstance(images, list) else 0
    # What is to be edited, in OpenAI's form.
    count += isinstance(asked.get("image"), str) and bool(asked["image"])
    if has_plain_messages:
        return count
    messages = asked.get("messages")
    if messages is None:
        messages = asked.get("input")
    if not isinstance(messages, list):
        return count
    for message in messages:
        if type(message) is not dict:
            continue
        images = message.get("images")
        if isinstance(images, list):
            count += len(images)
        if len(message) != 2 or type(message.get("content")) is not str:
            count += _count_image_parts(message, _MOST_LEVELS)
    return count


def _count_image_parts(part: Any, levels: int) -> int:
    if isinstance(part, list):
        return sum(_count_image_parts(inner, levels - 1) for inner in part) if levels else 0
    if not isinstance(part, dict):
        return 0
    if type_of(part) in _IMAGE_PARTS:
        return 1
    return sum(_count_image_parts(part[key], levels - 1) for key in _HOLD_PARTS if key in part) if levels else 0
