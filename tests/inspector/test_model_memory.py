"""Which models are in memory, as Ollama lists them."""

import json
from typing import Any

import pytest

from service.inspector.exchange_metrics import PREFIX
from service.inspector.model_memory import ModelMemory, read_models_in_memory
from service.record.timestamps import write_time

NOW = 1_800_000_000 * 10**9
MINUTE = 60 * 10**9


def answer(*models: tuple[str, int], until: int = NOW + 5 * MINUTE, **more: Any) -> bytes:
    """What ``/api/ps`` says of models with their sizes, half of each on a graphics card."""
    listed = [
        {"name": name, "model": name, "size": size, "size_vram": size // 2, "expires_at": write_time(until)} | more
        for name, size in models
    ]
    return json.dumps({"models": listed}).encode()


def shown(memory: ModelMemory) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix(PREFIX), *(sample.labels[label] for label in sample.labels if label != "recorder")): (
            sample.value
        )
        for family in memory.families("here")
        for sample in family.samples
    }


def test_each_model_has_its_bytes_by_place() -> None:
    memory = ModelMemory()
    memory.note(answer(("a:latest", 100), ("b:8b", 7)), NOW)
    assert shown(memory) == {
        ("loaded_model_bytes", "a:latest", "gpu"): 50,
        ("loaded_model_bytes", "a:latest", "cpu"): 50,
        ("loaded_model_bytes", "b:8b", "gpu"): 3,
        ("loaded_model_bytes", "b:8b", "cpu"): 4,
        ("models_gone_early_total", "a:latest"): 0,
        ("models_gone_early_total", "b:8b"): 0,
    }


def test_a_model_that_leaves_before_its_time_is_counted_and_one_whose_time_is_over_is_not() -> None:
    memory = ModelMemory()
    memory.note(answer(("a", 100)), NOW)
    memory.note(answer(("b", 100)), NOW + MINUTE)
    memory.note(answer(), NOW + 10 * MINUTE)
    assert shown(memory) == {("models_gone_early_total", "a"): 1, ("models_gone_early_total", "b"): 0}


def test_the_last_one_that_leaves_early_counts_too() -> None:
    memory = ModelMemory()
    memory.note(answer(("a", 100)), NOW)
    memory.note(answer(), NOW + MINUTE)
    assert shown(memory) == {("models_gone_early_total", "a"): 1}


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"[]", b'{"models": null}'])
def test_where_ollama_does_not_tell_nothing_is_shown_and_nothing_has_left(body: bytes | None) -> None:
    memory = ModelMemory()
    memory.note(answer(("a", 100)), NOW)
    memory.note(body, NOW + MINUTE)
    assert shown(memory) == {("models_gone_early_total", "a"): 0}


@pytest.mark.parametrize("more", [{"size": "9"}, {"size": -1}, {"size": True}, {"size_vram": 101}, {"size": 1e9}])
def test_nonsense_is_left_out(more: dict[str, Any]) -> None:
    assert read_models_in_memory(answer(("a", 100), **more)) == {}


def test_one_that_has_no_name_takes_no_other_with_it() -> None:
    for nameless in ({"name": "", "model": 5}, {"name": "\ud800", "model": None}):
        listed = json.loads(answer(("a", 100), ("b", 100)))
        listed["models"][0].update(nameless)
        assert list(read_models_in_memory(json.dumps(listed).encode()) or ()) == ["b"]


def test_a_model_that_was_to_stay_for_ever_left_early() -> None:
    memory = ModelMemory()
    memory.note(answer(("a", 100), expires_at="2318-11-12T10:30:00.5+01:00"), NOW)
    memory.note(answer(), NOW)
    assert shown(memory) == {("models_gone_early_total", "a"): 1}


def test_a_model_without_a_time_is_never_early() -> None:
    memory = ModelMemory()
    memory.note(answer(("a", 100), expires_at="soon"), NOW)
    memory.note(answer(), NOW)
    assert shown(memory) == {("models_gone_early_total", "a"): 0}


def test_the_number_of_models_is_bounded() -> None:
    models = read_models_in_memory(answer(*((f"{number}" * 300, 2) for number in range(10, 99))))
    assert models is not None
    assert len(models) == 40
    assert max(map(len, models)) == 200
