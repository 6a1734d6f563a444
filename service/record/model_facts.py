"""What Ollama tells of its models: which are loaded with how much room, and what each of them is."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from service.record.bodies import document
from service.record.surrogates import SURROGATE

_OUR_REGISTRY: Final = re.compile(r"^(?:https?://)?(?:registry\.ollama\.ai/)?(?:library/)?")
_WEIGHTS: Final = re.compile(r"^FROM \S*?sha256[-:]([0-9a-f]{64})\s*$", re.MULTILINE)
_PARAMETER: Final = re.compile(r"^(num_ctx|num_keep|num_batch) +(-?\d{1,9})\s*$", re.MULTILINE)
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})\.")
_MOST: Final = 2**40
# Where a list is in its answer, and what its members call their names.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {"models": ("model", "name"), "data": ("id",)}
_LONGEST_NAME: Final = 1000


class LoadedModel(NamedTuple):
    """A model that ``/api/ps`` lists: its canonical ``name``, the tokens that it has room for, and its manifest."""

    name: str
    context_length: int
    digest: str = ""


class Look(NamedTuple):
    """One answer to ``/api/ps``, in Ollama's order: what stays loaded for longest comes first.

    Times are Unix nanoseconds. ``number`` counts the looks from 1. ``in_flight`` is how many exchanges went through the
    recorder when it was asked or answered, whichever is more, and how many calls began between the two.
    """

    number: int
    asked_ns: int
    answered_ns: int
    in_flight: int
    models: tuple[LoadedModel, ...]


class ModelFacts(NamedTuple):
    """What ``/api/show`` tells of a model. None: it does not say, or does not set it.

    ``weights`` is the SHA-256 of the model's file, ``trained_length`` the most tokens that it can be given room for.
    ``num_ctx``, ``num_keep`` and ``num_batch`` are its own PARAMETERs. ``fixed_bytes`` are those that its template
    and system prompt have, ``message_bytes`` those of its longest own MESSAGE (0: it has none). ``sees_images``:
    Ollama gives such a model room for 2,048 tokens at least. ``embeds``: it makes vectors.
    """

    weights: str | None = None
    trained_length: int | None = None
    num_ctx: int | None = None
    num_keep: int | None = None
    num_batch: int | None = None
    fixed_bytes: int = 0
    message_bytes: int = 0
    sees_images: bool = False
    embeds: bool = False


def nothing_known(_: str) -> None:
    """Stands where nobody asks what a model is."""


@lru_cache(maxsize=1000)
def canonical_name(model: str) -> str:
    """``model`` as ``/api/ps`` writes it. Ollama takes names in any case, and ``:latest`` for a missing tag."""
    name = _OUR_REGISTRY.sub("", model.strip().lower(), count=1)
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


@lru_cache(maxsize=1000)
def short_name(model: str) -> str:
    """One name for all spellings of a model, as people write it: ``tiny`` for ``Tiny:latest`` and ``library/tiny``."""
    return canonical_name(model).removesuffix(":latest") or model


def listed_models(answer: Any, where: str = "models") -> dict[str, dict[str, Any]] | None:
    """The members of a parsed answer to ``/api/tags``, ``/api/ps`` or (in ``data``) ``/v1/models``, by their names.

    Each is there once, and what has no name that can be read is passed over. None: it is no such answer, or nothing in
    it can be read.
    """
    if not isinstance(answer, dict) or where not in answer:
        return None
    # Ollama without a model writes null in some versions.
    members = answer[where] or []
    if not isinstance(members, list):
        return None
    found: dict[str, dict[str, Any]] = {}
    for member in members:
        if (name := _name_of(member, where)) is not None:
            found.setdefault(name, member)
    return found if found or not members else None


def read_models(body: bytes) -> dict[str, dict[str, Any]] | None:
    """The models of an answer to ``/api/tags`` or ``/api/ps``: see ``listed_models``."""
    return listed_models(document(body))


def read_abilities(body: bytes) -> list[Any] | None:
    """What a model can do, of an answer to ``/api/show``; None: it does not say."""
    shown = document(body)
    abilities = shown.get("capabilities") if isinstance(shown, dict) else None
    return abilities if isinstance(abilities, list) else None


def _name_of(member: Any, where: str) -> str | None:
    for key in _NAMES[where] if isinstance(member, dict) else ():
        name = member.get(key)
        if isinstance(name, str) and name.strip() and len(name) <= _LONGEST_NAME and _can_be_written(name):
            return name
    return None


def _can_be_written(text: str) -> bool:
    """Whether it has no lone surrogates, which no other answer can hold."""
    return text.isascii() or not SURROGATE.search(text)


def read_loaded(body: bytes) -> tuple[LoadedModel, ...] | None:
    """The models of an answer to ``/api/ps``; None if it is no such answer. What has no length is left out."""
    answer = document(body)
    models = listed_models(answer)
    if models is None or answer["models"] is None:
        return None
    return tuple(
        LoadedModel(canonical_name(name), length, _text(model.get("digest")))
        for name, model in models.items()
        if (length := _count(model.get("context_length")))
    )


def gives_up_half(body: bytes) -> bool | None:
    """Whether the Ollama of an answer to ``/api/version`` cuts a text that is too long to about half of the context.

    0.17 does not, 0.32 does. None: not known, as of versions between and of those that somebody built.
    """
    answer = document(body)
    version = _VERSION.match(_text(answer.get("version"))) if isinstance(answer, dict) else None
    number = (int(version[1]), int(version[2])) if version else (0, 0)
    return True if number >= (0, 32) else False if (0, 0) < number <= (0, 17) else None


def read_model_facts(body: bytes) -> ModelFacts | None:
    """The facts of an answer to ``/api/show``; None if it is no such answer."""
    shown = document(body)
    if not isinstance(shown, dict) or not ({"model_info", "modelfile"} & shown.keys()):
        return None
    info = shown.get("model_info")
    info = info if isinstance(info, dict) else {}
    weights = _WEIGHTS.search(_text(shown.get("modelfile")))
    parameters = {name: int(value) for name, value in _PARAMETER.findall(_text(shown.get("parameters")))}
    lengths = (_count(value) for key, value in info.items() if key.endswith(".context_length"))
    messages = [_size(own.get("content")) for own in _list(shown.get("messages")) if isinstance(own, dict)]
    capabilities = _list(shown.get("capabilities"))
    return ModelFacts(
        weights=weights[1] if weights else None,
        trained_length=next(filter(None, lengths), None),
        num_ctx=_count(parameters.get("num_ctx")),
        num_keep=parameters.get("num_keep"),
        num_batch=_count(parameters.get("num_batch")),
        fixed_bytes=_size(shown.get("system")) + _size(shown.get("template")),
        message_bytes=max(messages, default=0),
        sees_images="vision" in capabilities,
        embeds="embedding" in capabilities,
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _size(value: Any) -> int:
    return len(_text(value).encode("utf-8", "surrogatepass"))


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < _MOST else None
