"""A trace as OTLP sends it: bytes of `TracesData`, put together from rows. Attribute values are encoded already."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import groupby

from traceo.errors import NotFound
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope
from traceo.query.traces import NO_SPAN, parse_trace_id, read_spans
from traceo.store.messages import encode_varint

RESOURCES = "id, attributes, dropped_attributes, schema_url"
SCOPES = "id, name, version, attributes, dropped_attributes, schema_url"


async def read_otlp_trace(queries: Queries, tenant: str, trace_id: str) -> bytes:
    """The trace's spans by resource and scope. Raises NotFound, InvalidRequest."""
    wanted = parse_trace_id(trace_id)
    spans = await queries.over_recent(
        ["spans_recent"], lambda recent: read_spans(queries, Scope(tenant, recent=recent), wanted)
    )
    if not spans:
        raise NotFound(f"trace {trace_id} is not here")
    resources = await _read_by_id(queries, tenant, "resources", RESOURCES, {span["resource_id"] for span in spans})
    scopes = await _read_by_id(queries, tenant, "scopes", SCOPES, {span["scope_id"] for span in spans})
    spans.sort(key=lambda span: (span["resource_id"], span["scope_id"], span["start_ns"], span["span_id"]))
    made = []
    for resource_id, of_resource in groupby(spans, key=lambda span: span["resource_id"]):
        resource = resources.get(resource_id, {})
        parts = [
            _part(1, _attributes(1, resource.get("attributes", {})) + _number(2, resource.get("dropped_attributes", 0)))
        ]
        for scope_id, of_scope in groupby(of_resource, key=lambda span: span["scope_id"]):
            scope = scopes.get(scope_id, {})
            parts.append(_part(2, _scope_spans(scope, list(of_scope))))
        parts.append(_text(3, resource.get("schema_url", b"")))
        made.append(_part(1, b"".join(parts)))
    return b"".join(made)


async def _read_by_id(queries: Queries, tenant: str, table: str, columns: str, ids: set[int]) -> dict[int, Row]:
    scope = Scope(tenant)
    where = [f"id IN ({', '.join(str(int(number)) for number in sorted(ids))})"]
    return {row["id"]: row for row in await queries.rows(scope, scope.select(table, columns, where, "LIMIT 1 BY id"))}


def _scope_spans(scope: Row, spans: list[Row]) -> bytes:
    library = (
        _text(1, scope.get("name", b""))
        + _text(2, scope.get("version", b""))
        + _attributes(3, scope.get("attributes", {}))
        + _number(4, scope.get("dropped_attributes", 0))
    )
    return b"".join(
        [_part(1, library), *(_part(2, _span(span)) for span in spans), _text(3, scope.get("schema_url", b""))]
    )


def _span(row: Row) -> bytes:
    """`opentelemetry.proto.trace.v1.Span`."""
    dropped = row["dropped"] or (0, 0, 0)
    start = row["start_ns"]
    parts = [
        _part(1, row["trace_id"]),
        _part(2, row["span_id"]),
        _text(3, row["trace_state"]),
        _part(4, row["parent_span_id"]) if row["parent_span_id"] != NO_SPAN else b"",
        _text(5, row["name"]),
        _number(6, row["kind"]),
        _fixed64(7, start),
        _fixed64(8, start + row["duration_ns"]),
        _attributes(9, row["attributes"]),
        _number(10, dropped[0]),
    ]
    if row.get("events.name"):
        columns = (row[f"events.{name}"] for name in ("time_ns", "name", "attributes", "dropped_attributes"))
        for time_ns, name, attributes, lost in zip(*columns, strict=True):
            event = _fixed64(1, time_ns) + _text(2, name) + _attributes(3, attributes) + _number(4, lost)
            parts.append(_part(11, event))
    parts.append(_number(12, dropped[1]))
    if row.get("links.trace_id"):
        names = ("trace_id", "span_id", "trace_state", "attributes", "dropped_attributes")
        for trace_id, span_id, state, attributes, lost in zip(*(row[f"links.{name}"] for name in names), strict=True):
            ids = _part(1, trace_id) + _part(2, span_id) + _text(3, state)
            parts.append(_part(13, ids + _attributes(4, attributes) + _number(5, lost)))
    parts.append(_number(14, dropped[2]))
    parts.append(_part(15, _text(2, row["status_message"]) + _number(3, row["status_code"])))
    if row["flags"]:
        parts.append(b"\x85\x01" + struct.pack("<I", row["flags"]))
    return b"".join(parts)


def _part(number: int, content: bytes) -> bytes:
    """A field with its length."""
    return encode_varint(number << 3 | 2) + encode_varint(len(content)) + content


def _text(number: int, content: bytes) -> bytes:
    return _part(number, content) if content else b""


def _number(number: int, value: int) -> bytes:
    return encode_varint(number << 3) + encode_varint(value) if value else b""


def _fixed64(number: int, value: int) -> bytes:
    return encode_varint(number << 3 | 1) + struct.pack("<Q", value & (1 << 64) - 1)


def _attributes(number: int, attributes: Mapping[bytes, bytes]) -> bytes:
    """`KeyValue`s: written out, because they are most of a trace."""
    tag, size, parts = encode_varint(number << 3 | 2), encode_varint, []
    for key, value in attributes.items():
        pair = b"\x0a" + size(len(key)) + key + b"\x12" + size(len(value)) + value
        parts.append(tag + size(len(pair)) + pair)
    return b"".join(parts)
