"""Loki as the shipper, the command line and doctor see it."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from service.settings import Settings
from service.shipping.loki.health import ask_readiness
from service.shipping.loki.judge import judge
from service.shipping.loki.settings import NAME, PUSH_PATH, URL_VARIABLE, LokiSettings, read_loki_settings
from service.shipping.receiver import Receiver, WantedReceiver
from service.shipping.span_content import NO_MESSAGES, SpanContent, captures_messages

if TYPE_CHECKING:
    from service.shipping.sending import HttpEndpoint


def want_loki(settings: Settings, environment: Mapping[str, str]) -> WantedReceiver | None:
    """Loki, if LOKI_URL is set. Its settings were checked when they were read, so they have no mistakes."""
    loki = read_loki_settings(settings)
    if loki is None:
        return None
    return WantedReceiver(
        name=NAME,
        title="Loki",
        variable=URL_VARIABLE,
        address=loki.url,
        prepare=lambda: partial(make_receiver, loki, content=SpanContent(messages=captures_messages(environment))),
        ask_readiness=partial(ask_readiness, loki),
        can_delete=True,
    )


def make_receiver(loki: LokiSettings, instance: str, *, content: SpanContent = NO_MESSAGES) -> Receiver:
    """The receiver at ``loki``. ``instance`` becomes a stream label, so it must outlive restarts."""
    from service.shipping.loki.encode import encode

    return Receiver(
        name=NAME,
        encode=partial(encode, instance=instance, with_spans=loki.with_spans, content=content),
        connect=make_endpoint(loki).connect,
        # Half of the default limit of a tenant. Above 1.5 MB/s Loki splits a stream into several (shard_streams),
        # and what is sent twice could then lie in two of them.
        bytes_per_second=2_000_000,
    )


def make_endpoint(loki: LokiSettings) -> "HttpEndpoint":
    """Where batches are pushed."""
    # It brings aiohttp, which nobody needs who does not ship.
    from service.shipping.sending import HttpEndpoint

    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", **loki.headers}
    return HttpEndpoint(loki.base + PUSH_PATH, headers, judge)
