"""Who may see what is kept: people on this machine, holders of INSPECTOR_TOKEN, and those whom READERS_FILE names.

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
from typing import Final, NamedTuple

from service.inspector.client import Client
from service.inspector.readers import EVERY_RIGHT, NamedReader, Readers, Right

COOKIE: Final = "ollama_recorder_session"
SESSION_SECONDS: Final = 12 * 3600
# Guessing is slowed: so many wrong tokens in a minute are looked at from where nobody was right before, and from where
# somebody was: a guesser may sit behind the same address as Prometheus.
_WRONG_OF_STRANGERS: Final = 5
_WRONG_OF_THE_KNOWN: Final = 100
# When so many were wrong altogether, strangers have one try each.
_WRONG_ALTOGETHER: Final = 100
# Nobody guesses one that is so long. Who has it is let in, however many others are wrong behind the same address.
_TOO_LONG_TO_GUESS: Final = 24
_MINUTE: Final = 60.0
_MOST_SESSIONS: Final = 1000
_MOST_KNOWN: Final = 10_000
_HOLDER: Final = "holder of INSPECTOR_TOKEN"
# No reader has an empty name.
_SESSION_OF_HOLDER: Final = ""


class KeptOut(NamedTuple):
    """What somebody is told who may see nothing. ``setting`` names what would open it; None: time does."""

    status: int
    message: str
    headers: Mapping[str, str]
    setting: str | None = None


class _Session(NamedTuple):
    """``ends`` by the monotonic clock; ``digest`` is that of the token that opened it."""

    ends: float = 0.0
    name: str = ""
    digest: str | None = None


_NO_SESSION: Final = _Session()


class Access:
    """Decides by ``token`` (empty: nobody has it) and ``readers`` (None: there is no READERS_FILE).

    ``now`` is a monotonic clock in seconds. A session is its reader's: what the file says then counts at once,
    and with another token it is over.
    """

    def __init__(self, token: str, now: Callable[[], float] = time.monotonic, readers: Readers | None = None) -> None:
        self._token = token
        self._now = now
        self.readers = readers
        self._sessions: dict[bytes, _Session] = {}
        self._wrong: list[tuple[float, str]] = []
        self._known: dict[str, None] = {}

    @property
    def has_token(self) -> bool:
        return bool(self._token) or any(one.digest for one in self._named())

    def allows(self, headers: Mapping[str, str], client: Client) -> bool:
        """Whether this client may see anything. A wrong token in ``Authorization`` counts as a guess."""
        return self.reader_of(headers, client) is not None

    def reader_of(self, headers: Mapping[str, str], client: Client) -> NamedReader | None:
        """Who this client is; None: nobody who may see anything. A wrong token counts as a guess."""
        return self._reader_of(headers, client, lambda credential: self._holder_of(credential, client))

    def _reader_of(
        self, headers: Mapping[str, str], client: Client, find: Callable[[str], NamedReader | None]
    ) -> NamedReader | None:
        if self.readers is not None and self.readers.is_proxy(client.peer) and self.readers.header in headers:
            # The proxy has signed somebody in: nothing else counts, not even that it is on this machine.
            return self._signed_in_by_proxy(headers)
        credential = _credential_of(headers)
        if credential and not client.is_local:
            return find(credential)
        if credential and self.readers is not None and (named := find(credential)) is not None:
            # On this machine a token narrows down what is open there.
            return named
        if client.is_local:
            return self._who("this machine", EVERY_RIGHT if self.readers is None else self.readers.here)
        return self._of_session(headers)

    def may_go_on(self, headers: Mapping[str, str], client: Client, may: frozenset[Right] = EVERY_RIGHT) -> bool:
        """Whether a client that was allowed to watch still ``may``: its session, or a right in the file, may be gone.

        A token counts as no guess here: it was right.
        """
        reader = self._reader_of(headers, client, self._find)
        return reader is not None and may <= reader.may

    def has_session(self, headers: Mapping[str, str]) -> bool:
        """Whether this browser has signed in."""
        return self._of_session(headers) is not None

    def _of_session(self, headers: Mapping[str, str]) -> NamedReader | None:
        session = _session_of(headers)
        found = self._sessions.get(_digest(session), _NO_SESSION) if session else _NO_SESSION
        if found.ends <= self._now():
            return None
        if found.name == _SESSION_OF_HOLDER:
            return self._who(_HOLDER, EVERY_RIGHT)
        reader = self._known_by(found.name)
        return reader if reader is not None and reader.digest == found.digest else None

    def _signed_in_by_proxy(self, headers: Mapping[str, str]) -> NamedReader | None:
        assert self.readers is not None  # noqa: S101 - asked only where there are some
        names = headers.getall(self.readers.header) if hasattr(headers, "getall") else [headers[self.readers.header]]
        # Two of them: somebody wrote one beside the proxy's.
        return self._known_by(names[0].strip()) if len(names) == 1 else None

    def _named(self) -> list[NamedReader]:
        return [] if self.readers is None else list(self.readers.by_name.values())

    def _known_by(self, name: str) -> NamedReader | None:
        reader = None if self.readers is None else self.readers.by_name.get(name)
        return reader if reader is not None and reader.may else None

    def _who(self, name: str, may: frozenset[Right]) -> NamedReader | None:
        return NamedReader(name, may, is_named=self.readers is not None) if may else None

    def seconds_to_wait(self, client: Client) -> int:
        """How long this client has to wait before its next token is looked at; 0: not at all.

        Wrong tokens of others never keep out who has the right one: a long one is always looked at, those who were
        right before have their own bound, and all others have a try a minute at least.
        """
        now, whose = self._now(), _network_of(client.address)
        self._wrong = [(at, network) for at, network in self._wrong if now - at < _MINUTE]
        own = [at for at, network in self._wrong if network == whose]
        if whose in self._known:
            most = _WRONG_OF_THE_KNOWN
        else:
            most = 1 if len(self._wrong) >= _WRONG_ALTOGETHER else _WRONG_OF_STRANGERS
        return int(_MINUTE - (now - own[-most])) + 1 if len(own) >= most else 0

    def why_kept_out(self, client: Client) -> KeptOut:
        """What a client is told that was not allowed."""
        wait = self.seconds_to_wait(client)
        if wait:
            return KeptOut(429, f"Too many wrong tokens: try again in {wait} s.", {"Retry-After": str(wait)})
        whose = "the INSPECTOR_TOKEN" if self.readers is None else "a token of READERS_FILE or INSPECTOR_TOKEN"
        message = f"From other addresses than this machine's, send Authorization: Bearer TOKEN with {whose}."
        return KeptOut(401, message, {"WWW-Authenticate": "Bearer"}, "INSPECTOR_TOKEN")

    def sign_in(self, token: str, client: Client) -> str | None:
        """The header ``Set-Cookie`` for a client that sent the right ``token``; None for any other."""
        reader = self._holder_of(token, client)
        if reader is None:
            return None
        session = secrets.token_urlsafe(32)
        now = self._now()
        self._sessions = {known: one for known, one in self._sessions.items() if one.ends > now}
        while len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        name = reader.name if reader.digest else _SESSION_OF_HOLDER
        self._sessions[_digest(session)] = _Session(now + SESSION_SECONDS, name, reader.digest)
        return _cookie(session, SESSION_SECONDS, client.is_https)

    def sign_out(self, headers: Mapping[str, str], client: Client) -> str:
        """End this browser's session; the header ``Set-Cookie`` that makes it forget."""
        self._sessions.pop(_digest(_session_of(headers)), None)
        return _cookie("", 0, client.is_https)

    def _holder_of(self, credential: str, client: Client) -> NamedReader | None:
        if not self.has_token:
            return None
        network, reader = _network_of(client.address), self._find(credential)
        is_right = reader is not None and len(credential) >= _TOO_LONG_TO_GUESS
        if not is_right and self.seconds_to_wait(client):
            return None
        if reader is not None:
            if network not in self._known and len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[network] = None
            return reader
        self._wrong.append((self._now(), network))
        return None

    def _find(self, credential: str) -> NamedReader | None:
        """Whose token it is. All are compared, each in constant time: the time taken tells nothing about any."""
        sent = credential.encode("utf-8", "surrogateescape")
        digest = hashlib.sha256(sent).hexdigest()
        found = None
        if self._token and hmac.compare_digest(sent, self._token.encode()):
            found = self._who(_HOLDER, EVERY_RIGHT)
        for reader in self._named():
            if reader.digest is not None and hmac.compare_digest(reader.digest, digest) and reader.may:
                found = reader
        return found


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


def _credential_of(headers: Mapping[str, str]) -> str:
    scheme, _, credential = headers.get("Authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


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
