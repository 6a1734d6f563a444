"""What a rule asks of a request itself: its model, its ``keep_alive``, and that Ollama does not cut it silently.

Only callers with such a rule have their requests read here.
"""

import re
from collections.abc import Sequence
from typing import Final

import orjson

from service.gateway.error_responses import Refusal
from service.record.bodies import readable
from service.record.exchange import Body, OpenExchange
from service.record.operations import ANSWERED_IN_VECTORS, CONVERSATIONS
from service.record.request_facts import Asked, read_request
from service.record.wording import duration
from service.sharing.limits import FOR_EVER, Limits, span_of

SETTING: Final = "LIMITS_FILE"
READ_BYTES: Final = 16 << 20
"""A longer request is not held in memory: it flows once its call has a place."""

# Old embeddings refuse what is too long by themselves.
_NEVER_CUTS: Final = "/api/embeddings"
_CUTTING: Final = CONVERSATIONS | ANSWERED_IN_VECTORS
# Ollama reads the bodies of all other routes as JSON, whatever their Content-Type says.
_TAKE_FORMS: Final = ("/v1/audio/transcriptions", "/v1/images/edits")
_PART: Final = re.compile(rb"^content-disposition.*$", re.IGNORECASE | re.MULTILINE)
_PLAIN_PART: Final = re.compile(rb'content-disposition: form-data; name="?([^"*;\\]+)"?(; filename=.*)?', re.IGNORECASE)


def judge(opened: OpenExchange, content: bytes | None, who: str, limits: Limits) -> tuple[Refusal | None, Asked]:
    """Why a call may not go to Ollama, if so, and what it asks. ``content`` None: its request is not at hand."""
    if content is None:
        message = f"{who} has limits for which a request is read first, up to 16 MiB; this one is longer."
        return Refusal(413, message, SETTING), Asked()
    body = _body_of(opened, content)
    asked = read_request(opened, readable(body, READ_BYTES))
    return _wrong_model(body, asked, who, limits) or _kept_too_long(opened, asked, who, limits), asked


def read_content(opened: OpenExchange, content: bytes) -> Asked:
    """What a request asks whose body is ``content``, or begins with it."""
    return read_request(opened, readable(_body_of(opened, content), READ_BYTES))


def _body_of(opened: OpenExchange, content: bytes) -> Body:
    body = opened.request._replace(length=len(content), head=content, tail=b"")
    return body if opened.path in _TAKE_FORMS else body._replace(content_type="application/json")


def _wrong_model(body: Body, asked: Asked, who: str, limits: Limits) -> Refusal | None:
    if limits.models is None:
        return None
    allowed = ", ".join(limits.models)
    if asked.model is None or not (asked.document or _is_plain_form(body)):
        # A request that Ollama might understand otherwise than we do must not slip past.
        return Refusal(403, f"It is not clear which model this asks for, and {who} may use only: {allowed}.", SETTING)
    if limits.allows_model(asked.model):
        return None
    return Refusal(403, f"{who} may not use the model {asked.model[:200]!r}, only: {allowed}.", SETTING)


def _is_plain_form(body: Body) -> bool:
    """Whether it is a form whose parts are all named in the plain way, and one of them names the model."""
    parts = [_PLAIN_PART.fullmatch(line.rstrip()) for line in _PART.findall(body.head)]
    names = [part[1].lower() for part in parts if part is not None]
    return len(names) == len(parts) and names.count(b"model") == 1


def _kept_too_long(opened: OpenExchange, asked: Asked, who: str, limits: Limits) -> Refusal | None:
    most = limits.keep_alive_at_most
    if most is None or opened.api != "ollama":
        return None
    if asked.document is None:
        return Refusal(403, f"The request cannot be read, and keep_alive of {who} has a limit.", SETTING)
    seconds = span_of(asked.document.get("keep_alive"))
    if seconds is None or seconds <= most:
        return None
    wanted = "for ever" if seconds == FOR_EVER else f"for {duration(seconds)}"
    message = f"{who} may keep a model loaded for {duration(most)} at most; keep_alive asks to keep it {wanted}."
    return Refusal(403, message, SETTING)


def without_cuts(opened: OpenExchange, content: bytes, asked: Asked) -> tuple[bytes, tuple[str, ...]]:
    """The request with ``truncate`` and ``shift`` false where it does not say, and the names of what was put in.

    Unchanged where the API has no such fields, where Ollama would not read them, or where all are there.
    """
    document = asked.document
    if opened.api != "ollama" or opened.operation not in _CUTTING or opened.path == _NEVER_CUTS:
        return content, ()
    is_compressed = opened.request.content_encoding.strip().lower() not in ("", "identity")
    start = content.find(b"{")
    if not document or is_compressed or content[:start].strip():
        return content, ()
    # Ollama takes null for nothing at all.
    names = [name for name in _names(opened.operation) if document.get(name) is None]
    if not names:
        return content, ()
    if document.keys().isdisjoint(names):
        put_in = b"".join(b'"%b":false,' % name.encode() for name in names)
        return content[: start + 1] + put_in + content[start + 1 :], tuple(names)
    return _with_at_end(content, names)


def _with_at_end(content: bytes, names: Sequence[str]) -> tuple[bytes, tuple[str, ...]]:
    """The later value counts, so what comes after a null does. Unchanged where the object is not all there is."""
    end = content.rfind(b"}")
    if content[end + 1 :].strip() or not _is_json(content):
        return content, ()
    put_in = b"".join(b',"%b":false' % name.encode() for name in names)
    return content[:end] + put_in + content[end:], tuple(names)


def _is_json(content: bytes) -> bool:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return True


def _names(operation: str) -> Sequence[str]:
    return ("truncate", "shift") if operation in CONVERSATIONS else ("truncate",)
