"""A stand-in for an OTLP/HTTP receiver. What comes in is decoded with the official protobuf definitions."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer so and keep nothing."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejecting:
    """Accept the request and throw away so many of its spans, as partial success has it."""

    spans: int
    message: str = "spans too old"


class FakeOtlp:
    """Start it, post to ``url`` + ``/v1/traces``, look at ``spans``; ``script`` is used up request by request.

    What comes to ``/v1/metrics`` is in ``metric_exports``, and uses up ``metric_script``.
    """

    def __init__(self, script: Iterable[Answer | Rejecting] = (), is_bad: Callable[[Span], bool] | None = None) -> None:
        self.script: deque[Answer | Rejecting] = deque(script)
        self.requests: list[web.Request] = []
        self.exports: list[ExportTraceServiceRequest] = []
        self.metric_exports: list[ExportMetricsServiceRequest] = []
        self.metric_script: deque[Answer | Rejecting] = deque()
        self._is_bad = is_bad
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    @property
    def spans(self) -> list[Span]:
        """Every span that was kept, in order of arrival."""
        return [
            span
            for export in self.exports
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def __aenter__(self) -> "FakeOtlp":
        application = web.Application(client_max_size=64 << 20)
        application.router.add_post("/{path:.*}", self._export)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def wait_until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until ``condition`` holds; it is looked at after each request."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def _export(self, request: web.Request) -> web.Response:
        # Behind aiohttp's server a compressed body is decompressed already.
        body = await request.read()
        self.requests.append(request)
        try:
            return self._answer_metrics(body) if request.path.endswith("/v1/metrics") else self._answer(body)
        finally:
            async with self._changed:
                self._changed.notify_all()

    def _answer(self, body: bytes) -> web.Response:
        export = ExportTraceServiceRequest.FromString(body)
        spans = [span for each in export.resource_spans for scope in each.scope_spans for span in scope.spans]
        if self._is_bad is not None and any(map(self._is_bad, spans)):
            return web.Response(status=400, body=b"bad span")
        # An empty export asks whether we are there; scripts are about exports with spans.
        match self.script.popleft() if self.script and spans else None:
            case Answer(status, said, headers):
                return web.Response(status=status, body=said, headers=headers)
            case Rejecting(count, message):
                rejection = ExportTracePartialSuccess(rejected_spans=count, error_message=message)
                response = ExportTraceServiceResponse(partial_success=rejection)
            case None:
                response = ExportTraceServiceResponse()
        self.exports.append(export)
        return web.Response(body=response.SerializeToString(), content_type="application/x-protobuf")

    def _answer_metrics(self, body: bytes) -> web.Response:
        response = ExportMetricsServiceResponse()
        match self.metric_script.popleft() if self.metric_script else None:
            case Answer(status, said, headers):
                return web.Response(status=status, body=said, headers=headers)
            case Rejecting(count, message):
                rejection = ExportMetricsPartialSuccess(rejected_data_points=count, error_message=message)
                response = ExportMetricsServiceResponse(partial_success=rejection)
            case None:
                self.metric_exports.append(ExportMetricsServiceRequest.FromString(body))
        return web.Response(body=response.SerializeToString(), content_type="application/x-protobuf")
