"""One question to a receiver beside its records, from a thread that may wait: whether it is ready, or to delete some.

As with the shipper, the environment's proxies are not used and redirects are not followed. So a login goes to the
receiver's own address only. Whoever answers byte by byte holds up nobody: the whole answer has its time.
"""

import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

_T = TypeVar("_T")
_LONGEST_ANSWER: Final = 65_536
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """``headers`` by lower-case name; ``body`` has no more bytes than were asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a receiver is ready; None: it does not tell. ``text`` and ``advice`` are for people.

    ``headers`` are those of its answer, by lower-case name.
    """

    is_ready: bool | None
    text: str
    advice: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Asker:
    """Somebody who may leave: then what is being asked for them ends, and nothing else is asked."""

    def __init__(self) -> None:
        self.has_left = False
        self._changing = threading.Lock()
        self._ends: list[Callable[[], None]] = []

    def run(self, function: Callable[[], _T]) -> _T:
        """What ``function`` returns, which asks for them. Raises CancelledError, too, from any question in it."""
        token = _asker.set(self)
        try:
            return function()
        finally:
            _asker.reset(token)

    def leave(self) -> None:
        """From any thread; blocks nobody."""
        with self._changing:
            self.has_left = True
            for end in self._ends:
                end()

    @contextmanager
    def asking(self, end: Callable[[], None]) -> Iterator[None]:
        """Around a question that ``end`` would end. Raises CancelledError if they have left by its end."""
        with self._changing:
            self._ends.append(end)
            if self.has_left:
                end()
        try:
            yield
        finally:
            with self._changing:
                self._ends.remove(end)
            if self.has_left:
                raise CancelledError


_asker: ContextVar[Asker] = ContextVar("asker")


def ask(
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float = 3.0,
    most: int = _LONGEST_ANSWER,
) -> ReceiverAnswer:
    """The answer, whatever its status, and ``most`` bytes of it. A POST has an empty body.

    Raises OSError when there is none or half of one, or not within ``seconds`` after there was a connection, and
    CancelledError when an Asker has left.
    """
    asker = _asker.get(None) or Asker()
    if asker.has_left:
        raise CancelledError
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"unknown kind {parts.scheme!r}")
        # As the shipper sends them; a name or token may have more letters than Latin-1.
        sent = {name: value.encode() for name, value in (headers or {}).items()}
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with closing(connect(parts.hostname, parts.port, timeout=seconds)) as connection:
            connection.connect()
            with _at_most(connection.sock, seconds, asker):
                connection.request(method, target, b"" if method == "POST" else None, sent)
                response = connection.getresponse()
                by_name = {name.lower(): value for name, value in response.getheaders()}
                body = response.read(most)
                if len(body) < most and response.length:
                    # http.client takes an answer for whole that broke off, where it is asked for so many bytes.
                    raise ConnectionError(f"its answer broke off after {len(body):,} bytes")
                return ReceiverAnswer(response.status, by_name, body)
    except http.client.RemoteDisconnected:
        raise
    except http.client.InvalidURL as error:
        raise ConnectionError(f"that is no address: {error}") from error
    except http.client.HTTPException as error:
        raise ConnectionError(f"what answers does not speak HTTP properly ({type(error).__name__})") from error
    except ValueError as error:
        raise ConnectionError(f"that is no address: {error}") from error


def printable(text: str) -> str:
    """``text`` as it may be shown: whoever answers must not write on anybody's terminal."""
    return _UNPRINTABLE.sub(" ", text)


@contextmanager
def _at_most(connected: socket.socket, seconds: float, asker: Asker) -> Iterator[None]:
    """End the connection after so many seconds: its own time-out begins anew with each byte. Raises TimeoutError.

    It ends when ``asker`` leaves, too.
    """
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        with asker.asking(end):
            yield
    except (OSError, http.client.HTTPException):
        if not is_over.is_set():
            raise
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TimeoutError(f"no whole answer within {seconds:g} s")
