"""OTLP/JSON to the protobuf bytes that the engine reads. The slow path: it builds every object in Python."""

import base64
import json
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.errors import InvalidRequest
from traceo.store.base import Signal

# What the parsed objects of one JSON byte may take; receivers reserve it, and bound the body by it.
MEMORY_FACTOR = 8

MESSAGES: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
# OTLP/JSON writes these in hex, where protobuf's own JSON has base64 (OTLP 1.x, "JSON Protobuf Encoding").
HEX_FIELDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")


def json_to_protobuf(signal: Signal, body: bytes) -> bytes:
    """The serialised Export<Signal>ServiceRequest. Unknown fields are ignored. Raises InvalidRequest."""
    message = MESSAGES[signal]()
    try:
        tree = json.loads(body.decode("utf-8"), object_hook=_hex_to_base64)
        if not isinstance(tree, dict):
            raise InvalidRequest("the body is not a JSON object")
        json_format.ParseDict(tree, message, ignore_unknown_fields=True)
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"the body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not valid UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise InvalidRequest("the body is nested too deeply") from error
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidRequest(f"the body is not an OTLP {signal} request: {error}") from error
    return message.SerializeToString()


def _hex_to_base64(fields: dict[str, Any]) -> dict[str, Any]:
    for name in HEX_FIELDS:
        value = fields.get(name)
        if isinstance(value, str) and value:
            try:
                fields[name] = base64.b64encode(bytes.fromhex(value)).decode()
            except ValueError as error:
                raise InvalidRequest(f"{name} {value[:40]!r} is not hexadecimal") from error
    return fields
