"""Ready, degraded, unready."""

import orjson
import pytest

from service.inspector.health import Part, readiness


@pytest.mark.parametrize(
    ("parts", "status", "word"),
    [
        ([Part("ollama", None, True), Part("loki", None, False)], 200, "ready"),
        ([Part("ollama", None, True), Part("loki", "away", False)], 200, "degraded"),
        ([Part("ollama", "away", True), Part("loki", "away", False)], 503, "unready"),
    ],
)
def test_only_a_needed_part_makes_it_unready(parts: list[Part], status: int, word: str) -> None:
    answered, body = readiness(parts)
    said = orjson.loads(body)
    assert (answered, said["status"]) == (status, word)
    assert said["degraded"] == {part.name: part.trouble for part in parts if part.trouble}
