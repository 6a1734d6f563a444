"""Values as JSON, dataclasses among them, and nobody beside who writes JSON with orjson."""

from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from service import json_writing
from service.json_writing import write_json


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    seconds: float | None


@dataclass(frozen=True)
class Outer:
    parts: tuple[Inner, ...]


def test_dataclasses_are_written_by_their_fields_however_deep() -> None:
    value = {"a": [Outer((Inner("é", 1.5), Inner("b", None)))]}
    assert write_json(value) == '{"a":[{"parts":[{"name":"é","seconds":1.5},{"name":"b","seconds":null}]}]}'.encode()
    assert write_json(value, otherwise=str) == write_json(value)


def test_what_json_cannot_hold_is_told_or_written_otherwise() -> None:
    for value in (object(), Inner, {1, 2}):
        with pytest.raises(TypeError):
            write_json({"a": value})
    assert write_json({"a": 1 + 2j}, otherwise=str) == b'{"a":"(1+2j)"}'
    assert write_json({2: 1}, option=orjson.OPT_NON_STR_KEYS) == b'{"2":1}'


def test_no_other_module_asks_orjson_to_write() -> None:
    service = Path(json_writing.__file__).parent
    others = [path.name for path in service.rglob("*.py") if "orjson.dumps" in path.read_text(encoding="utf-8")]
    assert others == [Path(json_writing.__file__).name]
