"""Who may see what is kept: people on this machine, and holders of INSPECTOR_TOKEN.

A program sends the token with each request. A browser sends it once, in a form, and gets a cookie. No script can read
that cookie, and no other site's page can make the browser send it. Cookies and sessions end with the process.
"""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

from service.inspector.client import Client

COOKIE: Final = "ollama_recorder_session"
SESSION_SECONDS: Final = 12 * 3600
# Guessing is slowed: so many wrong tokens in a minute are looked at from where nobody was right before, and from where
# somebody was: a guesser may sit behind the same address as Prometheus.
_WRONG_OF_STRANGERS: Final = 5
_WRONG_OF_THE_KNOWN: Final = 100
# When so many were wrong altogether, strangers have one try each.
_WRONG_ALTOGETHER: Final = 100
_MINUTE: Final = 60.0
_MOST_SESSIONS: Final = 1000
_MOST_KNOWN: Final = 10_000


class Access:
    """Decides by ``token`` (empty: nobody but this machine). ``now`` is a monotonic clock in seconds."""

    def __init__(self, token: str, now: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._now = now
        self._sessions: dict[bytes, float] = {}
        self._wrong: list[tuple[float, str]] = []
        self._known: dict[str, None] = {}

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
        """How long this client has to wait before its next token is looked at; 0: not at all.

        Wrong tokens of others never keep out who has the right one: those who were right before have their own
        bound, and all others have a try a minute at least.
        """
        now, whose = self._now(), _network_of(client.address)
        self._wrong = [(at, network) for at, network in self._wrong if now - at < _MINUTE]
        own = [at for at, network in self._wrong if network == whose]
        if whose in self._known:
            most = _WRONG_OF_THE_KNOWN
        else:
            most = 1 if len(self._wrong) >= _WRONG_ALTOGETHER else _WRONG_OF_STRANGERS
        return int(_MINUTE - (now - own[-most])) + 1 if len(own) >= most else 0

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
        network = _network_of(client.address)
        if hmac.compare_digest(credential.encode("utf-8", "surrogateescape"), self._token.encode()):
            if network not in self._known and len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[network] = None
            return True
        self._wrong.append((self._now(), network))
        return False


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin makes a browser send this: such a request may change nothing."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers.get("Origin")
    if origin is None:
        return False
    scheme, _, authority = origin.partition("://")
    return scheme not in ("http", "https") or authority != headers.get("Host")


def _network_of(address: str) -> str:
    """What stands for a client when its guesses are counted: a machine has a whole /64 of IPv6 addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4 or parsed.ipv4_mapped:
        return str(parsed if parsed.version == 4 else parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


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
