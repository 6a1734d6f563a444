"""By what two exchanges are known to ask the same: a number of 64 bits made from their prompts."""

import hashlib
import re

from service.record.operations import MODEL_CALLS
from service.record.record import Record

# Two pictures with one question are two prompts.
_PICTURE = re.compile(r"sha256:([0-9a-f]{64})")


def fingerprint(record: Record, prompt: str) -> int | None:
    """The same for exchanges that ask the same; ``prompt`` is what is searched of it. None: that is not known.

    What asks no model is known by its method and address.
    """
    if record.operation in MODEL_CALLS:
        if not prompt:
            return None
        pictures = _PICTURE.findall(record.request_body or "") if record.images else ()
        # Of a request that was kept in part, its length tells what the rest was.
        length = record.request_bytes if record.request_truncated else None
        asked = f"{prompt}\0{' '.join(pictures)}\0{length}"
    elif record.request_uri:
        asked = f"{record.method} {record.request_uri}"
    else:
        return None
    digest = hashlib.blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
