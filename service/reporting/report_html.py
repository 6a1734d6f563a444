"""The report as one HTML page for mails: no script, no address, and whatever was recorded is text in it."""

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from service.record.characters import ON_TERMINALS, as_class
from service.reporting.report import Report, ReportSection

_UNSEEN: Final = re.compile(f"[{as_class(ON_TERMINALS)}]+")
_LONGEST: Final = 300
# Mail programs take no style sheets of their own place, and some only what stands at an element.
_BODY: Final = "font:14px/1.45 system-ui,sans-serif;color:#1b1c1e;background:#fff;max-width:60em;margin:1.5em auto;"
_TABLE: Final = "border-collapse:collapse;font-size:13px;margin:.5em 0 1em"
_CELL: Final = "padding:4px 10px 4px 0;border-top:1px solid #e3e2dd;text-align:left;vertical-align:top"


def write_html(report: Report) -> str:
    """The whole page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "<!doctype html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{_text(report.title)}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
    yield f'<body style="{_BODY}padding:0 1em">'
    yield f'<h1 style="font-size:19px">{_text(report.title)}</h1>'
    yield f"<p><strong>{_text(report.summary)}</strong></p>"
    for section in report.sections:
        yield from _section(section)
    yield "</body></html>"


def _section(section: ReportSection) -> Iterator[str]:
    yield f'<h2 style="font-size:16px;margin-top:1.5em">{_text(section.heading)}</h2>'
    for sentence in section.sentences:
        yield f'<p style="margin:.3em 0">{_text(sentence)}</p>'
    if section.columns:
        yield f'<div style="overflow-x:auto"><table style="{_TABLE}">'
        yield f"<tr>{''.join(_cell('th', name) for name in section.columns)}</tr>"
        for row in section.rows:
            yield f"<tr>{''.join(_cell('td', cell) for cell in row)}</tr>"
        yield "</table></div>"


def _cell(name: str, text: str) -> str:
    return f'<{name} style="{_CELL}" dir="auto">{_text(text)}</{name}>'


def _text(text: str) -> str:
    text = _UNSEEN.sub(" ", text)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
