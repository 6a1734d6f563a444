"""What an export of metrics holds, read with OpenTelemetry's own definitions."""

import gzip

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from service.shipping.genai_metrics import CACHED_TOKENS, DURATION, Point, Snapshot
from service.shipping.otlp.metrics_encoding import encode_metrics

ATTRIBUTES = (("gen_ai.request.model", "m"), ("server.port", 11434))
SNAPSHOT = Snapshot(
    1_000,
    2_000,
    (
        (DURATION, (Point(ATTRIBUTES, (0.0, 2.0, *(0.0,) * 12, 1.0, 90.03)),)),
        (CACHED_TOKENS, (Point(ATTRIBUTES, (7.0,)),)),
    ),
)
RESOURCE = {"service.name": "ollama-recorder"}


def test_a_histogram_and_a_counter_are_cumulative_since_the_start() -> None:
    batch = encode_metrics(SNAPSHOT, RESOURCE, compresses=False)
    (resource,) = ExportMetricsServiceRequest.FromString(batch.body).resource_metrics
    assert {each.key: each.value.string_value for each in resource.resource.attributes} == RESOURCE
    (scope,) = resource.scope_metrics
    duration, cached = scope.metrics
    assert (duration.name, duration.unit) == ("gen_ai.client.operation.duration", "s")
    cumulative = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert duration.histogram.aggregation_temporality == cached.sum.aggregation_temporality == cumulative
    (point,) = duration.histogram.data_points
    assert (point.count, point.sum, list(point.explicit_bounds)) == (3, 90.03, list(DURATION.bounds))
    assert list(point.bucket_counts) == [0, 2, *[0] * 12, 1]
    assert (point.start_time_unix_nano, point.time_unix_nano) == (1_000, 2_000)
    assert cached.sum.is_monotonic
    (number,) = cached.sum.data_points
    assert (number.as_int, number.start_time_unix_nano) == (7, 1_000)
    model, port = number.attributes
    assert (model.value.string_value, port.value.int_value) == ("m", 11434)


def test_a_compressed_export_is_the_same_export() -> None:
    plain, compressed = (encode_metrics(SNAPSHOT, RESOURCE, compresses) for compresses in (False, True))
    assert gzip.decompress(compressed.body) == plain.body
    assert compressed.size == plain.size == len(plain.body)
