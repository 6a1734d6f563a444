"""``docs``: the pages that go along with the program, so that a message can point at one wherever it is installed."""

import difflib
import re
from pathlib import Path
from typing import Annotated

import click

import service
from service.cli.command_line import argument
from service.cli.environment import USAGE_EXIT_CODE, stop

_HEADING = re.compile(r"(#{1,6}) +(.+?) *#* *")
_FENCE = "```"


def docs(
    topic: Annotated[str, argument(help="A page, or PAGE#CHAPTER.")] = "",
) -> None:
    """Print a page of the documentation, or one chapter of it; without a topic, list all pages.

    ollama-recorder docs settings
    ollama-recorder docs troubleshooting#the-disk-is-full
    """
    pages = find_pages()
    name, _, chapter = topic.partition("#")
    name = name.removeprefix("docs/").removesuffix(".md")
    if not name:
        width = max(map(len, pages), default=0)
        for one, path in pages.items():
            click.echo(f"{one:{width}}  {_title(path.read_text('utf-8'))}")
        return
    if name not in pages:
        stop(f"There is no page {name!r}.{_instead(name, pages)} `ollama-recorder docs` lists all.", USAGE_EXIT_CODE)
    text = pages[name].read_text("utf-8")
    if chapter:
        chapters = find_chapters(text)
        if chapter not in chapters:
            told = _instead(chapter, chapters) or f" Its chapters: {', '.join(chapters)}."
            stop(f"The page {name} has no chapter {chapter!r}.{told}", USAGE_EXIT_CODE)
        text = chapters[chapter]
    click.echo(text.rstrip())


def find_pages() -> dict[str, Path]:
    """The pages by name: those in the installed package, else those of the checkout that it runs from."""
    package = Path(service.__file__).parent
    installed = package / "docs"
    if installed.is_dir():
        return {path.stem: path for path in sorted(installed.glob("*.md"))}
    project = package.parent
    pages = {path.stem: path for path in (project / "docs").glob("*.md")}
    pages |= {name: path for name in ("grafana", "n8n") if (path := project / name / "README.md").is_file()}
    return dict(sorted(pages.items()))


def find_chapters(page: str) -> dict[str, str]:
    """The text below each heading, the heading too, up to the next one that is not deeper; by anchor, as GitHub's."""
    lines = page.splitlines(keepends=True)
    headings = _headings(lines)
    chapters = {}
    for place, (start, depth, anchor) in enumerate(headings):
        end = next((other for other, level, _ in headings[place + 1 :] if level <= depth), len(lines))
        chapters[anchor] = "".join(lines[start:end])
    return chapters


def _headings(lines: list[str]) -> list[tuple[int, int, str]]:
    """Line, depth and anchor of each; a comment in a block of code is none."""
    found = []
    is_code = False
    for number, line in enumerate(lines):
        if line.lstrip().startswith(_FENCE):
            is_code = not is_code
        elif not is_code and (heading := _HEADING.fullmatch(line.rstrip("\n"))):
            found.append((number, len(heading[1]), anchor_of(heading[2])))
    return found


def anchor_of(heading: str) -> str:
    """As GitHub makes it: lower case, blanks as hyphens, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _title(page: str) -> str:
    return next((line.removeprefix("# ") for line in page.splitlines() if line.startswith("# ")), "")


def _instead(name: str, names: dict[str, Path] | dict[str, str]) -> str:
    close = difflib.get_close_matches(name, names, 1) or [one for one in names if name in one]
    return f" Is it {close[0]!r}?" if close else ""
