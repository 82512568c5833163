"""A trace in Jaeger's JSON, by OpenTelemetry's rules for Jaeger (specification, "OpenTelemetry to Jaeger")."""

from operator import itemgetter
from typing import Any

import orjson

from traceo.query.run import Row
from traceo.query.traces import show_each

Tag = dict[str, Any]
TYPES: dict[type, str] = {bool: "bool", int: "int64", float: "float64", str: "string"}
OF_SPAN = itemgetter("kind", "status", "status_message", "trace_state", "scope_id")


def show_trace(trace: Row) -> dict[str, Any]:
    """Spans with a process for each resource, for orjson: a span is written at once, its many objects are not kept."""
    names = {resource_id: f"p{number}" for number, resource_id in enumerate(trace["resources"], 1)}
    services = {span["resource_id"]: span["service"] for span in trace["spans"]}
    derived = show_each(list(map(OF_SPAN, trace["spans"])), lambda told: _derived(trace["scopes"], *told))
    return {
        "traceID": trace["trace_id"],
        "spans": [
            orjson.Fragment(orjson.dumps(_span(trace, *each, names)))
            for each in zip(trace["spans"], derived, strict=True)
        ],
        "processes": {
            name: {
                "serviceName": services.get(resource_id, ""),
                "tags": _tags(trace["resources"][resource_id]["attributes"], without="service.name"),
            }
            for resource_id, name in names.items()
        },
        "warnings": None,
    }


def _span(trace: Row, span: Row, derived: list[Tag], names: dict[str, str]) -> dict[str, Any]:
    references = [_reference("CHILD_OF", trace["trace_id"], span["parent_span_id"])] if span["parent_span_id"] else []
    references += [_reference("FOLLOWS_FROM", link["trace_id"], link["span_id"]) for link in span["links"]]
    return {
        "traceID": trace["trace_id"],
        "spanID": span["span_id"],
        "operationName": span["name"],
        "references": references,
        "startTime": span["start_time_ns"] // 1000,
        "duration": max(0, span["duration_ns"]) // 1000,
        "tags": _tags(span["attributes"]) + derived,
        "logs": [
            {
                "timestamp": event["time_ns"] // 1000,
                "fields": [*([_tag("event", event["name"])] if event["name"] else []), *_tags(event["attributes"])],
            }
            for event in span["events"]
        ],
        "processID": names.get(span["resource_id"], ""),
        "warnings": None,
        "flags": 1,
    }


def _reference(kind: str, trace_id: str, span_id: str) -> dict[str, str]:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


def _derived(scopes: dict[str, Row], kind: str, status: str, message: str, state: str, scope_id: str) -> list[Tag]:
    scope = scopes.get(scope_id, {})
    tags = {
        "span.kind": kind if kind not in ("internal", "unspecified") else "",
        "otel.status_code": status.upper() if status != "unset" else "",
        "otel.status_description": message,
        "w3c.tracestate": state,
        "otel.scope.name": scope.get("name", ""),
        "otel.scope.version": scope.get("version", ""),
    }
    made = [_tag(name, value) for name, value in tags.items() if value]
    return [*made, _tag("error", True)] if status == "error" else made


def _tags(attributes: dict[str, Any], without: str = "") -> list[Tag]:
    return [_tag(name, value) for name, value in attributes.items() if name != without]


def _tag(name: str, value: Any) -> Tag:
    kind = TYPES.get(type(value))
    if kind is None:
        return {"key": name, "type": "string", "value": orjson.dumps(value).decode()}
    return {"key": name, "type": kind, "value": value}
