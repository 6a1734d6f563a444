"""The model for a prompt whose sender named none: embedding models cannot answer it."""

import json
from typing import Any

import pytest

from service.gateway.error_responses import Refusal
from service.gateway.model_choice import choose_model, list_models
from service.gateway.upstream import Upstream
from tests.fakes.ollama import FakeOllama, json_answer

TALKS, EMBEDS = ["completion", "tools"], ["embedding"]


async def choice(listed: Any, *shown: Any, setting: str = "") -> str | Refusal:
    """What is chosen where /api/tags answers ``listed`` and /api/show each of ``shown`` in turn."""
    async with FakeOllama() as ollama:
        ollama.answers("/api/tags", json_answer(listed))
        ollama.answers("/api/show", *(json_answer(one) for one in shown))
        upstream = Upstream(ollama.url)
        try:
            chosen = await choose_model(setting, upstream.send)
        finally:
            upstream.close()
        asked = [json.loads(request.body)["model"] for request in ollama.requests if request.path == "/api/show"]
        assert len(asked) == len(shown)
        return chosen


def told(*models: tuple[str, object]) -> dict[str, Any]:
    return {"models": [{"name": name, "capabilities": abilities} for name, abilities in models]}


def named(*names: str) -> dict[str, Any]:
    return {"models": [{"name": name} for name in names]}


@pytest.mark.parametrize(
    ("listed", "shown", "chosen"),
    [
        (told(("embed", EMBEDS), ("talk", TALKS)), [], "talk"),
        (told(("talk", TALKS), ("embed", EMBEDS)), [], "talk"),
        (named("embed", "talk", "other"), [{"capabilities": EMBEDS}, {"capabilities": TALKS}], "talk"),
        (named("old"), [{"details": {}}], "old"),
        (named("odd"), [{"capabilities": "completion"}], "odd"),
        (named("odd"), [[]], "odd"),
        (told(("odd", None), ("talk", TALKS)), [{"capabilities": EMBEDS}], "talk"),
    ],
)
async def test_the_first_model_that_generates_is_chosen(listed: Any, shown: list[Any], chosen: str) -> None:
    assert await choice(listed, *shown) == chosen


async def test_the_setting_decides_without_a_question() -> None:
    assert await choice(named("embed"), setting="mine") == "mine"


@pytest.mark.parametrize(
    ("listed", "sentence"),
    [
        ({"models": []}, "Ollama has no model yet. Fetch one: ollama pull llama3.2"),
        ({"models": None}, "Ollama has no model yet. Fetch one: ollama pull llama3.2"),
        (
            told(*((f"embed-{number}", EMBEDS) for number in range(7))),
            "Ollama has only models that do not generate text: embed-0, embed-1, embed-2, embed-3, embed-4. "
            "Fetch one: ollama pull llama3.2",
        ),
    ],
)
async def test_where_no_model_generates_the_refusal_says_what_to_fetch(listed: Any, sentence: str) -> None:
    assert await choice(listed) == Refusal(503, sentence, "GENERATE_MODEL")


@pytest.mark.parametrize("listed", [{"error": "no"}, [], {"models": 7}, {"models": [1]}, {"models": [{}]}])
async def test_a_list_that_is_none_leaves_the_name_to_the_call_that_fails(listed: Any) -> None:
    assert await choice(listed) == ""


async def test_all_models_are_listed() -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/tags", json_answer(told(("embed", EMBEDS), ("talk", TALKS))))
        upstream = Upstream(ollama.url)
        try:
            assert await list_models(upstream.send) == ["embed", "talk"]
        finally:
            upstream.close()


ODD: list[Any] = ["text", None, 7, [], {}, {"name": None}, {"name": "\ud800"}, {"name": "talk", "capabilities": 1}]


@pytest.mark.parametrize("odd", ODD)
async def test_one_odd_member_takes_no_other_with_it(odd: Any) -> None:
    listed = {"models": [odd, *told(("talk", TALKS), ("embed", EMBEDS))["models"]], "huge": 10**400}
    async with FakeOllama() as ollama:
        ollama.answers("/api/tags", json_answer(listed))
        upstream = Upstream(ollama.url)
        try:
            assert await list_models(upstream.send) == ["talk", "embed"]
            assert await choose_model("", upstream.send) == "talk"
        finally:
            upstream.close()
