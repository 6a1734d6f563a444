"""Ready, degraded, unready."""

import orjson
import pytest

from service.inspector.health import Component, readiness


@pytest.mark.parametrize(
    ("parts", "status", "word"),
    [
        ([Component("ollama", None, True), Component("loki", None, False)], 200, "ready"),
        ([Component("ollama", None, True), Component("loki", "away", False)], 200, "degraded"),
        ([Component("ollama", "away", True), Component("loki", "away", False)], 503, "unready"),
    ],
)
def test_only_a_needed_part_makes_it_unready(parts: list[Component], status: int, word: str) -> None:
    answered, body = readiness(parts)
    said = orjson.loads(body)
    assert (answered, said["status"]) == (status, word)
    assert said["degraded"] == {part.name: part.trouble for part in parts if part.trouble}


def test_a_part_that_is_left_out_counts_for_nothing_and_has_to_be_there() -> None:
    parts = [Component("ollama", "away", True), Component("journal", None, True)]
    assert readiness(parts, ["ollama"])[0] == 200
    assert readiness(parts, ["journal"])[0] == 503
    with pytest.raises(ValueError, match=r"exclude=loki: there is no such part\. Expected is one of ollama, journal"):
        readiness(parts, ["loki"])
