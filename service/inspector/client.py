"""The client of one of the recorder's own addresses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """``address`` is the client's own, behind trusted proxies; ``is_local``: its request came from this machine alone.

    ``is_https``: it came by TLS, as far as a trusted proxy says.
    """

    address: str
    is_local: bool
    is_https: bool = False
