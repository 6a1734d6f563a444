"""Guides that name files and names of the code are true: whoever follows them arrives."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
GUIDES = ("docs/architecture.md", "CONTRIBUTING.md")
LINK = re.compile(r"\[`?([^`\]]+)`?\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:service|tests|grafana|docs)/[\w./-]+)`")
STATIONS = re.compile(r"^\| (\d+) \| \[`[\w.]+`\]\(\.\./(service/[\w/.]+)\)", re.MULTILINE)


def names_in(path: Path) -> set[str]:
    """Classes, functions and constants of a module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


@pytest.mark.parametrize("guide", GUIDES)
def test_every_link_leads_to_a_file_and_to_the_name_that_it_shows(guide: str) -> None:
    path = PROJECT / guide
    for shown, address in LINK.findall(path.read_text()):
        if address.startswith("http"):
            continue
        target = (path.parent / address).resolve()
        assert target.exists(), f"{guide}: {address}"
        if target.suffix == ".py" and not shown.endswith(".py"):
            assert shown in names_in(target), f"{guide}: {shown} is not in {address}"


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_that_is_named_is_there(guide: str) -> None:
    named = PATH.findall((PROJECT / guide).read_text())
    assert named
    assert not [path for path in named if "NAME" not in path and not (PROJECT / path).exists()]


def test_the_stations_of_an_exchange_are_numbered_and_are_modules() -> None:
    stations = STATIONS.findall((PROJECT / "docs/architecture.md").read_text())
    assert [int(number) for number, _ in stations] == list(range(1, 20))
    assert len({path for _, path in stations}) == 19


def test_a_recipe_is_as_short_as_it_is_promised() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text().partition("## How to add …")[2].partition("\n## ")[0]
    recipes = {part.partition("\n")[0]: set(PATH.findall(part)) for part in text.split("### ")[1:]}
    most = {
        "a route of Ollama": 1,
        "an operation": 4,
        "a field of the record": 4,
        "a filter": 6,
        "a receiver": 5,
        "an alert": 2,
    }
    assert recipes.keys() == most.keys()
    assert not {name for name, paths in recipes.items() if not 0 < len(paths) <= most[name]}
