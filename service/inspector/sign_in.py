"""What a reader from another machine sees before the page: a form for the token, or which setting makes one."""

import re
from html import escape
from typing import Final

from aiohttp import web

from service.inspector.assets import PAGE_HEADERS

_FRAME: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ollama Recorder</title>
<link rel="icon" href="/page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page/sign-in.css">
</head>
<body>
<main>
<h1>Ollama Recorder</h1>
{content}
</main>
</body>
</html>
"""
_FORM: Final = """<p>The prompts and answers that are kept here are shown to holders of the token
(<code>INSPECTOR_TOKEN</code> in the recorder's settings).</p>
<form method="post" action="/sign-in">
<label for="token">Token</label>
<input type="hidden" name="to" value="{to}">
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
{trouble}<button type="submit">Sign in</button>
</form>
"""
# As browsers send it: a character that is none of these would end the line of a header, or stand in none.
_VIEW: Final = re.compile(r"/(?:\?[\x21-\x7e]{0,8000})?")
_CLOSED: Final = """<p>The prompts and answers that are kept here are shown on the recorder's own machine only.</p>
<p>To read them from other machines, or from outside its container, set <code>INSPECTOR_TOKEN</code> to a long random
text and start the recorder again.</p>
"""


def sign_in_page(to: str, trouble: str = "", status: int = 401) -> web.Response:
    """The form, with what was wrong the last time. ``to``: the view to be shown afterwards."""
    alert = f'<p role="alert">{escape(trouble)}</p>\n' if trouble else ""
    return _page(_FORM.format(trouble=alert, to=escape(view(to))), status)


def view(address: str) -> str:
    """``address`` if it is one of the page, else the plain page: signing in leads nobody to another site."""
    return address if _VIEW.fullmatch(address) else "/"


def closed_page() -> web.Response:
    """There is no token, so nobody from another machine may see anything."""
    return _page(_CLOSED, 401)


def _page(content: str, status: int) -> web.Response:
    headers = PAGE_HEADERS | {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        status=status, text=_FRAME.format(content=content), content_type="text/html", charset="utf-8", headers=headers
    )
