"""What Ollama tells of its models."""

import json
from typing import Any

import pytest

from service.record.model_facts import (
    LoadedModel,
    ModelFacts,
    canonical_name,
    listed_models,
    read_loaded,
    read_model_facts,
)
from tests.record.wire import recorded

WEIGHTS = "2b62593fdea559ccd6b9acde7dbf27bb20f4790ad408bc2a73f69f6b49a58e24"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("tiny", "tiny:latest"),
        ("Tiny:Latest", "tiny:latest"),
        ("library/tiny", "tiny:latest"),
        ("registry.ollama.ai/library/qwen3:8b", "qwen3:8b"),
        ("hf.co/Org/Model-GGUF:Q4_K_M", "hf.co/org/model-gguf:q4_k_m"),
        ("localhost:5000/me/model", "localhost:5000/me/model:latest"),
    ],
)
def test_a_model_has_one_name_however_it_is_written(asked: str, expected: str) -> None:
    assert canonical_name(asked) == expected
    assert canonical_name(expected) == expected


def test_loaded_models_come_in_ollamas_order() -> None:
    listed = [
        {"name": "b:latest", "model": "b:latest", "digest": "d2", "context_length": 4096},
        {"name": "a:latest", "context_length": 256},
        {"name": "none:latest"},
        5,
    ]
    expected = (LoadedModel("b:latest", 4096, "d2"), LoadedModel("a:latest", 256))
    assert read_loaded(json.dumps({"models": listed}).encode()) == expected
    assert read_loaded(b'{"models":[]}') == ()


def test_models_are_listed_by_name_each_once_and_what_is_odd_is_passed_over() -> None:
    odd: list[Any] = ["text", None, 7, {}, {"name": []}, {"model": " "}, {"name": "n" * 1001}, {"name": "\ud800"}]
    models = [{"name": "a"}, {"model": "b", "name": "x"}, {"name": "a", "size": 2}, {"model": "", "name": "c"}]
    expected = {"a": {"name": "a"}, "b": {"model": "b", "name": "x"}, "c": {"model": "", "name": "c"}}
    assert listed_models({"models": [*odd, *models]}) == expected
    assert listed_models({"data": [*odd, {"id": "a"}, {"name": "b"}]}, "data") == {"a": {"id": "a"}}
    assert listed_models({"models": None}) == listed_models({"models": []}) == {}
    nothing: list[Any] = [{"models": odd}, {"models": "text"}, {"models": 7}, {"error": "no"}, [], None]
    assert [listed_models(one) for one in nothing] == [None] * len(nothing)


def test_the_rest_of_an_answer_with_odd_facts_is_read() -> None:
    shown = {"model_info": 7, "modelfile": f"FROM /x/sha256-{WEIGHTS}\n", "parameters": "num_ctx 512", "messages": [1]}
    facts = read_model_facts(json.dumps(shown).encode())
    assert facts == ModelFacts(weights=WEIGHTS, num_ctx=512)
    info = {"a.context_length": "many", "b.context_length": 4096, "c": 10**400}
    facts = read_model_facts(json.dumps({"model_info": info, "capabilities": "vision", "system": 7}).encode())
    assert facts == ModelFacts(trained_length=4096)


@pytest.mark.parametrize("answer", [b"", b"[]", b"null", b'{"models":null}', b"\xff", b'{"error":"no"}'])
def test_an_odd_answer_tells_nothing(answer: bytes) -> None:
    assert read_loaded(answer) is None
    assert read_model_facts(answer) is None


def test_the_facts_of_a_recorded_answer() -> None:
    facts = read_model_facts(recorded("show").response.head)
    assert facts is not None
    assert facts.trained_length == 2048
    assert (facts.num_ctx, facts.sees_images, facts.embeds) == (None, False, False)


def test_parameters_weights_and_own_texts_are_read() -> None:
    shown: dict[str, Any] = {
        "modelfile": f"# FROM x\n\nFROM /models/blobs/sha256-{WEIGHTS}\nTEMPLATE x\n",
        "parameters": 'stop                 "a num_ctx 3"\nnum_ctx                  8192\nnum_keep                 -1',
        "system": "Be brief.",
        "template": "{{ é }}",
        "messages": [{"role": "user", "content": "abc"}, {"role": "user", "content": "é" * 9}, 5],
        "model_info": {"bert.context_length": 512, "general.architecture": "bert"},
        "capabilities": ["embedding", "vision"],
    }
    assert read_model_facts(json.dumps(shown).encode()) == ModelFacts(
        WEIGHTS, 512, 8192, -1, None, len("Be brief.") + 8, 18, sees_images=True, embeds=True
    )
    for name in ("modelfile", "parameters", "messages", "capabilities", "system"):
        odd: Any
        for odd in (5, {}, None):
            assert read_model_facts(json.dumps(shown | {name: odd}).encode()) is not None
