"""What can be asked of Ollama: the one list of operations and what is known of each.

A route (``service/gateway/routes.py``) names the operation that an address asks for. ``load`` and ``unload`` have no
address of their own: they are what a chat or a generation without a prompt means.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Content(StrEnum):
    """What an answer is made of."""

    WORDS = "words"
    VECTORS = "vectors"
    PICTURES = "pictures"
    NOTHING = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    ``is_model_call``: a model computes an answer to a prompt, so that it has tokens and phases. ``streams``: Ollama's
    own API answers it in pieces unless asked not to; ``may_stream``: the other APIs do where they are asked to.
    ``has_messages``: its request holds messages. ``has_context``: it sets how many tokens have room.
    ``changes_models``: after it a name may mean another model. ``is_poll``: it only looks what there is, as programs
    do over and over.
    ``span_name``: its name in OpenTelemetry's GenAI conventions, empty where it gets no span of its own.
    """

    name: str
    meaning: str
    content: Content = Content.NOTHING
    is_model_call: bool = False
    streams: bool = False
    may_stream: bool = False
    has_messages: bool = False
    has_context: bool = False
    changes_models: bool = False
    is_poll: bool = False
    span_name: str = ""


_WORDS: Final = Content.WORDS

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        *("chat", "The next message of a conversation.", _WORDS),
        is_model_call=True,
        streams=True,
        may_stream=True,
        has_messages=True,
        has_context=True,
        span_name="chat",
    ),
    Operation(
        *("generate", "The continuation of a prompt.", _WORDS),
        is_model_call=True,
        streams=True,
        may_stream=True,
        has_messages=True,
        has_context=True,
        span_name="text_completion",
    ),
    Operation(
        *("embed", "Vectors of texts.", Content.VECTORS),
        is_model_call=True,
        has_messages=True,
        has_context=True,
        span_name="embeddings",
    ),
    # The conventions know no word for these and allow one's own.
    Operation(
        *("transcribe", "The words of a recording.", _WORDS),
        is_model_call=True,
        may_stream=True,
        has_messages=True,
        span_name="transcribe",
    ),
    Operation(
        *("image", "A picture, made or changed.", Content.PICTURES),
        is_model_call=True,
        has_messages=True,
        span_name="image",
    ),
    Operation(
        *("compact", "A conversation in fewer words, for the next call.", _WORDS),
        is_model_call=True,
        has_messages=True,
        span_name="compact",
    ),
    Operation("load", "A model is loaded, nothing is asked.", has_messages=True, has_context=True, span_name="load"),
    Operation("unload", "A model is unloaded.", has_messages=True),
    Operation("list", "Which models there are.", is_poll=True),
    Operation("ps", "Which models are loaded.", is_poll=True),
    Operation("show", "What a model is.", is_poll=True),
    Operation("version", "Ollama's version.", is_poll=True),
    Operation("root", "Whether Ollama is there.", is_poll=True),
    Operation("pull", "A model is fetched.", streams=True, changes_models=True),
    Operation("push", "A model is published.", streams=True),
    Operation("create", "A model is made from others or from files.", streams=True, changes_models=True),
    Operation("copy", "A model gets a second name.", changes_models=True),
    Operation("delete", "A model is deleted.", changes_models=True),
    Operation("blob", "A model's file is sent."),
    Operation("web_search", "Ollama's search of the web."),
    Operation("web_fetch", "Ollama's fetching of a web page."),
)

NAMES: frozenset[str] = frozenset(one.name for one in OPERATIONS)
MODEL_CALLS: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.is_model_call)
STREAMED_BY_DEFAULT: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.streams)
STREAMED_ON_REQUEST: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.may_stream)
ANSWERED_IN_PIECES: frozenset[str] = MODEL_CALLS | STREAMED_BY_DEFAULT
"""Those whose answers are read for what they hold, whether they stream or not."""

WITH_MESSAGES: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.has_messages)
WITH_CONTEXT: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.has_context)
CHANGE_MODELS: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.changes_models)
UNLOAD: Final = "unload"
USE_MODELS: frozenset[str] = MODEL_CALLS | {"load", UNLOAD}
"""A load and an unload are no calls that compute, but they use a model."""


OF_ONE_OLLAMA: frozenset[str] = CHANGE_MODELS | {"push", "blob"}
"""Those that are about the models of one Ollama in particular: of several it has to be named."""

ANSWERED_IN_WORDS: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.content is Content.WORDS)
ANSWERED_IN_VECTORS: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.content is Content.VECTORS)
POLLS: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.is_poll)
DRAWN: frozenset[str] = frozenset(one.name for one in OPERATIONS if one.content is Content.PICTURES)
CONVERSATIONS: frozenset[str] = STREAMED_BY_DEFAULT & MODEL_CALLS
"""Those whose prompt is words and whose answer ends with a mark of its own: chat and generate."""

SPAN_NAMES: dict[str, str] = {one.name: one.span_name for one in OPERATIONS if one.span_name}
