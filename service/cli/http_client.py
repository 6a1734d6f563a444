"""HTTP to the recorder, Ollama or Loki: no proxies, no redirects, a time limit, and one kind of error."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 3.0
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """``headers`` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def asking(
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    seconds: float = SECONDS,
) -> Iterator[http.client.HTTPResponse]:
    """The answer with its body still to be read. Raises OSError when there is none, or a wait of ``seconds``."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # A token may have more letters than Latin-1.
        connection.request(method, target, body, {name: value.encode() for name, value in (headers or {}).items()})
        yield connection.getresponse()
    except http.client.HTTPException as error:
        raise ConnectionError(f"what answers does not speak HTTP properly ({type(error).__name__})") from error
    except UnicodeError as error:
        raise ConnectionError("no address has such characters") from error
    finally:
        connection.close()


def ask(
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    seconds: float = SECONDS,
) -> HttpResponse:
    """The whole answer, whatever its status. Raises OSError."""
    with asking(url, method, headers=headers, body=body, seconds=seconds) as response:
        header = {name.lower(): value for name, value in response.getheaders()}
        return HttpResponse(response.status, header, response.read(_MOST_BYTES))


def why(error: OSError) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or str(error) or type(error).__name__
