"""What the model got of a chat: how Ollama is asked for the text that its template made, and what it answers.

With ``_debug_render_only`` Ollama renders a chat of its own API, leaves out messages as it does before it runs one, and
runs nothing. With ``truncate: false`` it leaves nothing out.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from service.record.bodies import document
from service.record.model_facts import canonical_name, listed_models, read_loaded

NOT_LOADED: Final = "The model is not loaded now, and looking would load it. Ask while it is (ollama ps)."

# Of a model that stays loaded for ever Ollama names a year far ahead.
_FOR_EVER: Final = timedelta(days=365 * 50)
# What decides, beside num_ctx, whether Ollama loads a model anew; /api/ps tells none of it.
_LOADING_OPTIONS: Final = ("num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """``prompt`` is the text that the model gets, ``whole_characters`` the length of it were nothing left out.

    ``left_out`` are the places (from 0) of the messages that are not in it; None: it is shorter, and nobody knows
    which. ``messages`` counts those that were sent; ``context_length`` is in tokens.
    """

    prompt: str
    whole_characters: int
    messages: int
    left_out: tuple[int, ...] | None
    context_length: int


@dataclass(frozen=True, slots=True)
class LoadedNow:
    """A model that is loaded: the tokens that it has room for, and the ``keep_alive`` that changes nothing."""

    context_length: int
    keep_alive: str | int


def read_loaded_now(body: bytes, model: str, date: str) -> LoadedNow | None:
    """What ``/api/ps`` answers of ``model``; None: it is not loaded, or is just being unloaded.

    ``date`` is the header of that name: Ollama's clock may go differently. Empty: this machine's is taken.
    """
    name = canonical_name(model)
    length = next((one.context_length for one in read_loaded(body) or () if one.name == name), None)
    listed = document(body)
    if length is None:
        return None
    for called, one in (listed_models(listed) or {}).items():
        if canonical_name(called) == name:
            keep_alive = _keep_alive(one.get("expires_at"), date)
            return None if keep_alive is None else LoadedNow(length, keep_alive)
    return None


def why_not_rendered(asked: dict[str, Any], context_length: int | None, loaded: LoadedNow) -> str | None:
    """Why a chat cannot be rendered without loading its model anew; None: it can. ``context_length``: the call's."""
    options = asked.get("options")
    options = options if isinstance(options, dict) else {}
    loading = [name for name in _LOADING_OPTIONS if name in options]
    if loading:
        return f"The request sets {loading[0]}: if the model is loaded with another, Ollama would load it anew."
    wanted = options.get("num_ctx", context_length)
    if wanted is None:
        return "It is not known how much room this call had: Ollama might load the model anew."
    if wanted != loaded.context_length:
        return (
            f"The model is loaded with room for {loaded.context_length:,} tokens, and this call asked for {wanted!s}:"
            " looking would load it anew."
        )
    return None


def rendering(asked: dict[str, Any], keep_alive: str | int, *, leave_out: int | None = None) -> bytes:
    """The request that renders ``asked``. ``leave_out`` None: as Ollama does by itself.

    Else without that many of its first messages (those of the system stay), and Ollama leaves out nothing more.
    """
    options = asked.get("options")
    body = asked | {"stream": False, "_debug_render_only": True, "keep_alive": keep_alive}
    # An Ollama that does not know the field would answer: then with one token.
    body["options"] = {**(options if isinstance(options, dict) else {}), "num_predict": 1}
    if leave_out is not None:
        body["truncate"] = False
        body["messages"] = kept_messages(asked, leave_out)
    # Not by orjson: it refuses half an emoji.
    return json.dumps(body).encode()


def kept_messages(asked: dict[str, Any], leave_out: int) -> list[Any]:
    """The messages of a request but the first ``leave_out``, of which those of the system stay."""
    messages: list[Any] = asked["messages"]
    return [one for one in messages[:leave_out] if _is_of_system(one)] + messages[leave_out:]


def left_out_of(asked: dict[str, Any], leave_out: int) -> tuple[int, ...]:
    """The places of the messages that ``kept_messages`` has not."""
    return tuple(at for at, one in enumerate(asked["messages"][:leave_out]) if not _is_of_system(one))


def read_rendered(body: bytes) -> str | None:
    """The text in Ollama's answer; None: there is none."""
    answer = document(body)
    told = answer.get("_debug_info") if isinstance(answer, dict) else None
    text = told.get("rendered_template") if isinstance(told, dict) else None
    return text if isinstance(text, str) else None


def trouble_of(status: int, body: bytes) -> str:
    """In a sentence why an answer holds no such text."""
    found = document(body)
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, str) and error:
        return f"Ollama answers {status}: {error[:300]}"
    return "This Ollama does not show what it gives to a model." if status == 200 else f"Ollama answers {status}."


def model_of(asked: dict[str, Any]) -> str | None:
    """The model that a request names."""
    model = asked.get("model")
    return model if isinstance(model, str) and model else None


def _is_of_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "system"


def _keep_alive(expires_at: Any, date: str) -> str | int | None:
    try:
        expires = datetime.fromisoformat(expires_at)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        left = expires - now
    except (ValueError, TypeError, OverflowError):
        return None
    if left > _FOR_EVER:
        return -1
    return f"{left.total_seconds():.3f}s" if left > timedelta(0) else None
