"""The content of an answer where it is a list: texts, thoughts, images, and what nobody knows yet."""

from typing import Any

from service.record.json_text import as_text, compact
from service.record.payloads import LONG_PAYLOAD, without_payloads, word_of
from service.record.replies import Reply, text_of

HIDDEN_THINKING = "<redacted thinking>"
"""Stands for thinking that a server sends encrypted, for itself."""

_TEXTS = frozenset({"text", "output_text", "summary_text", "reasoning_text", "input_text"})
_THOUGHTS = frozenset({"thinking", "reasoning", "reasoning_text", "reasoning.text", "reasoning.summary"})
_HIDDEN_THOUGHTS = frozenset({"redacted_thinking", "reasoning.encrypted"})
_IMAGES = frozenset({"image", "image_url", "output_image", "input_image"})
# Names of notes about an answer, which are no part of what a model wrote.
_NOTES = frozenset(
    (
        *("id", "object", "created", "system_fingerprint", "service_tier", "provider", "provider_specific_fields"),
        *("annotations", "citations"),
    )
)
# Of thoughts in thoughts; no server is known that sends more than two.
_MOST_LEVELS = 20


def listed(value: Any) -> list[Any]:
    """What is mostly a list: a single one, as some servers write it, is a list of one, and nothing is none."""
    if isinstance(value, list):
        return value
    return [value] if value else []


def read_parts(parts: list[Any], reply: Reply, *, are_thoughts: bool = False, levels: int = _MOST_LEVELS) -> bool:
    """Gather the parts of a content. Tells whether they carried anything."""
    if not levels:
        reply.pass_over("parts that are nested too deeply")
        return False
    into = reply.thoughts if are_thoughts else reply.texts
    carried = False
    for part in parts:
        if isinstance(part, str):
            into.append(part)
            carried = carried or bool(part)
        elif isinstance(part, dict):
            carried = _read_part(part, into, reply, levels) or carried
        elif part is not None:
            reply.pass_over("a part that is neither text nor object")
    return carried


def _read_part(part: dict[str, Any], into: list[str], reply: Reply, levels: int) -> bool:
    part = with_lower_names(part)
    kind = type_of(part)
    if kind in _HIDDEN_THOUGHTS:
        reply.thoughts.append(HIDDEN_THINKING)
        return True
    if kind in _THOUGHTS or (kind is None and text_of(part.get("thinking"))):
        return _read_thought(part, reply, levels)
    if kind is None or kind in _TEXTS:
        text = part.get("text")
        if isinstance(text, dict):
            text = text.get("value")
        if text := text_of(text):
            into.append(text)
            return True
    if refusal := text_of(part.get("refusal")):
        into.append(refusal)
        return True
    if word := image_of(part):
        into.append(word)
        return True
    if kind not in _TEXTS and kind != "refusal":
        reply.pass_over(f"a part of the type {str(kind)[:50]!r}")
    return False


def _read_thought(part: dict[str, Any], reply: Reply, levels: int) -> bool:
    for key in ("thinking", "text", "reasoning", "content", "summary"):
        found = part.get(key)
        if text_of(found):
            reply.thoughts.append(str(found))
            return True
        if isinstance(found, list) and found:
            return read_parts(found, reply, are_thoughts=True, levels=levels - 1)
    return False


def type_of(holder: dict[str, Any]) -> str | None:
    """The ``type`` of a part, an item or an event; None: it has none. What is no text is told as text."""
    kind = holder.get("type")
    return None if kind is None else as_text(kind)


def with_lower_names(part: dict[str, Any]) -> dict[str, Any]:
    """``part`` with its names in lower case where it has a ``Type`` or ``Text``; the same object where it has none."""
    if "type" in part or "text" in part or not any(key.lower() in ("type", "text") for key in part):
        return part
    return {key.lower(): value for key, value in part.items()}


def pass_over_unknown(holder: dict[str, Any], known: frozenset[str], reply: Reply, *, is_beside: bool) -> None:
    """Note the fields of ``holder`` that are not ``known`` and may be content.

    Numbers are none. ``is_beside``: they stand beside content that was read, so that only payloads may be some.
    """
    for key, value in holder.items():
        if key in known or not value or isinstance(value, int | float):
            continue
        if not (is_beside or key in _NOTES) or _has_payload(value):
            reply.pass_over(f"{key[:50]!r}")


def _has_payload(value: Any) -> bool:
    if isinstance(value, str) and len(value) < LONG_PAYLOAD and not value.startswith("data:"):
        return False
    text = compact({"": value}).encode("utf-8", "surrogatepass")
    return without_payloads(text) is not text


def image_of(part: dict[str, Any]) -> str | None:
    """A word for the image that ``part`` is, such as ``<image 2056 bytes sha256:…>``; None where it is none."""
    kind = type_of(part)
    is_image = kind in _IMAGES or kind == "image_generation_call"
    for key in ("b64_json", "image_url", "image", *(("source", "url", "result", "data") if is_image else ())):
        found = part.get(key)
        if isinstance(found, dict):
            found = found.get("url") or found.get("data") or found.get("b64_json")
        if text_of(found):
            return word_of(str(found), "image")
    return None
