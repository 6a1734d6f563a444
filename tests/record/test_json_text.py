import json

import pytest

from service.record.json_text import compact


def test_what_json_cannot_hold_is_still_shown() -> None:
    assert compact({"a": 2**80, "b": float("nan")}).startswith("{")
    assert "x" in compact({"a": "x\ud800"})


@pytest.mark.parametrize("depth", [10, 300, 990, 5000])
def test_a_value_however_deep_becomes_text(depth: int) -> None:
    value: object = "\ud800"
    for _ in range(depth):
        value = [value]
    text = compact(value)
    assert isinstance(text, str)
    assert text.encode()
    assert depth > 300 or json.loads(text)
