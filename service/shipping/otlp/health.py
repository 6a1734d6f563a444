"""Whether somebody listens where spans go. OTLP has no question for more than that."""

import socket
from typing import Final
from urllib.parse import urlsplit

from service.shipping.asking import Readiness

_CONNECT_SECONDS: Final = 3.0


def ask_readiness(address: str) -> Readiness:
    """Connect and hang up. Raises OSError when nothing listens at ``address``, an HTTP address."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((parts.hostname or "", port), _CONNECT_SECONDS).close()
    return Readiness(True, f"Something listens at {address}.")
