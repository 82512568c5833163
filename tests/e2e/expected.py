"""What the API must answer for an OTLP message: written from the protocol, independent of how Traceo stores it."""

import base64
import json
import math
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar
from opentelemetry.proto.trace.v1.trace_pb2 import Span

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
UNSET = AnyValue()


def any_value(value: Any) -> AnyValue:
    """A Python value as OTLP has it; None is a value that is not set."""
    if value is None:
        return AnyValue()
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    names = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}
    return AnyValue(**{names[type(value)]: value})


def key_values(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def shown_value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "bytes_value":
        return {"$bytes": base64.b64encode(found).decode()}
    if kind == "double_value":
        return shown_double(found)
    if kind == "array_value":
        return [shown_value(item) for item in found.values]
    return shown_map(found.values) if kind == "kvlist_value" else found


def shown_double(value: float) -> Any:
    if math.isfinite(value):
        return value
    return {"$double": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def shown_map(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: shown_value(pair.value) for pair in pairs}


def shown_span(span: Span) -> dict[str, Any]:
    """A span of GET /api/v1/traces/{id}, without what belongs to its resource and its scope."""
    return {
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "name": span.name,
        "kind": KINDS[span.kind],
        "start_time_ns": span.start_time_unix_nano,
        "duration_ns": span.end_time_unix_nano - span.start_time_unix_nano,
        "status": STATUSES[span.status.code],
        "status_message": span.status.message,
        "trace_state": span.trace_state,
        "flags": span.flags,
        "attributes": shown_map(span.attributes),
        "events": [
            {
                "time_ns": event.time_unix_nano,
                "name": event.name,
                "attributes": shown_map(event.attributes),
                "dropped_attributes": event.dropped_attributes_count,
            }
            for event in span.events
        ],
        "links": [
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "trace_state": link.trace_state,
                "attributes": shown_map(link.attributes),
                "dropped_attributes": link.dropped_attributes_count,
                "flags": link.flags,
            }
            for link in span.links
        ],
        "dropped_attributes": span.dropped_attributes_count,
        "dropped_events": span.dropped_events_count,
        "dropped_links": span.dropped_links_count,
    }


def shown_record(record: LogRecord) -> dict[str, Any]:
    """A record of GET /api/v1/logs, without its service and resource. Its time MUST be set."""
    return {
        "time_ns": record.time_unix_nano,
        "observed_time_ns": record.observed_time_unix_nano or None,
        "severity": record.severity_number,
        "severity_text": record.severity_text,
        "event_name": record.event_name,
        "body": shown_value(record.body),
        "trace_id": record.trace_id.hex() or None,
        "span_id": record.span_id.hex() or None,
        "flags": record.flags,
        "attributes": shown_map(record.attributes),
        "dropped_attributes": record.dropped_attributes_count,
    }


def shown_exemplar(exemplar: Exemplar) -> dict[str, Any]:
    value = exemplar.as_int if exemplar.WhichOneof("value") == "as_int" else shown_double(exemplar.as_double)
    return {
        "time_ns": exemplar.time_unix_nano,
        "value": value,
        "trace_id": exemplar.trace_id.hex(),
        "span_id": exemplar.span_id.hex(),
        "attributes": shown_map(exemplar.filtered_attributes),
    }


def exact(value: Any) -> Any:
    """For comparisons in which 1, 1.0 and True differ, and 0.0 and -0.0: the JSON text of every leaf."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else json.dumps(value)
