"""Span ids that can be worked out again from an exchange's id, so that a span sent twice stays one span."""

from hashlib import blake2b

_NO_SPAN = b"\0" * 8


def child_span_id(exchange_id: str, role: str) -> str:
    """The id (16 lower-case hex digits, never all zero) of the span that plays ``role`` in an exchange.

    The span of the model call (``model_call``) is named in the ``traceparent`` that goes on to
    Ollama, long before the exchange is recorded; its phases are ``wait``, ``prompt`` and ``generation``.
    """
    digest = blake2b(f"{exchange_id}/{role}".encode(), digest_size=8).digest()
    # W3C Trace Context calls an all-zero span id invalid.
    return (digest if digest != _NO_SPAN else _NO_SPAN[:7] + b"\1").hex()
