"""The client of one of the recorder's own addresses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """``address`` is the client's own, behind trusted proxies; ``is_local``: its request came from this machine alone.

    ``is_https``: it came by TLS, as far as a trusted proxy says. ``peer`` is the other end of the connection.
    ``reader`` is who READERS_FILE says it is, and ``may_replay`` what that says; None: without such a file.
    """

    address: str
    is_local: bool
    is_https: bool = False
    peer: str = ""
    reader: str | None = None
    may_replay: bool | None = None

    @property
    def named(self) -> str:
        """Who it is, for the audit."""
        return self.address if self.reader is None else f"{self.reader} ({self.address})"
