"""A client that hung up: whether a time limit of its own was over, or an answer was stopped that had begun."""

from typing import TYPE_CHECKING

from service.record.exchange import Exchange, Outcome

if TYPE_CHECKING:
    from service.record.generation import Generation

# n8n's HTTP Request node and many others give up after 300 s, NGINX and Kubernetes after 60, Cloudflare after 100.
_USUAL_LIMITS = (5, 10, 15, 20, 30, 45, 60, 90, 100, 120, 180, 240, 300, 600, 900, 1200, 1800, 3600)
_EARLY = 0.05
# Of who reads along, most press Stop at any moment: only what is very near is a limit.
_LATE_WHILE_READING = 0.2


def usual_limit(after: float | None, *, has_begun: bool) -> int | None:
    """The usual time limit (seconds) that was over when a client left ``after`` so many seconds, if one was."""
    if after is None:
        return None

    def late(limit: int) -> float:
        return _LATE_WHILE_READING if has_begun else max(0.5, 0.004 * limit)

    return next((limit for limit in _USUAL_LIMITS if limit - _EARLY <= after <= limit + late(limit)), None)


def was_stopped(exchange: Exchange, generation: "Generation") -> bool:
    """Whether the client ended an answer that it was reading, and no time limit did: nothing went wrong then.

    Before the first words nobody had anything to stop: it gave up. An answer that is not streamed has none before its
    end.
    """
    if exchange.outcome is not Outcome.CLIENT_LEFT or exchange.error or generation.error:
        return False
    if exchange.status is None or exchange.status >= 400:
        return False
    has_begun = bool(generation.text or generation.thinking or generation.tool_calls)
    return has_begun and usual_limit(exchange.duration, has_begun=True) is None
