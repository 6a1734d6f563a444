"""Metrics sent to an OTLP receiver once in a while, and once more at the end.

They are cumulative: what one export could not deliver is in the next. So nothing is kept for a receiver that is away,
and no exchange ever waits for one.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from service.settings import TABLE, Settings
from service.shipping.condition import Condition
from service.shipping.otlp.judge import judge
from service.shipping.otlp.receiver import make_endpoint, span_content
from service.shipping.otlp.settings import (
    METRICS_PATH,
    OtlpEndpoint,
    OtlpSettings,
    find_metrics_endpoint,
    read_export_interval,
    read_otlp_settings,
)
from service.shipping.pace import Pace
from service.shipping.receiver import Batch, Decision, SendBatch, Verdict

if TYPE_CHECKING:
    from service.shipping.genai_metrics import GenAiMetrics

METRICS_NAME: Final = "otlp_metrics"
"""What this receiver is called in ``/readyz`` and in counters."""


def want_metric_export(settings: Settings, environment: Mapping[str, str]) -> "MetricExport | None":
    """The export of metrics, where OpenTelemetry's standard variables ask for one.

    Raises SettingsError for a variable that cannot be used.
    """
    variables = {**environment, TABLE["otlp_endpoint"].name: settings.otlp_endpoint}
    endpoint = find_metrics_endpoint(variables)
    if endpoint is None:
        return None
    # Without an endpoint nobody needs them.
    from service.shipping.genai_metrics import GenAiMetrics

    metrics = GenAiMetrics(span_content(settings, environment).server_of)
    return MetricExport(metrics, endpoint, read_otlp_settings(endpoint, variables), read_export_interval(variables))


class MetricExport:
    """Sends ``metrics`` to ``endpoint`` every ``interval`` seconds. Belongs to the event loop's thread."""

    def __init__(self, metrics: "GenAiMetrics", endpoint: OtlpEndpoint, otlp: OtlpSettings, interval: float) -> None:
        self.metrics = metrics
        self.endpoint = endpoint
        self._otlp = otlp
        self._interval = interval
        # What failed is tried again sooner than it would be sent anyhow, but never more often than that.
        pace = Pace(longest_delay=min(interval, Pace().longest_delay), refused_delay=interval)
        self._condition = Condition(METRICS_NAME, pace)
        self._resource: dict[str, str] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, instance: str) -> None:
        """Begin; ``instance`` is the resource's ``service.instance.id`` unless that is set. Returns at once."""
        self._resource = self._otlp.resource(instance)
        self._task = asyncio.create_task(self._run(), name="export metrics")

    async def stop(self, within: float = 3.0) -> None:
        """Export once more, and end within so many seconds."""
        self._stopping.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=within)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def trouble(self) -> str | None:
        """Why the last export did not arrive, and what to do; None while all is well."""
        return f"{self._condition.last_error} {self._condition.what_to_do}".strip() or None

    async def _run(self) -> None:
        endpoint = make_endpoint(self._otlp, partial(judge, path=METRICS_PATH))
        async with endpoint.connect() as send:
            delay = self._interval
            while not await self._is_stopped_within(delay):
                delay = await self._export(send)
            await self._export(send)

    async def _is_stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def _export(self, send: SendBatch) -> float:
        """Send all that has come together. The seconds until the next time."""
        if self.metrics.is_empty:
            return self._interval
        try:
            batch = await asyncio.to_thread(self._encode)
            verdict = await send(batch)
        except Exception as error:  # noqa: BLE001 - metrics must not end because of one export
            return max(self._condition.has_stumbled(error), 1.0)
        if verdict.decision is Decision.ACCEPTED and not verdict.rejected_spans:
            self._condition.has_answered()
            return self._interval
        if verdict.rejected_spans:
            detail = f"{verdict.rejected_spans} data points: {verdict.detail}"
            verdict = Verdict(Decision.REFUSED, "rejected_data_points", detail)
        return self._condition.has_failed(verdict)

    def _encode(self) -> Batch:
        from service.shipping.otlp.metrics_encoding import encode_metrics

        return encode_metrics(self.metrics.snapshot(), self._resource, self._otlp.compresses)
