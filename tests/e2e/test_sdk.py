"""The OpenTelemetry SDK, as an application uses it, over both of OTLP's transports."""

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from tests.e2e.server import RunningServer

ALL_TIME = {"start": "1971-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}
RESOURCE = Resource({"service.name": "cart", "service.version": "1.2"}, "https://opentelemetry.io/schemas/1.37.0")
VALUES: dict[str, Any] = {"text": "", "zero": 0, "false": False, "large": (1 << 63) - 1, "many": ("a", "b"), "d": 0.5}


def make_exporter(server: RunningServer, transport: str, tenant: str) -> SpanExporter:
    if transport == "grpc":
        return GrpcSpanExporter(endpoint=server.grpc_address, insecure=True, headers=(("x-scope-orgid", tenant),))
    return HttpSpanExporter(endpoint=f"{server.otlp_url}/v1/traces", headers={"x-scope-orgid": tenant})


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_spans_of_the_sdk_come_back(server: RunningServer, tenant: str, transport: str) -> None:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(make_exporter(server, transport, tenant)))
    tracer = provider.get_tracer("lib", "2.0", "https://opentelemetry.io/schemas/1.21.0", {"scope": True})
    with tracer.start_as_current_span("parent", kind=trace.SpanKind.SERVER, attributes=VALUES) as parent:
        link = trace.Link(parent.get_span_context(), {"why": "test"})
        with pytest.raises(RuntimeError), tracer.start_as_current_span("child", links=[link]) as child:
            child.add_event("retry", {"attempt": 2})
            raise RuntimeError("out of stock")
    provider.shutdown()
    server.settle()
    context = parent.get_span_context()
    found = server.get(f"traces/{context.trace_id:032x}", tenant)
    outer, inner = found["spans"]
    assert (outer["span_id"], outer["name"], outer["kind"]) == (f"{context.span_id:016x}", "parent", "server")
    assert outer["attributes"] == {**VALUES, "many": ["a", "b"]}
    assert (inner["parent_span_id"], inner["status"]) == (outer["span_id"], "error")
    assert inner["status_message"] == "RuntimeError: out of stock"
    assert [event["name"] for event in inner["events"]] == ["retry", "exception"]
    assert inner["events"][0]["attributes"] == {"attempt": 2}
    assert [(link["span_id"], link["attributes"]) for link in inner["links"]] == [(outer["span_id"], {"why": "test"})]
    (resource,), (scope,) = found["resources"].values(), found["scopes"].values()
    assert resource["attributes"] == {"service.name": "cart", "service.version": "1.2"}
    assert resource["schema_url"] == RESOURCE.schema_url
    assert (scope["name"], scope["version"], scope["attributes"]) == ("lib", "2.0", {"scope": True})


def test_metrics_of_the_sdk_come_back(server: RunningServer, tenant: str) -> None:
    exporter = OTLPMetricExporter(endpoint=f"{server.otlp_url}/v1/metrics", headers={"x-scope-orgid": tenant})
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)], resource=RESOURCE
    )
    meter = provider.get_meter("lib")
    meter.create_counter("jobs", "1").add(3, {"queue": "a"})
    meter.create_histogram("took", "s", explicit_bucket_boundaries_advisory=[1, 2]).record(1.5)
    assert provider.force_flush()
    provider.shutdown()
    server.settle()
    (jobs,) = server.get("metrics/points", tenant, name="jobs", **ALL_TIME)["series"]
    assert (jobs["type"], jobs["monotonic"], jobs["temporality"]) == ("sum", True, "cumulative")
    assert (jobs["attributes"], jobs["points"][0]["value"]) == ({"queue": "a"}, 3)
    (took,) = server.get("metrics/points", tenant, name="took", **ALL_TIME)["series"]
    point = took["points"][0]
    assert (point["bounds"], point["counts"], point["sum"], point["max"]) == ([1.0, 2.0], [0, 1, 0], 1.5, 1.5)
