"""OTLP requests for tests of reads: small, with every kind of value in them."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from traceo.store.attributes import encode_value

VALUES: dict[str, Any] = {
    "text": "hello",
    "empty": "",
    "zero": 0,
    "minus": -1,
    "large": (1 << 63) - 1,
    "small": -(1 << 63),
    "false": False,
    "true": True,
    "half": 0.5,
    "nan": float("nan"),
    "long127": "x" * 127,
    "long128": "x" * 128,
    "long16383": "x" * 16383,
    "long16384": "x" * 16384,
    "list": ["a", 1, [True]],
    "object": {"k": {"n": 1}},
    "bytes": b"\x00\xff",
}


def pairs(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue.FromString(encode_value(value))) for key, value in values.items()]


def span(
    trace: int, number: int, start_ns: int, *, parent: int = 0, duration_ns: int = 1_000_000, **fields: Any
) -> dict[str, Any]:
    ids = {"trace_id": trace.to_bytes(16, "big"), "span_id": number.to_bytes(8, "big")}
    parent_id = {"parent_span_id": parent.to_bytes(8, "big")} if parent else {}
    attributes = pairs(fields.pop("attributes", {}))
    return {
        **ids,
        **parent_id,
        "name": "GET /",
        "kind": 2,
        "start_time_unix_nano": start_ns,
        "end_time_unix_nano": start_ns + duration_ns,
        "attributes": attributes,
        **fields,
    }


def traces(service: str, spans: list[dict[str, Any]], resource: Mapping[str, Any] | None = None) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(pairs({"service.name": service, **(resource or {})}))
    scope = group.scope_spans.add()
    scope.scope.name, scope.scope.version = "lib", "1.2"
    for fields in spans:
        scope.spans.add(**fields)
    return request.SerializeToString()


def logs(
    service: str,
    records: list[dict[str, Any]],
    resource: Mapping[str, Any] | None = None,
    scope: Mapping[str, Any] | None = None,
) -> bytes:
    """`scope`: its attributes."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(pairs({"service.name": service, **(resource or {})}))
    inner = group.scope_logs.add()
    if scope:
        inner.scope.name, inner.scope.version = "lib", "1.2"
        inner.scope.attributes.extend(pairs(scope))
    for fields in records:
        body = AnyValue.FromString(encode_value(fields.pop("body", None)))
        attributes = pairs(fields.pop("attributes", {}))
        inner.log_records.add(body=body, attributes=attributes, **fields)
    return request.SerializeToString()


def metrics(service: str, at_ns: int) -> bytes:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(pairs({"service.name": service, "host.name": "h1"}))
    scope = group.scope_metrics.add()
    gauge = scope.metrics.add(name="temperature", unit="Cel", description="how warm")
    for place, value in (("a", 20.5), ("b", float("nan"))):
        gauge.gauge.data_points.add(time_unix_nano=at_ns, as_double=value, attributes=pairs({"place": place}))
    total = scope.metrics.add(name="bytes.total", unit="By")
    total.sum.is_monotonic, total.sum.aggregation_temporality = True, 2
    point = total.sum.data_points.add(time_unix_nano=at_ns, as_int=(1 << 53) + 1)
    point.exemplars.add(time_unix_nano=at_ns, as_int=7, trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    histogram = scope.metrics.add(name="latency", unit="s").histogram
    histogram.aggregation_temporality = 2
    histogram.data_points.add(
        time_unix_nano=at_ns, count=3, sum=1.5, bucket_counts=[1, 2], explicit_bounds=[0.5], min=0.1, max=1.0
    )
    return request.SerializeToString()
