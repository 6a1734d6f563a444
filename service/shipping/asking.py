"""One question to a receiver beside its records, from a thread that may wait: whether it is ready, or to delete some.

As with the shipper, the environment's proxies are not used and redirects are not followed. So a login goes to the
receiver's own address only.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_LONGEST_ANSWER: Final = 65_536


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """``headers`` by lower-case name; ``body`` has 64 KiB at most."""

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


def ask(
    url: str, method: str = "GET", *, headers: Mapping[str, str] | None = None, seconds: float = 3.0
) -> ReceiverAnswer:
    """The answer, whatever its status. A POST has an empty body. Raises OSError when there is none."""
    try:
        request = urllib.request.Request(url, b"" if method == "POST" else None, dict(headers or {}), method=method)
        with direct_opener().open(request, timeout=seconds) as response:
            by_name = {name.lower(): value for name, value in response.headers.items()}
            return ReceiverAnswer(response.status, by_name, response.read(_LONGEST_ANSWER))
    except urllib.error.URLError as error:
        raise (error.reason if isinstance(error.reason, OSError) else ConnectionError(error.reason)) from error
    except http.client.HTTPException as error:
        raise ConnectionError(f"what answers does not speak HTTP properly ({type(error).__name__})") from error
    except ValueError as error:
        raise ConnectionError(f"that is no address: {error}") from error


def direct_opener() -> urllib.request.OpenerDirector:
    """Opens addresses without proxies and redirects. An answer is one, whatever its status."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(), urllib.request.UnknownHandler()):
        opener.add_handler(handler)
    return opener
