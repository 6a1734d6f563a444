"""The report in Markdown (GitHub's tables). Whatever was recorded is text in it: no mark-up, link or HTML."""

import re
from collections.abc import Iterator
from typing import Final

from service.record.characters import ON_TERMINALS, as_class
from service.reporting.report import Report, ReportSection

_UNSEEN: Final = re.compile(f"[{as_class(ON_TERMINALS)}]+")
# What is mark-up anywhere, what would become a link by itself, and what is mark-up where a line begins.
_MARKS: Final = re.compile(r"([\\`*_{}\[\]#!|<>~&]|:(?=//)|(?<=www)\.|^[-+=])")
# Only with a blank behind it a number begins a list: "1.8 s" does not.
_NUMBERED: Final = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_LONGEST: Final = 300


def write_markdown(report: Report) -> str:
    """The whole report, ending with a line end."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_text(report.title)}"
    yield ""
    yield f"**{_text(report.summary)}**"
    for section in report.sections:
        yield ""
        yield f"## {_text(section.heading)}"
        yield ""
        for sentence in section.sentences:
            yield f"* {_text(sentence)}"
        yield from _table(section)


def _table(section: ReportSection) -> Iterator[str]:
    if not section.columns:
        return
    if section.sentences:
        yield ""
    yield _row(section.columns)
    # The first column is words, the others are mostly numbers; both are read well from the left.
    yield "|" + "---|" * len(section.columns)
    yield from map(_row, section.rows)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_text, cells)) + " |"


def _text(text: str) -> str:
    text = _UNSEEN.sub(" ", text)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return _NUMBERED.sub(r"\1\\\2", _MARKS.sub(r"\\\1", text))
