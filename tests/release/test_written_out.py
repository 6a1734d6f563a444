"""What is written out for the compiler does what Python makes of a class when it is loaded."""

import dataclasses
import importlib
import inspect
import json
import math
import sys
from types import ModuleType
from typing import Any

import pytest

from release.compiled import compiled_modules
from release.written_out import written_out
from service.record.fields import FIELD_NAMES
from service.record.record import Record, record_of
from tests.servers.recorder import PROJECT

CHANGED = [path for path in compiled_modules() if "def __init__(self, " in written_out((PROJECT / path).read_text())]
SOURCE = """
from dataclasses import dataclass, field


@dataclass(slots=True)
class Call:
    '''What is called.'''

    name: str
    times: int = 1
    # Of each call its own
    seen: list[str] = field(default_factory=list)

    def first(self) -> str:
        return self.seen[0]
"""


def _classes(module: ModuleType) -> dict[str, Any]:
    return {name: one for name, one in vars(module).items() if isinstance(one, type) and dataclasses.is_dataclass(one)}


def _run(source: str, name: str) -> ModuleType:
    module = ModuleType(name)
    # Where a dataclass looks for what its annotations name.
    sys.modules[name] = module
    try:
        exec(compile(source, name, "exec"), vars(module))  # noqa: S102 - it is our own
    finally:
        del sys.modules[name]
    return module


def test_there_are_some() -> None:
    assert "service/record/generation.py" in CHANGED
    assert "service/record/counted_facts.py" in CHANGED


@pytest.mark.parametrize("path", CHANGED)
def test_each_takes_what_dataclass_lets_it_take(path: str) -> None:
    original = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    written = _run(written_out((PROJECT / path).read_text()), "written_out")
    for name, found in _classes(written).items():
        if found.__module__ != "written_out":
            continue
        expected = _classes(original)[name]
        ours, theirs = (inspect.signature(one).parameters for one in (found, expected))
        assert [*ours] == [*theirs]
        for parameter in ours:
            # What is made anew for each object is None among the parameters.
            is_made = theirs[parameter].default.__class__.__name__ == "_HAS_DEFAULT_FACTORY_CLASS"
            default = None if is_made else theirs[parameter].default
            assert ours[parameter].default == default or type(default) is type(ours[parameter].default)


def test_what_is_written_out_does_what_dataclass_does() -> None:
    call, expected = (_run(source, "calls").Call for source in (written_out(SOURCE), SOURCE))
    for given in (("a",), ("a", 2), ("a", 2, ["b"])):
        one = call(*given)
        assert dataclasses.astuple(one) == dataclasses.astuple(expected(*given))
        assert one == call(*given)
    call("a").seen.append("b")
    assert call("a").seen == []
    with pytest.raises(TypeError):
        call()
    assert call("a", seen=["first"]).first() == "first"


@pytest.mark.parametrize(
    "source",
    [
        "@dataclass(frozen=True)\nclass One:\n    name: str\n",
        "@dataclass\nclass One:\n    name: str\n\n    def __init__(self) -> None:\n        self.name = ''\n",
        "@dataclass\nclass One(Other):\n    name: str\n",
        "class One:\n    name: str\n",
        "@dataclass\nclass One:\n    pass\n",
        "@dataclass\nclass One:\n    names: ClassVar[int] = 3\n",
        "def make():\n    @dataclass\n    class One:\n        name: str\n\n    return One\n",
    ],
)
def test_what_has_its_own_way_is_left_alone(source: str) -> None:
    assert written_out(source) == source


def test_what_belongs_to_the_class_is_no_field_of_its_objects() -> None:
    source = SOURCE.replace("times: int = 1", "most: ClassVar[int] = 3\n    times: int = 1")
    call, expected = (
        _run(f"from typing import ClassVar\n{text}", "calls").Call for text in (written_out(source), source)
    )
    assert [*inspect.signature(call).parameters] == [*inspect.signature(expected).parameters]
    assert call("a").most == 3


@pytest.mark.parametrize("separator", ["\f", "\x1c", "\x85", "\u2028"], ids=repr)
def test_a_separator_of_lines_in_a_text_moves_nothing(separator: str) -> None:
    written = written_out(SOURCE.replace("What is called", f"What is{separator}called"))
    assert written.replace(separator, " ") == written_out(SOURCE)


def test_a_value_that_only_its_making_needs_is_told() -> None:
    with pytest.raises(ValueError, match="line 3: no constructor is known for name: InitVar"):
        written_out("@dataclass\nclass One:\n    name: InitVar[str]\n")


def test_a_default_that_nobody_knows_is_told() -> None:
    with pytest.raises(ValueError, match=r"line 3: no constructor is known for field\(repr=False\)"):
        written_out("@dataclass\nclass One:\n    name: str = field(repr=False)\n")


def test_each_property_of_a_record_gives_what_the_descriptor_gives() -> None:
    written = _run(written_out((PROJECT / "service/record/record.py").read_text()), "record_written_out")
    assert "_Field" not in vars(written)
    given: tuple[object, ...] = (
        "text",
        "",
        True,
        0,
        3,
        -1,
        1 << 53,
        0.5,
        -0.5,
        math.nan,
        math.inf,
        ["a"],
        ["a", 1],
        [],
        {},
        None,
    )
    for name in FIELD_NAMES:
        for value in given:
            values = {name: value}
            ours, theirs = written.record_of(values), record_of(values)
            assert getattr(ours, name) == getattr(theirs, name), (name, value)
            assert type(getattr(ours, name)) is type(getattr(theirs, name)), (name, value)
            line = json.dumps(values).encode()
            assert getattr(written.Record(line), name) == getattr(Record(line), name)
        assert getattr(written.Record(b"no JSON"), name) is None
