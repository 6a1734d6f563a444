"""Which models Ollama has, and the one that answers a prompt whose sender named none."""

from typing import Any, Final

from service.gateway.error_responses import Refusal
from service.gateway.upstream import Send
from service.gateway.whole_answer import fetch_whole
from service.json_writing import write_json
from service.record.model_facts import read_abilities, read_models

_GENERATES: Final = "completion"
_NO_MODEL: Final = "Ollama has no model yet. Fetch one: ollama pull llama3.2"
_NONE_GENERATES: Final = "Ollama has only models that do not generate text: {names}. Fetch one: ollama pull llama3.2"
_MOST_NAMES: Final = 5


async def choose_model(setting: str, send: Send) -> str | Refusal:
    """GENERATE_MODEL, or the first model of Ollama's list that generates text; a refusal when there is none.

    An embedding model is passed over: Ollama answers 400 to a prompt for it. A model whose abilities no answer tells
    counts as one that generates. Without an Ollama the name is empty: the call fails, and is recorded as any failure.
    """
    if setting:
        return setting
    models = await _models(send)
    if models is None:
        return ""
    for model in models:
        if await _generates(model, models[model], send):
            return model
    names = ", ".join([*models][:_MOST_NAMES])
    return Refusal(503, _NONE_GENERATES.format(names=names) if models else _NO_MODEL, "GENERATE_MODEL")


async def list_models(send: Send) -> list[str]:
    """The names of the models that Ollama has; none when it does not answer. A question of our own: not recorded."""
    return list(await _models(send) or ())


async def _models(send: Send) -> dict[str, dict[str, Any]] | None:
    body = await fetch_whole(send, "GET", "/api/tags")
    return read_models(body or b"")


async def _generates(name: str, listed: dict[str, Any], send: Send) -> bool:
    """What ``/api/tags`` tells of the model (Ollama 0.34), else what ``/api/show`` does (0.17)."""
    abilities = listed.get("capabilities")
    if not isinstance(abilities, list):
        body = await fetch_whole(send, "POST", "/api/show", write_json({"model": name}))
        abilities = read_abilities(body or b"")
    return not isinstance(abilities, list) or _GENERATES in abilities
