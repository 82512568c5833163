"""OTLP requests for tests."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def traces(spans: int = 1, attributes: int = 1, value: str = "v") -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(spans):
        span = scope.spans.add(name="checkout", trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
        for index in range(attributes):
            span.attributes.add(key=f"key{index}").value.string_value = value
    return request.SerializeToString()
