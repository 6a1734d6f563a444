"""``docs``: each page is found, in a checkout and installed, and each message points at one that is there."""

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import service
from service.cli import app
from service.cli.doctor.chapters import Chapter
from service.cli.documentation import find_chapters, find_pages
from tests.cli.doctor.page import chapters
from tests.servers.recorder import PROJECT

POINTER = re.compile(r"\bollama-recorder docs ([\w-]+)(?:#([\w-]+))?")


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["docs", *words])
    return done.exit_code, done.stdout, done.stderr


def test_every_page_is_listed_with_its_title() -> None:
    code, listed, _ = run()
    assert code == 0
    names = {line.split()[0] for line in listed.splitlines()}
    assert names == {path.stem for path in (PROJECT / "docs").glob("*.md")} | {"grafana", "n8n"}
    assert [line for line in listed.splitlines() if line.startswith("deploy ")] == [
        next(line for line in listed.splitlines() if line.endswith("Living on a machine of its own"))
    ]


@pytest.mark.parametrize("name", ["settings", "settings.md", "docs/settings.md"])
def test_a_page_is_printed_whole_by_each_of_its_names(name: str) -> None:
    assert run(name) == (0, (PROJECT / "docs" / "settings.md").read_text(), "")


def test_a_chapter_ends_where_the_next_one_begins() -> None:
    code, printed, _ = run("troubleshooting#the-disk-is-full")
    assert code == 0
    assert printed.startswith("## The disk is full\n")
    assert "Erase by age" in printed
    assert printed.count("\n## ") == 0


def test_headings_in_code_are_none_and_deeper_ones_belong_to_the_chapter() -> None:
    page = "# Page\n\n## First: a `thing`!\n\n```sh\n# no heading\n```\n\n### Deeper\n\ntext\n\n## Second\n\nend\n"
    found = find_chapters(page)
    assert list(found) == ["page", "first-a-thing", "deeper", "second"]
    assert found["page"] == page
    assert found["first-a-thing"].endswith("### Deeper\n\ntext\n\n")
    assert found["second"] == "## Second\n\nend\n"


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("setings", "Is it 'settings'?"),
        ("../../etc/passwd", "There is no page '../../etc/passwd'."),
        ("decisions/0001-our-own-client-towards-ollama", "There is no page"),
        ("deploy#backup", "Is it 'backup-and-restore'?"),
        ("deploy#zzz", "Its chapters: living-on-a-machine-of-its-own, as-a-tool"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(topic: str, told: str) -> None:
    code, printed, error = run(topic)
    assert (code, printed) == (2, "")
    assert told in error


def test_an_installed_package_has_pages_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "settings.md").write_text("# Of the wheel\n")
    monkeypatch.setattr(service, "__file__", str(tmp_path / "__init__.py"))
    assert find_pages() == {"settings": tmp_path / "docs" / "settings.md"}


def texts() -> dict[str, str]:
    """All that a module can print, and what is its help: its literals, with those that are joined."""
    return {
        str(path.relative_to(PROJECT)): " ".join(
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        for path in (PROJECT / "service").rglob("*.py")
    }


def test_every_message_points_at_a_page_and_a_chapter_that_are_there() -> None:
    pages = {name: find_chapters(path.read_text()) for name, path in find_pages().items()}
    pointers = [(name, *found.groups()) for name, text in texts().items() for found in POINTER.finditer(text)]
    assert {name for name, *_ in pointers} >= {"service/settings.py", "service/shipping/loki/health.py"}
    assert not [one for one in pointers if one[1] not in pages or (one[2] and one[2] not in pages[one[1]])]
    assert {chapter.value for chapter in Chapter} <= pages["troubleshooting"].keys()
    assert chapters().keys() <= pages["troubleshooting"].keys()


def test_no_message_points_at_a_file_that_only_a_checkout_has() -> None:
    found = []
    for path in (PROJECT / "service").rglob("*.py"):
        tree = ast.parse(path.read_text())
        of_modules = {ast.get_docstring(tree, clean=False)}
        for node in ast.walk(tree):
            # What a class or a private function says of itself is for who reads the code.
            if isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and node.name.startswith("_")):
                of_modules.add(ast.get_docstring(node, clean=False))
        found += [
            f"{path.relative_to(PROJECT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value not in of_modules
            and re.search(r"\b(docs|n8n|grafana|nginx)/[\w-]+\.md\b", node.value)
        ]
    assert not found
