"""Who may see what is kept: people on this machine, and holders of INSPECTOR_TOKEN.

A program sends the token with each request. A browser sends it once, in a form, and gets a cookie. No script can read
that cookie, and no other site's page can make the browser send it. Cookies and sessions end with the process.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

from service.inspector.client import Client

COOKIE: Final = "ollama_recorder_session"
SESSION_SECONDS: Final = 12 * 3600
# Guessing is slowed: so many wrong tokens an address, and altogether, in a minute.
_WRONG_AN_ADDRESS: Final = 5
_WRONG_ALTOGETHER: Final = 100
_MINUTE: Final = 60.0
_MOST_SESSIONS: Final = 1000


class Access:
    """Decides by ``token`` (empty: nobody but this machine). ``now`` is a monotonic clock in seconds."""

    def __init__(self, token: str, now: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._now = now
        self._sessions: dict[bytes, float] = {}
        self._wrong: list[tuple[float, str]] = []

    @property
    def has_token(self) -> bool:
        return bool(self._token)

    def allows(self, headers: Mapping[str, str], client: Client) -> bool:
        """Whether this client may see what is kept. A wrong token in ``Authorization`` counts as a guess."""
        if client.is_local:
            return True
        scheme, _, credential = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and credential.strip():
            return self._is_token(credential.strip(), client)
        return self.has_session(headers)

    def may_go_on(self, headers: Mapping[str, str], client: Client) -> bool:
        """Whether a client that was allowed to watch still is: its session may have ended meanwhile."""
        return client.is_local or "Authorization" in headers or self.has_session(headers)

    def has_session(self, headers: Mapping[str, str]) -> bool:
        """Whether this browser has signed in."""
        session = _session_of(headers)
        return bool(session) and self._sessions.get(_digest(session), 0.0) > self._now()

    def seconds_to_wait(self, client: Client) -> int:
        """How long this client has to wait before its next guess is looked at; 0: not at all."""
        now = self._now()
        self._wrong = [(at, address) for at, address in self._wrong if now - at < _MINUTE]
        own = [at for at, address in self._wrong if address == client.address]
        times = own if len(own) >= _WRONG_AN_ADDRESS else [at for at, _ in self._wrong]
        most = _WRONG_AN_ADDRESS if times is own else _WRONG_ALTOGETHER
        return int(_MINUTE - (now - times[-most])) + 1 if len(times) >= most else 0

    def sign_in(self, token: str, client: Client) -> str | None:
        """The header ``Set-Cookie`` for a client that sent the right ``token``; None for any other."""
        if not self._is_token(token, client):
            return None
        session = secrets.token_urlsafe(32)
        now = self._now()
        self._sessions = {known: ends for known, ends in self._sessions.items() if ends > now}
        while len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[_digest(session)] = now + SESSION_SECONDS
        return _cookie(session, SESSION_SECONDS, client.is_https)

    def sign_out(self, headers: Mapping[str, str], client: Client) -> str:
        """End this browser's session; the header ``Set-Cookie`` that makes it forget."""
        self._sessions.pop(_digest(_session_of(headers)), None)
        return _cookie("", 0, client.is_https)

    def _is_token(self, credential: str, client: Client) -> bool:
        if not self._token or self.seconds_to_wait(client):
            return False
        if hmac.compare_digest(credential.encode("utf-8", "surrogateescape"), self._token.encode()):
            return True
        self._wrong.append((self._now(), client.address))
        return False


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin makes a browser send this: such a request may change nothing."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != headers.get("Host")


def _digest(session: str) -> bytes:
    # Looked up by its digest: how long a look-up takes then tells nothing about a session's name.
    return hashlib.sha256(session.encode("utf-8", "surrogateescape")).digest()


def _session_of(headers: Mapping[str, str]) -> str:
    try:
        cookie = SimpleCookie(headers.get("Cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _cookie(session: str, seconds: int, is_https: bool) -> str:
    cookie = f"{COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
    return cookie + "; Secure" if is_https else cookie
