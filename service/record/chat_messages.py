"""Who wrote what in a request, whichever API it is written in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from service.record.answer_parts import HIDDEN_THINKING, type_of, with_lower_names
from service.record.json_text import compact
from service.record.plain_messages import plain_messages
from service.record.replies import text_of
from service.record.thinking_tags import split_thinking
from service.record.tool_calls import arguments_of
from service.record.wording import counted

_BETWEEN_PARTS = "\n"
_LONGEST_ADDRESS = 200
# Thinking that clients send back as they got it begins a text.
_TAG_WITHIN = 100
# What stands in a record instead of a payload, and what is short enough to be shown as it is.
_SHOWN_AS_SENT = ("<", "http://", "https://", "file-")
_TEXT_PARTS = frozenset({"text", "input_text", "output_text", "summary_text", "reasoning_text"})
_IMAGE_PARTS = frozenset({"image_url", "input_image", "image", "computer_screenshot"})


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a model wants to be done. ``arguments`` is JSON text, as far as the model wrote JSON."""

    name: str
    arguments: str
    id: str = ""


# A tuple and not a dataclass: a frozen dataclass of so many fields takes three times as long to make, and each turn of
# an exchange is made for its record, for the index and for exports.
class ChatMessage(NamedTuple):
    """One message, of ``system``, ``user``, ``assistant`` or ``tool`` (or whatever role was sent).

    ``images`` has a word about each part that is no text, such as ``<image 183204 bytes sha256:…>``.
    A turn of a tool has the ``name`` of the tool or the ``tool_call_id`` that it answers, as far as known.
    ``typed`` are the words of ``text`` that a person typed, where a program put a document before them; else "".
    """

    role: str
    text: str
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[str, ...] = ()
    name: str = ""
    tool_call_id: str = ""
    typed: str = ""


def turns_of(asked: dict[str, Any], *, is_embedding: bool = False) -> Iterator[ChatMessage]:
    """The turns of a request of any API, in their order; what has a wrong type is passed over.

    Beside those of a conversation there are ``suffix``, the text after a gap that the model fills, and ``template``.
    """
    if template := text_of(asked.get("template")):
        yield ChatMessage("template", template)
    if "system" in asked or "instructions" in asked:
        yield from (ChatMessage("system", text) for text in instructions_of(asked))
    messages, given = asked.get("messages"), asked.get("input")
    if is_embedding:
        yield from _prompts(asked.get("prompt") if given is None else given)
    elif isinstance(messages, list):
        yield from turns_of_messages(messages, plain_messages(messages))
    elif isinstance(given, list):
        yield from _items(given)
    elif given is not None:
        yield from _prompts(given)
    else:
        image = asked.get("image")
        images = _images(asked.get("images")) + _images([image] if image else None)
        yield from _prompts(asked.get("prompt"), images)
        if suffix := text_of(asked.get("suffix")):
            yield ChatMessage("suffix", suffix)


def turns_of_messages(messages: list[Any], plain: list[tuple[str, str]] | None) -> Iterator[ChatMessage]:
    """The turns of the messages of a chat. ``plain``: what ``plain_messages`` makes of them."""
    if plain is None:
        for message in messages:
            if (turn := _usual(message)) is not None:
                yield turn
            else:
                yield from _message(message)
        return
    # They are as many. ``strict`` is nothing that can be compiled.
    for message, (role, text) in zip(messages, plain):  # noqa: B905
        if role == "assistant" and "<think" in text[:_TAG_WITHIN]:
            yield from _message(message)
        else:
            yield ChatMessage(role, text)


def instructions_of(asked: dict[str, Any]) -> Iterator[str]:
    """What a request tells the model beside its messages; each is a turn of ``turns_of`` too, before all messages."""
    for key in ("system", "instructions"):
        if (given := asked.get(key)) and (text := _parts(given).text):
            yield text


def calls_of(found: Any) -> Iterator[ToolCall]:
    """The calls of a list as Ollama or OpenAI write it: ``{"id"?, "function": {"name", "arguments"}}``."""
    for called in found if isinstance(found, list) else ():
        function = called.get("function") if isinstance(called, dict) else None
        custom = called.get("custom") if isinstance(called, dict) else None
        if isinstance(function, dict):
            yield _call(function.get("name"), function.get("arguments"), called.get("id"))
        elif isinstance(custom, dict):
            yield _call(custom.get("name"), custom.get("input"), called.get("id"))


def tools_of(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tools that a request offers, each as it was sent."""
    tools, functions = asked.get("tools"), asked.get("functions")
    yield from (tool for tool in (tools if isinstance(tools, list) else ()) if isinstance(tool, dict))
    for function in functions if isinstance(functions, list) else ():
        if isinstance(function, dict):
            yield {"type": "function", "function": function}


@dataclass(slots=True)
class _Parts:
    """What one content holds. Lives only while it is read."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    results: list[ChatMessage] = field(default_factory=list)

    @property
    def text(self) -> str:
        return _BETWEEN_PARTS.join(self.texts)

    def add(self, part: dict[str, Any]) -> None:
        part = with_lower_names(part)
        kind = type_of(part)
        # The caller's own tools, and those of a server: server_tool_use, web_search_tool_result.
        name = kind or ""
        if name.endswith("tool_use"):
            self.calls.append(_call(part.get("name"), part.get("input"), part.get("id")))
        elif name.endswith("tool_result"):
            inner = part.get("content")
            result = _parts([one for one in inner if not _is_result(one)] if isinstance(inner, list) else inner)
            identifier = text_of(part.get("tool_use_id")) or ""
            self.results.append(ChatMessage("tool", result.text, images=tuple(result.images), tool_call_id=identifier))
        elif kind in ("thinking", "redacted_thinking"):
            hidden = HIDDEN_THINKING if kind == "redacted_thinking" else ""
            self.thoughts.append(text_of(part.get("thinking")) or hidden)
        elif isinstance(text := part.get("text"), str) and (kind is None or kind in _TEXT_PARTS):
            self.texts.append(text)
        elif refusal := text_of(part.get("refusal")):
            self.texts.append(refusal)
        else:
            self.images.append(_payload(part, str(kind)))


def _is_result(part: Any) -> bool:
    return isinstance(part, dict) and str(type_of(part)).endswith("tool_result")


def _parts(content: Any) -> _Parts:
    found = _Parts()
    if isinstance(content, str):
        found.texts.append(content)
    elif isinstance(content, list | dict):
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict):
                found.add(part)
            elif isinstance(part, str):
                found.texts.append(part)
    return found


def _usual(message: Any) -> ChatMessage | None:
    """A message that is a role and a text, and nothing more; None: there is more to look at."""
    if type(message) is not dict or len(message) != 2:
        return None
    role, content = message.get("role"), message.get("content")
    if type(role) is not str or not role or type(content) is not str:
        return None
    return None if role == "assistant" and "<think" in content[:_TAG_WITHIN] else ChatMessage(role, content)


def _message(message: Any) -> Iterator[ChatMessage]:
    """A message of any chat API: one turn, and one for each result of a tool that Anthropic puts inside."""
    if not isinstance(message, dict):
        return
    role, content = text_of(message.get("role")) or "user", message.get("content")
    if role == "assistant" and isinstance(content, str) and "<think" in content[:_TAG_WITHIN]:
        message = {"thinking": "", **message}
        message["thinking"], message["content"] = split_thinking(text_of(message["thinking"]) or "", content)
        content = message["content"]
    parts = _parts(content)
    yield from parts.results
    parts.images += _images(message.get("images"))
    parts.calls += calls_of(message.get("tool_calls"))
    function = message.get("function_call")
    if isinstance(function, dict):
        parts.calls.append(_call(function.get("name"), function.get("arguments"), None))
    for key in ("thinking", "reasoning", "reasoning_content"):
        if thought := text_of(message.get(key)):
            parts.thoughts.append(thought)
            break
    if parts.results and not (parts.texts or parts.images or parts.calls):
        return
    yield ChatMessage(
        role,
        parts.text,
        _BETWEEN_PARTS.join(parts.thoughts),
        tuple(parts.calls),
        tuple(parts.images),
        text_of(message.get("tool_name")) or text_of(message.get("name")) or "",
        text_of(message.get("tool_call_id")) or "",
    )


def _items(items: list[Any]) -> Iterator[ChatMessage]:
    """The ``input`` of ``/v1/responses``, where one turn of the assistant may be several items."""
    before: ChatMessage | None = None
    for item in items:
        turn = _item(item)
        if turn is None:
            continue
        joined = _joined(before, turn)
        if before is not None and joined is None:
            yield before
        before = joined or turn
    if before is not None:
        yield before


def _item(item: Any) -> ChatMessage | None:
    if not isinstance(item, dict):
        return ChatMessage("user", item) if isinstance(item, str) else None
    kind = str(type_of(item))
    if kind.endswith("_call") and kind != "image_generation_call":
        name = item.get("name") or kind.removesuffix("_call")
        called = _call(name, arguments_of(item), item.get("call_id") or item.get("id"))
        return ChatMessage("assistant", "", tool_calls=(called,))
    if kind.endswith("_call_output"):
        result = _parts(item.get("output"))
        return ChatMessage(
            "tool", result.text, images=tuple(result.images), tool_call_id=text_of(item.get("call_id")) or ""
        )
    if kind == "reasoning":
        thoughts = [*_parts(item.get("content")).texts, *_parts(item.get("summary")).texts]
        return ChatMessage("assistant", "", _BETWEEN_PARTS.join(thoughts))
    if "role" in item or "content" in item:
        return next(_message(item), None)
    return ChatMessage("assistant", "", images=(_payload(item, kind),))


def _joined(one: ChatMessage | None, other: ChatMessage) -> ChatMessage | None:
    """Both as one turn, where the assistant thought, then spoke, then called; None where they are two."""
    if one is None or one.role != "assistant" or other.role != "assistant" or one.images or other.images:
        return None
    if other.thinking or (other.text and (one.text or one.tool_calls)):
        return None
    return one._replace(text=one.text or other.text, tool_calls=one.tool_calls + other.tool_calls)


def _prompts(prompt: Any, images: tuple[str, ...] = ()) -> Iterator[ChatMessage]:
    """A prompt, or several: each a text, or a list of tokens."""
    prompts = prompt if isinstance(prompt, list) else [prompt]
    if prompts is prompt and prompts and all(isinstance(one, int) for one in prompts):
        prompts = [prompts]
    for one in prompts:
        if isinstance(one, str) and (one or images):
            yield ChatMessage("user", one, images=images)
        elif isinstance(one, list):
            yield ChatMessage("user", "", images=(f"<{counted(len(one), 'token')}>",))
        elif images:
            yield ChatMessage("user", "", images=images)


def _call(name: Any, arguments: Any, identifier: Any) -> ToolCall:
    if arguments is None:
        arguments = ""
    text = arguments if isinstance(arguments, str) else compact(arguments)
    return ToolCall(text_of(name) or "", text, text_of(identifier) or "")


def _images(found: Any) -> tuple[str, ...]:
    return tuple(_described(image, "image") for image in found) if isinstance(found, list) else ()


def _payload(part: dict[str, Any], kind: str) -> str:
    """A word about a part that is no text: an image, a sound, a file, or what nobody knows yet."""
    name = "image" if kind in _IMAGE_PARTS else kind.removeprefix("input_")[:_LONGEST_ADDRESS]
    for key in ("image_url", "input_audio", "file", "source"):
        inner = part.get(key)
        if isinstance(inner, dict):
            inner = next((inner[it] for it in ("url", "data", "file_data", "file_id", "filename") if it in inner), None)
        if inner is not None:
            return _described(inner, name)
    return f"<{name}>"


def _described(content: Any, kind: str) -> str:
    if isinstance(content, str):
        if content.startswith(_SHOWN_AS_SENT) and len(content) <= _LONGEST_ADDRESS:
            # An address by itself is that of an image.
            return content if kind == "image" or content.startswith("<") else f"<{kind} {content}>"
        return f"<{kind} of {len(content)} characters>"
    return f"<{kind}>"
