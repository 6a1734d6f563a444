"""A snapshot of metrics becomes an export request. OpenTelemetry's messages are imported by the first one."""

import gzip
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import service
from service.shipping.genai_metrics import Instrument, Point, Snapshot
from service.shipping.receiver import Batch

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint


def encode_metrics(snapshot: Snapshot, resource: Mapping[str, str], compresses: bool) -> Batch:
    """An ``ExportMetricsServiceRequest`` of ``snapshot``, with cumulative temporality."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    metrics = [_metric(snapshot, instrument, points) for instrument, points in snapshot.points]
    scope = InstrumentationScope(name="ollama-recorder", version=service.__version__)
    one = ResourceMetrics(
        resource=Resource(attributes=_key_values(resource.items())),
        scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics)],
    )
    body = ExportMetricsServiceRequest(resource_metrics=[one]).SerializeToString()
    return Batch(gzip.compress(body, compresslevel=1, mtime=0) if compresses else body, len(body))


def _metric(snapshot: Snapshot, instrument: Instrument, points: Iterable[Point]) -> "Metric":
    from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Histogram, Metric, Sum

    metric = Metric(name=instrument.name, unit=instrument.unit, description=instrument.meaning)
    cumulative = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    if instrument.bounds:
        histogram_points = [_histogram_point(snapshot, instrument, point) for point in points]
        metric.histogram.CopyFrom(Histogram(data_points=histogram_points, aggregation_temporality=cumulative))
    else:
        number_points = [_number_point(snapshot, point) for point in points]
        metric.sum.CopyFrom(
            Sum(data_points=number_points, aggregation_temporality=cumulative, is_monotonic=True),
        )
    return metric


def _histogram_point(snapshot: Snapshot, instrument: Instrument, point: Point) -> "HistogramDataPoint":
    from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint

    *buckets, total = point.sums
    counts = [int(count) for count in buckets]
    return HistogramDataPoint(
        attributes=_key_values(point.attributes),
        start_time_unix_nano=snapshot.started_ns,
        time_unix_nano=snapshot.taken_ns,
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=instrument.bounds,
    )


def _number_point(snapshot: Snapshot, point: Point) -> "NumberDataPoint":
    from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

    return NumberDataPoint(
        attributes=_key_values(point.attributes),
        start_time_unix_nano=snapshot.started_ns,
        time_unix_nano=snapshot.taken_ns,
        as_int=int(point.sums[0]),
    )


def _key_values(attributes: Iterable[tuple[str, str | int]]) -> "list[KeyValue]":
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    return [
        KeyValue(key=name, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))
        for name, value in attributes
    ]
