"""What happened, summed up: failures by their cause, and the report that is sent by mail."""

from dataclasses import replace

from aiohttp import web

from service.inspector.listing import Query, filter_of
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import say
from service.inspector.threads import aside_at_length
from service.reporting.failure_values import values_of
from service.reporting.report import Report, make_report
from service.reporting.report_html import write_html
from service.reporting.report_markdown import write_markdown
from service.reporting.report_period import read_since
from service.search.search import Search

# Styles at the elements, as mails have them; nothing else.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def list_failures(search: Search, query: Query) -> web.Response:
    """``/failures.json``."""
    wanted = filter_of(query)
    return say(await aside_at_length(lambda: values_of(search.failures(wanted))))


async def report_in_markdown(search: Search, query: Query) -> web.Response:
    """``/report.md``."""
    text = write_markdown(await _report(search, query))
    return _text(text, "text/markdown; charset=utf-8", PRIVATE_HEADERS["Content-Security-Policy"])


async def report_in_html(search: Search, query: Query) -> web.Response:
    """``/report.html``."""
    return _text(write_html(await _report(search, query)), "text/html; charset=utf-8", _PAGE_POLICY)


async def _report(search: Search, query: Query) -> Report:
    wanted = filter_of(query, ("since",))
    if wanted.since_ns is None:
        wanted = replace(wanted, since_ns=read_since(query.get("since") or "yesterday"))
    return await aside_at_length(make_report, search, wanted)


def _text(text: str, kind: str, policy: str) -> web.Response:
    headers = PRIVATE_HEADERS | {"Content-Type": kind, "Content-Security-Policy": policy}
    return web.Response(body=text.encode("utf-8", "backslashreplace"), headers=headers)
