"""The page's own files: what its modules promise, asked by Node.js, and what none of them may do."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.inspector.assets import FOLDER, INDEX
from tests.servers.process import REQUIRED, require

HERE = Path(__file__).parent
MODULES = sorted(FOLDER.rglob("*.js"))
LONGEST_MODULE, LONGEST_FUNCTION, WIDEST_LINE = 300, 100, 160
# What a folder may import from, beside itself: data knows no words, words know no elements.
MAY_IMPORT = {"state": set[str](), "text": {"state"}, "view": {"state", "text"}, "": {"state", "text", "view"}}
# Node.js takes a .js file that says "import" for a module since 20.19.
FIRST_NODE = (20, 19)
# No request goes there: SVG's name, and what completes a path while it is taken apart.
NO_ADDRESSES = ('"http://www.w3.org/2000/svg"', '"http://recorder"')
# Each of these would let text from outside become more than text, or leave this recorder.
FORBIDDEN = (
    *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment"),
    *("eval(", "new Function", "srcdoc", "javascript:", 'setAttribute("style"', "setHTML", "importScripts"),
)


def name_of(module: Path) -> str:
    """``state/feed.js``, as the page asks for it."""
    return module.relative_to(FOLDER).as_posix()


def folder_of(module: Path) -> str:
    """``state``, ``text``, ``view``, or nothing for the top."""
    return "" if module.parent == FOLDER else name_of(module.parent)


def imported_by(module: Path) -> list[Path]:
    """The files that a module imports from, without those whose types alone it names."""
    names = re.findall(r'^(?:import|export) .*?from "([^"]+)";$', module.read_text(), re.MULTILINE | re.DOTALL)
    return [(module.parent / name).resolve() for name in names]


def blocks(lines: list[str]) -> Iterator[tuple[int, int]]:
    """The first line (from 1) and the length of all that stands between a ``{`` at the end of a line and its ``}``.

    Indentation tells which ``}`` it is: functions, methods and arrows are all written like that.
    """
    for start, line in enumerate(lines):
        if line.endswith("{"):
            indent = line[: len(line) - len(line.lstrip())]
            end = next(number for number in range(start + 1, len(lines)) if lines[number].startswith(indent + "}"))
            yield start + 1, end - start + 1


@pytest.fixture(scope="module")
def node() -> Path:
    """Node.js, new enough for modules without a package around them."""
    path = require("node", "install Node.js 20.19 or newer")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    version = tuple(map(int, re.findall(r"\d+", said)[:2]))
    if version < FIRST_NODE:
        reason = f"Node.js {said.strip()} is here, 20.19 or newer is needed"
        if REQUIRED:
            pytest.fail(f"REQUIRE_SERVERS is set, but {reason}", pytrace=False)
        pytest.skip(reason)
    return path


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_a_module_keeps_its_promises(node: Path, file: Path) -> None:
    ran = subprocess.run(
        # Without --test: with it each file gets a second process.
        [node, "--test-reporter=spec", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_treats_what_comes_from_outside_as_text_only(module: Path) -> None:
    text = module.read_text()
    assert not [word for word in FORBIDDEN if word in text]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_has_one_subject_and_imports_only_what_its_folder_may(module: Path) -> None:
    text = module.read_text()
    assert text.startswith("/**"), "it says first what it is for"
    assert len(text.splitlines()) <= LONGEST_MODULE
    folder = folder_of(module)
    assert all(file in MODULES and folder_of(file) in MAY_IMPORT[folder] | {folder} for file in imported_by(module))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_is_read_on_one_screen_after_the_other(module: Path) -> None:
    lines = module.read_text().splitlines()
    long = [f"line {start}: {length} lines" for start, length in blocks(lines) if length > LONGEST_FUNCTION]
    assert not long, "a function holds one subject"
    assert not [number for number, line in enumerate(lines, 1) if len(line) > WIDEST_LINE]


def test_a_block_is_measured_from_its_first_line_to_its_last() -> None:
    text = "export function one() {\n  if (a) {\n    b();\n  }\n  return {\n    c,\n  };\n}\n\nconst d = () => {\n};"
    assert list(blocks(text.splitlines())) == [(1, 8), (2, 3), (5, 3), (10, 2)]


def test_every_module_is_used() -> None:
    imported = {file for module in MODULES for file in imported_by(module)}
    assert [name_of(module) for module in MODULES if module not in imported] == ["app.js"]


def test_no_two_modules_have_one_name() -> None:
    assert len({module.name for module in MODULES}) == len(MODULES)


def test_the_page_asks_nobody_else_for_anything() -> None:
    for file in FOLDER.rglob("*"):
        if file.suffix in (".html", ".css", ".js"):
            text = file.read_text()
            for name in NO_ADDRESSES:
                text = text.replace(name, "")
            assert not re.findall(r"""["'(=]\s*(?:https?:)?//[\w\[]""", text), file.name
            assert not re.findall(r"@import|\burl\(", text), file.name


def test_the_page_has_neither_scripts_nor_styles_in_its_html() -> None:
    text = (FOLDER / INDEX).read_text()
    assert not re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", text)


def test_every_element_that_a_module_asks_for_stands_in_the_page() -> None:
    there = re.findall(r'\sid="([^"]+)"', (FOLDER / INDEX).read_text())
    asked = {name for module in MODULES for name in re.findall(r'[bB]yId\("([^"]+)"[,)]', module.read_text())}
    assert len(there) == len(set(there))
    assert asked <= set(there)
