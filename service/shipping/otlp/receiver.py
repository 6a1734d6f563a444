"""An OTLP endpoint as the shipper, the command line and doctor see it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from service.settings import TABLE, Settings
from service.shipping.otlp.health import ask_readiness
from service.shipping.otlp.judge import judge
from service.shipping.otlp.settings import NAME, OtlpSettings, find_endpoint, read_otlp_settings
from service.shipping.receiver import Receiver, WantedReceiver
from service.shipping.span_content import MESSAGES_VARIABLE, NO_MESSAGES, SpanContent, captures_messages

if TYPE_CHECKING:
    from service.shipping.sending import HttpEndpoint, JudgeAnswer

BODIES_VARIABLE = TABLE["otlp_bodies"].name
# Many receivers take messages of 4 MiB at most (gRPC's default, behind HTTP too).
_MOST_BYTES = 4_000_000


def want_otlp(settings: Settings, environment: Mapping[str, str]) -> WantedReceiver | None:
    """The OTLP endpoint, if OpenTelemetry's standard variables name one and do not switch it off."""
    # Of these variables one is a setting of ours, which the command line may have read from elsewhere.
    variables = {**environment, TABLE["otlp_endpoint"].name: settings.otlp_endpoint}
    endpoint = find_endpoint(variables)
    if endpoint is None:
        return None

    content = span_content(settings, environment)

    def prepare() -> Callable[[str], Receiver]:
        return partial(make_receiver, read_otlp_settings(endpoint, variables), content=content)

    return WantedReceiver(
        name=NAME,
        title="OTLP",
        variable=endpoint.variable,
        address=endpoint.address,
        prepare=prepare,
        ask_readiness=partial(ask_readiness, endpoint.address),
        carries=_carries(content),
        advice=f"{BODIES_VARIABLE}=false leaves requests out, {MESSAGES_VARIABLE} decides about messages.",
    )


def span_content(settings: Settings, environment: Mapping[str, str]) -> SpanContent:
    """What is told to an OTLP receiver of an exchange, and of the Ollama that answered it."""
    return SpanContent(
        bodies=settings.otlp_bodies,
        messages=captures_messages(environment),
        list_views=True,
        polls=settings.otlp_polls,
        upstream=settings.ollama_url if len(settings.ollama_urls) == 1 else "",
        upstreams=settings.ollama_urls if len(settings.ollama_urls) > 1 else (),
    )


def _carries(content: SpanContent) -> str:
    if content.messages:
        return "Spans carry prompts and answers to it, as GenAI messages."
    if content.bodies:
        return "Spans carry requests as they came to it, and so whole prompts; answers stay here."
    return "Spans carry neither prompts nor answers to it."


def make_receiver(otlp: OtlpSettings, instance: str, *, content: SpanContent = NO_MESSAGES) -> Receiver:
    """The receiver at ``otlp``. ``instance`` becomes the resource's ``service.instance.id`` unless that is set."""
    from service.shipping.otlp.encode import encode

    return Receiver(
        name=NAME,
        encode=partial(
            encode,
            resource=tuple(otlp.resource(instance).items()),
            compresses=otlp.compresses,
            content=content,
        ),
        connect=make_endpoint(otlp).connect,
        bytes_per_second=5_000_000,
        # The encoder takes about 50 µs a span in the interpreter: small batches keep answers flowing.
        most_records=50,
        most_bytes=_MOST_BYTES,
    )


def make_endpoint(otlp: OtlpSettings, understand: "JudgeAnswer" = judge) -> "HttpEndpoint":
    """Where exports are posted, and what tells what an answer means."""
    # It brings aiohttp, which nobody needs who does not ship.
    from service.shipping.sending import HttpEndpoint

    headers = {"Content-Type": "application/x-protobuf", **otlp.headers}
    if otlp.compresses:
        headers["Content-Encoding"] = "gzip"
    return HttpEndpoint(otlp.url, headers, understand, otlp.timeout, otlp.tls)
