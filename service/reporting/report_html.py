"""The report as one HTML page for mails: no script, no address, and whatever was recorded is text in it."""

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from service.record.characters import ON_TERMINALS, as_class
from service.reporting.report import Report, ReportSection

_UNSEEN: Final = re.compile(f"[{as_class(ON_TERMINALS)}]+")
_LONGEST: Final = 300
# Some mail programs take only what stands at an element. Those that take a style sheet show a table on a phone as a
# list of what each row tells: eleven columns are wider than any phone.
_NARROW: Final = (
    "@media (max-width:900px){table,tbody,tr,td{display:block!important}.head{display:none!important}"
    "tr{border-top:1px solid #e3e2dd;padding:6px 0}"
    "td{border:0!important;padding:1px 0!important;overflow-wrap:anywhere}"
    "td:first-child{font-weight:600}.label{display:inline!important;color:#5d5f64;font-weight:400}}"
)
_BODY: Final = "font:14px/1.45 system-ui,sans-serif;color:#1b1c1e;background:#fff;max-width:76em;margin:1.5em auto;"
_TABLE: Final = "border-collapse:collapse;font-size:13px;margin:.5em 0 1em"
_CELL: Final = "padding:4px 10px 4px 0;border-top:1px solid #e3e2dd;text-align:left;vertical-align:top"


def write_html(report: Report) -> str:
    """The whole page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "<!doctype html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{_text(report.title)}</title>'
    yield f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_NARROW}</style></head>'
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
        yield f'<tr class="head">{"".join(_cell("th", _text(name)) for name in section.columns)}</tr>'
        for row in section.rows:
            cells = zip(section.columns, row, strict=True)
            yield f"<tr>{''.join(_cell('td', _label(name) + _text(cell)) for name, cell in cells)}</tr>"
        yield "</table></div>"


def _cell(name: str, html: str) -> str:
    return f'<{name} style="{_CELL}" dir="auto">{html}</{name}>'


def _label(name: str) -> str:
    """What a value is, where its head is out of sight."""
    return f'<span class="label" style="display:none">{_text(name)}: </span>'


def _text(text: str) -> str:
    text = _UNSEEN.sub(" ", text)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
