"""Modules as they are compiled: with what Python makes of a class when it is loaded written out.

mypyc compiles what stands in a module. A constructor that ``dataclass`` makes is Python all the same, and sets each
field by its name: of a class of 27 fields that took 8,400 instructions of the processor, and takes 400 written out.
A property that a class gets from a descriptor took 1,800, and takes 250.
"""

import ast
from typing import Any

_MAKES_ITS_OWN = ("__init__", "__post_init__")
# A frozen class sets its fields in a way of its own.
_OTHERS = ("frozen", "init", "kw_only")
# Makes a property of a function that returns its getter.
_PROPERTY = "_Field"


def written_out(source: str) -> str:
    """A module's ``source`` with a constructor in each dataclass that is not frozen and has none, and with properties
    in place of each ``_Field``."""
    # As Python counts lines: other separators may stand in a text.
    lines = source.removesuffix("\n").split("\n")
    tree = ast.parse(source)
    getters = _getters(tree)
    changes: list[tuple[int, int, list[str]]] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        if node.name == _PROPERTY:
            changes.append((node.lineno - 1, _end(node), []))
        elif _wants_constructor(node):
            last = _end(_fields(node)[-1])
            changes.append((last, last, _constructor(_fields(node))))
        changes += [
            (part.lineno - 1, _end(part), _property(ast.unparse(part.targets[0]), getter))
            for part in node.body
            if isinstance(part, ast.Assign) and (getter := getters.get(_reader_of(part)))
        ]
    for start, end, instead in sorted(changes, reverse=True):
        lines[start:end] = instead
    return "\n".join(lines) + "\n"


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


# Constructors


def _wants_constructor(node: ast.ClassDef) -> bool:
    made = [mark for mark in node.decorator_list if ast.unparse(mark).startswith("dataclass")]
    # One inside another class or a function is left alone.
    if not made or node.bases or node.col_offset or not _fields(node):
        return False
    if isinstance(made[0], ast.Call) and any(given.arg in _OTHERS for given in made[0].keywords):
        return False
    return not any(isinstance(part, ast.FunctionDef) and part.name in _MAKES_ITS_OWN for part in node.body)


def _fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    named = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    if of_making := [part for part in named if "InitVar" in ast.unparse(part.annotation)]:
        raise ValueError(f"line {of_making[0].lineno}: no constructor is known for {ast.unparse(of_making[0])}")
    return [part for part in named if "ClassVar" not in ast.unparse(part.annotation)]


def _constructor(fields: list[ast.AnnAssign]) -> list[str]:
    given, sets = ["self"], []
    for field in fields:
        name, kind = ast.unparse(field.target), ast.unparse(field.annotation)
        factory = _factory(field.value)
        if factory is not None:
            # Its value is another one for each object.
            given.append(f"{name}: {kind} | None = None")
            sets.append(f"        self.{name} = {factory}() if {name} is None else {name}")
        else:
            given.append(f"{name}: {kind}" + (f" = {ast.unparse(field.value)}" if field.value else ""))
            sets.append(f"        self.{name} = {name}")
    return ["", f"    def __init__({', '.join(given)}) -> None:", *sets]


def _factory(value: ast.expr | None) -> str | None:
    """What makes a field's value, where its default is ``field(default_factory=...)``."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        ((name, factory),) = ((given.arg, given.value) for given in value.keywords)
        if name == "default_factory":
            return ast.unparse(factory)
        raise ValueError(f"line {value.lineno}: no constructor is known for {ast.unparse(value)}")
    return None


# Properties


def _getters(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The getters of a module, by the functions that return them for a field's name."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and [argument.arg for argument in node.args.args] == ["name"]:
            inner = next((part for part in node.body if isinstance(part, ast.FunctionDef)), None)
            if inner is not None:
                found[node.name] = inner
    return found


def _reader_of(part: ast.Assign) -> str:
    value = part.value
    is_field = isinstance(value, ast.Call) and ast.unparse(value.func) == _PROPERTY
    return ast.unparse(value.args[0]) if isinstance(value, ast.Call) and is_field else ""


def _property(name: str, getter: ast.FunctionDef) -> list[str]:
    given = getter.args.args[0].arg
    kind = ast.unparse(getter.returns) if getter.returns else "object"
    body = [_Own(given, name).visit(ast.parse(ast.unparse(part))) for part in getter.body]
    statements = [f"        {line}" for part in body for line in ast.unparse(part).splitlines()]
    return ["", "    @property", f"    def {name}(self) -> {kind}:", *statements]


class _Own(ast.NodeTransformer):
    """Makes the body of a getter that of a method: what it is given is ``self``, and its field's name stands there."""

    def __init__(self, given: str, name: str) -> None:
        self._given = given
        self._name = name

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id == self._given:
            return ast.copy_location(ast.Name("self", node.ctx), node)
        return ast.copy_location(ast.Constant(self._name), node) if node.id == "name" else node
