"""The real OpenTelemetry Collector, which writes what it received into a file of the test."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.shipping.spans import Kind, Span
from tests.servers.process import RunningServer, require, running

EMPTY_EXPORT = b"{}"
EMPTY_EXPORT_TYPE = {"Content-Type": "application/json"}
_KINDS = {1: Kind.INTERNAL, 2: Kind.SERVER, 3: Kind.CLIENT}
_STATUS_ERROR = 2
_HAS_REMOTE_PARENT = 0x200


@dataclass(frozen=True, slots=True)
class Collector:
    """A running Collector, and the files that it writes."""

    server: RunningServer
    file: Path
    metrics_file: Path

    @property
    def url(self) -> str:
        """Base address, as in ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return self.server.url

    def post(self, export: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to an export in protobuf; raises HTTPError when it is refused."""
        headers = {"Content-Type": "application/x-protobuf"}
        request = urllib.request.Request(f"{self.url}/v1/traces", export, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()

    def resources(self) -> list[dict[str, Any]]:
        """The attributes of each resource that spans came from. The file follows within a second, or on its end."""
        return [_attributes(each["resource"]["attributes"]) for each in self._resource_spans()]

    def spans(self) -> list[Span]:
        """Every span it received, in order of arrival, in the form that the recorder makes them in."""
        return [
            _span(span)
            for resource in self._resource_spans()
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def metrics(self) -> list[dict[str, dict[str, Any]]]:
        """Each export of metrics, as metrics by their names, in OTLP's JSON."""
        return [
            {
                metric["name"]: metric
                for resource in json.loads(line)["resourceMetrics"]
                for scope in resource["scopeMetrics"]
                for metric in scope["metrics"]
            }
            for line in _lines(self.metrics_file)
        ]

    def _resource_spans(self) -> Iterator[dict[str, Any]]:
        for line in _lines(self.file):
            yield from json.loads(line)["resourceSpans"]


def _lines(file: Path) -> list[bytes]:
    # Behind the last line's end stands the start of a line that is being written.
    *lines, _ = (file.read_bytes() if file.exists() else b"").split(b"\n")
    return lines


def _span(told: dict[str, Any]) -> Span:
    status = told.get("status", {})
    return Span(
        trace_id=told["traceId"],
        span_id=told["spanId"],
        parent_span_id=told.get("parentSpanId") or None,
        has_remote_parent=bool(told["flags"] & _HAS_REMOTE_PARENT),
        name=told["name"],
        kind=_KINDS[told["kind"]],
        start_ns=int(told["startTimeUnixNano"]),
        end_ns=int(told["endTimeUnixNano"]),
        attributes=_attributes(told.get("attributes", [])),
        error=status.get("message", "") if status.get("code") == _STATUS_ERROR else None,
    )


def point_attributes(point: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a data point."""
    return _attributes(point["attributes"])


def _attributes(told: list[dict[str, Any]]) -> dict[str, Any]:
    names = [each["key"] for each in told]
    assert len(set(names)) == len(names), names
    return {each["key"]: _value(each["value"]) for each in told}


def _value(told: dict[str, Any]) -> Any:
    """A value of OTLP's JSON, which writes an integer as a text."""
    ((kind, value),) = told.items()
    if kind == "arrayValue":
        return [_value(each) for each in value["values"]]
    return int(value) if kind == "intValue" else value


@contextlib.contextmanager
def running_collector(folder: Path, *, port: int | None = None) -> Iterator[Collector]:
    """Start it with its file in ``folder``; start it again there and it adds to that file."""
    program = require("otelcol", "run make servers")
    folder.mkdir(parents=True, exist_ok=True)
    configuration, file, metrics = (folder / name for name in ("collector.json", "received.jsonl", "metrics.jsonl"))

    def command(otlp_port: int) -> list[str | Path]:
        http = {"endpoint": f"127.0.0.1:{otlp_port}"}
        settings = {
            "receivers": {"otlp": {"protocols": {"http": http}}},
            "exporters": {
                "file": {"path": str(file), "append": True},
                "file/metrics": {"path": str(metrics), "append": True},
            },
            "service": {
                "pipelines": {
                    "traces": {"receivers": ["otlp"], "exporters": ["file"]},
                    "metrics": {"receivers": ["otlp"], "exporters": ["file/metrics"]},
                }
            },
        }
        configuration.write_text(json.dumps(settings))
        return [program, f"--config={configuration}"]

    with running(
        command, folder=folder, ready="/v1/traces", headers=EMPTY_EXPORT_TYPE, body=EMPTY_EXPORT, port=port, seconds=60
    ) as server:
        yield Collector(server, file, metrics)
