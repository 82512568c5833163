"""OTLP requests for the cluster tests."""

import os
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, NumberDataPoint

from traceo.store.base import Request

SECOND_NS = 10**9
START_NS = 1_790_000_040 * SECOND_NS  # a whole minute


def trace_request(tenant: str, traces: int, spans_per_trace: int = 1, *, bad_ids: int = 0) -> Request:
    """Spans of one operation in one minute, 1 ms each; `bad_ids` more have a trace id of three bytes."""
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    _name_service(resource)
    spans = resource.scope_spans.add().spans
    for trace_id in [os.urandom(16) for _ in range(traces)]:
        for _ in range(spans_per_trace):
            _add_span(spans, trace_id)
    for _ in range(bad_ids):
        _add_span(spans, b"bad")
    return Request(tenant, message.SerializeToString())


def metrics_request(tenant: str, series: int, *, resources: int = 1) -> Request:
    """Of each resource one point each for `series` gauges, as many sums and as many histograms."""
    message = ExportMetricsServiceRequest()
    for number in range(resources):
        resource = message.resource_metrics.add()
        _name_service(resource)
        resource.resource.attributes.append(_attribute("pod", str(number)))
        _add_metrics(resource.scope_metrics.add().metrics, series)
    return Request(tenant, message.SerializeToString())


def logs_request(tenant: str, records: int) -> Request:
    """Lines with a trace id of their own."""
    message = ExportLogsServiceRequest()
    resource = message.resource_logs.add()
    _name_service(resource)
    lines = resource.scope_logs.add().log_records
    for number in range(records):
        body = AnyValue(string_value=f"line {number}")
        lines.add(time_unix_nano=START_NS, body=body, severity_number=9, trace_id=os.urandom(16))
    return Request(tenant, message.SerializeToString())


def _add_metrics(metrics: Any, series: int) -> None:
    gauge, total, duration = (metrics.add(name=name) for name in ("queue", "jobs", "took"))
    for number in range(series):
        labels = [_attribute("number", str(number))]
        gauge.gauge.data_points.append(NumberDataPoint(time_unix_nano=START_NS, as_double=0.5, attributes=labels))
        total.sum.data_points.append(NumberDataPoint(time_unix_nano=START_NS, as_int=number, attributes=labels))
        duration.histogram.data_points.append(
            HistogramDataPoint(
                time_unix_nano=START_NS, count=1, sum=1, bucket_counts=[1, 0], explicit_bounds=[5], attributes=labels
            )
        )


def _add_span(spans: Any, trace_id: bytes) -> None:
    spans.add(
        trace_id=trace_id,
        span_id=os.urandom(8),
        name="GET /cart",
        kind=2,
        start_time_unix_nano=START_NS,
        end_time_unix_nano=START_NS + SECOND_NS // 1000,
    )


def _name_service(resource: Any) -> None:
    resource.resource.attributes.append(_attribute("service.name", "shop"))


def _attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))
