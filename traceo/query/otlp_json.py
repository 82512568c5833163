"""A trace in OTLP's JSON, by proto3's mapping: bytes in base64, 64-bit integers as text, no fields of defaults."""

import asyncio
from base64 import b64encode
from collections.abc import Iterable, Mapping
from itertools import pairwise
from operator import add
from typing import Any

import orjson
import pyarrow as pa
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from traceo.query.otlp_trace import UINT64_MAX, StoredTrace, read_stored_trace
from traceo.query.run import Queries, Row, to_columns
from traceo.query.traces import EVENT_FIELDS, LINK_FIELDS, NO_SPAN, parse_trace_id, show_each
from traceo.store.attributes import decode_each, decode_text, decode_value

KINDS: dict[int, str | int] = {number: name for name, number in Span.SpanKind.items() if number}
CODES: dict[int, str | int] = {number: name for name, number in Status.StatusCode.items() if number}


async def read_otlp_json(queries: Queries, tenant: str, trace_id: str) -> orjson.Fragment:
    """The list of `ResourceSpans`, by resource and scope. Raises NotFound, InvalidRequest."""
    wanted = parse_trace_id(trace_id)
    trace = await read_stored_trace(queries, tenant, wanted, "attributes")
    return orjson.Fragment(await asyncio.to_thread(_write_trace, wanted, trace))


def _write_trace(trace_id: bytes, trace: StoredTrace) -> bytes:
    made = []
    for resource, scopes in trace.group(_show_spans(trace_id, trace.spans, trace.nested)):
        about = _fields(
            attributes=_key_values(resource.get("attributes", {})),
            droppedAttributesCount=resource.get("dropped_attributes"),
        )
        of_scopes = [
            {
                "scope": _show_scope(scope),
                "spans": spans,
                **_fields(schemaUrl=decode_text(scope.get("schema_url", b""))),
            }
            for scope, spans in scopes
        ]
        schema = _fields(schemaUrl=decode_text(resource.get("schema_url", b"")))
        made.append({"resource": about, "scopeSpans": of_scopes, **schema})
    return orjson.dumps(made)


def _show_scope(scope: Row) -> Row:
    return _fields(
        name=decode_text(scope.get("name", b"")),
        version=decode_text(scope.get("version", b"")),
        attributes=_key_values(scope.get("attributes", {})),
        droppedAttributesCount=scope.get("dropped_attributes"),
    )


def _show_spans(trace_id: bytes, table: pa.Table, nested: list[Row]) -> list[Row]:
    columns = to_columns(table.drop_columns("attributes"))
    times = zip(columns["start_ns"], columns["duration_ns"], strict=True)
    statuses = list(zip(columns["status_message"], columns["status_code"], strict=True))
    shown: dict[str, list[Any]] = {
        "traceId": [_show_bytes(trace_id)] * len(nested),
        "spanId": [_show_bytes(raw) for raw in columns["span_id"]],
        "traceState": show_each(columns["trace_state"], decode_text),
        "parentSpanId": ["" if raw == NO_SPAN else _show_bytes(raw) for raw in columns["parent_span_id"]],
        "name": show_each(columns["name"], decode_text),
        "kind": show_each(columns["kind"], lambda number: KINDS.get(number, number)),
        "startTimeUnixNano": [_show_number(start) for start in columns["start_ns"]],
        "endTimeUnixNano": [_show_number(start + duration) for start, duration in times],
        "attributes": _key_values_of(table["attributes"]),
        "droppedAttributesCount": columns["dropped_attributes"],
        "events": [_show_events(row) for row in nested],
        "droppedEventsCount": columns["dropped_events"],
        "links": [_show_links(row) for row in nested],
        "droppedLinksCount": columns["dropped_links"],
        "status": show_each(statuses, _show_status),
        "flags": columns["flags"],
    }
    return [
        {name: value for name, value in zip(shown, values, strict=True) if value}
        for values in zip(*shown.values(), strict=True)
    ]


def _show_status(status: tuple[bytes, int]) -> orjson.Fragment:
    """Also where nothing is in it: it is there."""
    message, code = status
    shown = _fields(message=decode_text(message), code=CODES.get(code, code))
    return orjson.Fragment(orjson.dumps(shown))


def _show_events(row: Row) -> list[Row] | None:
    if not row.get("events.name"):
        return None
    return [
        _fields(
            timeUnixNano=_show_number(time_ns),
            name=decode_text(name),
            attributes=_key_values(attributes),
            droppedAttributesCount=lost,
        )
        for time_ns, name, attributes, lost in zip(*(row[f"events.{name}"] for name in EVENT_FIELDS), strict=True)
    ]


def _show_links(row: Row) -> list[Row] | None:
    if not row.get("links.trace_id"):
        return None
    return [
        _fields(
            traceId=_show_bytes(trace_id),
            spanId=_show_bytes(span_id),
            traceState=decode_text(state),
            attributes=_key_values(attributes),
            droppedAttributesCount=lost,
            flags=flags,
        )
        for trace_id, span_id, state, attributes, lost, flags in zip(
            *(row[f"links.{name}"] for name in LINK_FIELDS), strict=True
        )
    ]


def _fields(**values: Any) -> Row:
    return {name: value for name, value in values.items() if value}


def _show_bytes(raw: bytes) -> str:
    return b64encode(raw).decode()


def _show_number(number: int) -> str:
    return str(number & UINT64_MAX) if number else ""


def _key_values_of(column: pa.ChunkedArray) -> list[orjson.Fragment | None]:
    """As `_key_values` of each row; each distinct key and value is written once."""
    made: list[orjson.Fragment | None] = []
    for chunk in column.chunks:
        keys, values = decode_each(chunk.keys, _write_key), decode_each(chunk.items, _write_value)
        made += [_write_list(keys[a:b], values[a:b]) for a, b in pairwise(chunk.offsets.to_pylist())]
    return made


def _key_values(attributes: Mapping[bytes, bytes]) -> orjson.Fragment | None:
    return _write_list(map(_write_key, attributes), map(_write_value, attributes.values()))


def _write_list(keys: Iterable[bytes], values: Iterable[bytes]) -> orjson.Fragment | None:
    pairs = b",".join(map(add, keys, values))
    return orjson.Fragment(b"[" + pairs + b"]") if pairs else None


def _write_key(raw: bytes) -> bytes:
    return b'{"key":' + orjson.dumps(decode_text(raw)) + b',"value":' if raw else b'{"value":'


def _write_value(raw: bytes) -> bytes:
    return orjson.dumps(_show_any_value(raw)) + b"}"


def _show_any_value(raw: bytes) -> Row:
    """Bytes that are no `AnyValue` are shown like a bytes value."""
    match decode_value(raw):
        case bool() as value:
            return {"boolValue": value}
        case int() as value:
            return {"intValue": str(value)}
        case float() as value:
            return {"doubleValue": value}
        case str() as value:
            return {"stringValue": value}
    try:
        return MessageToDict(AnyValue.FromString(raw))
    except DecodeError:
        return {"bytesValue": _show_bytes(raw)}
