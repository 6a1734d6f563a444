"""What a request asks for, whichever API it is written in."""

import re
from typing import Any, Final, NamedTuple

from service.record.bodies import first_document, whole
from service.record.exchange import Body, OpenExchange
from service.record.operations import STREAMED_BY_DEFAULT, STREAMED_ON_REQUEST
from service.record.request_fields import with_known_names

_MODEL_FIRST = re.compile(rb'\s{0,20}\{\s{0,20}"(?:model|name)"\s{0,20}:\s{0,20}"((?:[^"\\\x00-\x1f]){1,300})"')
_MODEL_IN_FORM = re.compile(
    rb'\bname="?model"?(?:;[^\r\n]{0,200})?\r\n(?:[^\r\n]{1,200}\r\n){0,3}\r\n([^\r\n]{1,300})\r\n'
)
_IMAGE_PARTS = frozenset({"image_url", "input_image", "image"})

_GENERATE: Final = "/generate"
"""The recorder's own address, as it stands in what was refused there; what was let through asks for Ollama's."""


class Asked(NamedTuple):
    """The facts of a request. ``document`` is its parsed JSON; None when it is not (or broken) JSON.

    ``lifecycle`` is ``load`` or ``unload`` where the request asks a model of the native API for
    nothing but that. ``size`` is its length in bytes; so many of them are ``missing`` in our copy.
    """

    document: dict[str, Any] | None = None
    model: str | None = None
    stream: bool | None = None
    num_ctx: int | None = None
    images: int = 0
    lifecycle: str | None = None
    size: int = 0
    missing: int = 0


def read_request(opened: OpenExchange, request: Body) -> Asked:
    """Read the (readable) request. What it does not say, or says in a wrong type, is None."""
    if not request.length:
        return Asked()
    if request.content_type.startswith("multipart/"):
        named = _MODEL_IN_FORM.search(request.head[:65536]) or _MODEL_IN_FORM.search(request.tail[-65536:])
        return Asked(model=named[1].decode("utf-8", "replace") if named else None)
    found = first_document(whole(request))
    if not isinstance(found, dict):
        first = _MODEL_FIRST.match(request.head)
        return Asked(model=first[1].decode("utf-8", "replace") if first else None)
    found = with_known_names(found)
    model = found.get("model") or found.get("name")
    # Ollama passes over the options of the other APIs.
    options = found.get("options") if opened.api == "ollama" else None
    num_ctx = options.get("num_ctx") if isinstance(options, dict) else None
    lifecycle = _lifecycle(opened, found) if opened.api == "ollama" else None
    return Asked(
        found,
        model if isinstance(model, str) and model else None,
        None if lifecycle else _stream(opened, found),
        num_ctx if type(num_ctx) is int and 0 < num_ctx < 2**40 else None,
        _count_images(found),
        lifecycle,
        request.length,
        max(0, request.length - len(request.head) - len(request.tail)),
    )


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
        is_empty = not asked.get("prompt") and not asked.get("images")
    else:
        return None
    if not is_empty:
        return None
    return "unload" if asked.get("keep_alive") in (0, "0", "0s", "0m", "0h") else "load"


def _count_images(asked: dict[str, Any]) -> int:
    images = asked.get("images")
    count = len(images) if isinstance(images, list) else 0
    # What is to be edited, in OpenAI's form.
    count += isinstance(asked.get("image"), str) and bool(asked["image"])
    messages = asked.get("messages")
    if messages is None:
        messages = asked.get("input")
    if not isinstance(messages, list):
        return count
    for message in messages:
        if not isinstance(message, dict):
            continue
        images = message.get("images")
        if isinstance(images, list):
            count += len(images)
        content = message.get("content")
        if isinstance(content, list):
            count += _count_image_parts(content)
    return count


def _count_image_parts(parts: list[Any]) -> int:
    count = 0
    for part in parts:
        if not isinstance(part, dict):
            continue
        if str(part.get("type")) in _IMAGE_PARTS:
            count += 1
        elif part.get("type") == "tool_result" and isinstance(part.get("content"), list):
            count += sum(1 for inner in part["content"] if isinstance(inner, dict) and inner.get("type") == "image")
    return count
