"""A trace as OTLP sends it: bytes of `TracesData`, put together from rows. Attribute values are encoded already."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Mapping
from itertools import groupby

from traceo.errors import NotFound
from traceo.query.run import Queries, Row, to_columns
from traceo.query.sql import Scope
from traceo.query.traces import (
    DROPPED,
    HAS,
    IDENTITY,
    NO_SPAN,
    RESOURCE_COLUMNS,
    SCOPE_COLUMNS,
    Columns,
    identify,
    parse_trace_id,
    read_by_id,
    read_spans,
    show_each,
)
from traceo.store.messages import encode_varint

UINT64_MAX = (1 << 64) - 1
# Fields of a length that is always the same, by their tags.
SPAN_ID, PARENT_ID = b"\x12\x08", b"\x22\x08"
START, END, TIMES = 7 << 3 | 1, 8 << 3 | 1, struct.Struct("<BQBQ")


def varint_of(x: str) -> str:
    """SQL: a number below 2^28 as `encode_varint` writes it."""
    groups = [x, *(f"bitShiftRight({x}, {shift})" for shift in (7, 14, 21))]
    one, two, three, four = (
        f"char({', '.join([*(f'bitOr({group}, 128)' for group in groups[:last]), groups[last]])})" for last in range(4)
    )
    return f"multiIf({x} < 128, {one}, {x} < 16384, {two}, {x} < 2097152, {three}, {four})"


# `KeyValue`s are most of a trace: the engine puts them together.
KEY_VALUE = rf"concat('\n', {varint_of('length(k)')}, k, '\x12', {varint_of('length(v)')}, v)"
KEY_VALUES = f"arrayMap((k, v) -> {KEY_VALUE}, mapKeys(attributes), mapValues(attributes))"
SPAN_COLUMNS = f"""
{IDENTITY}, {HAS}, parent_span_id, trace_state, name, kind, duration_ns, status_code, status_message, flags,
resource_id, scope_id, {DROPPED},
arrayStringConcat(arrayMap(pair -> concat('J', {varint_of("length(pair)")}, pair), {KEY_VALUES})) AS pairs
"""


async def read_otlp_trace(queries: Queries, tenant: str, trace_id: str) -> bytes:
    """The trace's spans by resource and scope. Raises NotFound, InvalidRequest."""
    wanted = parse_trace_id(trace_id)
    table, nested = await queries.over_recent(
        ["spans_recent"], lambda recent: read_spans(queries, Scope(tenant, recent=recent), wanted, SPAN_COLUMNS)
    )
    if not table.num_rows:
        raise NotFound(f"trace {trace_id} is not here")
    spans = to_columns(table)
    resources, scopes = await asyncio.gather(
        read_by_id(queries, tenant, "resources", RESOURCE_COLUMNS, set(spans["resource_id"]), _as_stored),
        read_by_id(queries, tenant, "scopes", SCOPE_COLUMNS, set(spans["scope_id"]), _as_stored),
    )
    places = list(zip(spans["resource_id"], spans["scope_id"], identify(spans), strict=True))
    encoded = _encode_spans(wanted, spans, nested)
    order = sorted(range(len(places)), key=places.__getitem__)
    made = []
    for resource_id, of_resource in groupby(order, key=lambda row: places[row][0]):
        resource = resources.get(str(resource_id), {})
        parts = [
            _part(1, _attributes(1, resource.get("attributes", {})) + _number(2, resource.get("dropped_attributes", 0)))
        ]
        for scope_id, of_scope in groupby(of_resource, key=lambda row: places[row][1]):
            parts.append(_part(2, _scope_spans(scopes.get(str(scope_id), {}), [encoded[row] for row in of_scope])))
        parts.append(_text(3, resource.get("schema_url", b"")))
        made.append(_part(1, b"".join(parts)))
    return b"".join(made)


def _scope_spans(scope: Row, spans: list[bytes]) -> bytes:
    library = (
        _text(1, scope.get("name", b""))
        + _text(2, scope.get("version", b""))
        + _attributes(3, scope.get("attributes", {}))
        + _number(4, scope.get("dropped_attributes", 0))
    )
    return b"".join([_part(1, library), *(_part(2, span) for span in spans), _text(3, scope.get("schema_url", b""))])


def _encode_spans(trace_id: bytes, columns: Columns, nested: list[Row]) -> list[bytes]:
    """`opentelemetry.proto.trace.v1.Span`s, of pieces: equal ones are encoded once."""
    times = zip(columns["start_ns"], columns["duration_ns"], strict=True)
    statuses = list(zip(columns["status_message"], columns["status_code"], strict=True))
    pieces: tuple[Iterable[bytes], ...] = (
        [_part(1, trace_id) + SPAN_ID] * len(nested),
        columns["span_id"],
        show_each(columns["trace_state"], lambda text: _text(3, text)),
        [b"" if raw == NO_SPAN else PARENT_ID + raw for raw in columns["parent_span_id"]],
        show_each(columns["name"], lambda text: _text(5, text)),
        show_each(columns["kind"], lambda number: _number(6, number)),
        [TIMES.pack(START, start & UINT64_MAX, END, start + duration & UINT64_MAX) for start, duration in times],
        columns["pairs"],
        show_each(columns["dropped_attributes"], lambda count: _number(10, count)),
        [_encode_nested(row) if row else b"" for row in nested],
        show_each(columns["dropped_events"], lambda count: _number(12, count)),
        show_each(columns["dropped_links"], lambda count: _number(14, count)),
        show_each(statuses, lambda status: _part(15, _text(2, status[0]) + _number(3, status[1]))),
        show_each(columns["flags"], lambda flags: b"\x85\x01" + struct.pack("<I", flags) if flags else b""),
    )
    return list(map(b"".join, zip(*pieces, strict=True)))


def _as_stored(row: Row) -> Row:
    return row


def _encode_nested(row: Row) -> bytes:
    """Events and links."""
    parts = []
    if row.get("events.name"):
        columns = (row[f"events.{name}"] for name in ("time_ns", "name", "attributes", "dropped_attributes"))
        for time_ns, name, attributes, lost in zip(*columns, strict=True):
            event = _fixed64(1, time_ns) + _text(2, name) + _attributes(3, attributes) + _number(4, lost)
            parts.append(_part(11, event))
    if row.get("links.trace_id"):
        names = ("trace_id", "span_id", "trace_state", "attributes", "dropped_attributes")
        for trace_id, span_id, state, attributes, lost in zip(*(row[f"links.{name}"] for name in names), strict=True):
            ids = _part(1, trace_id) + _part(2, span_id) + _text(3, state)
            parts.append(_part(13, ids + _attributes(4, attributes) + _number(5, lost)))
    return b"".join(parts)


def _part(number: int, content: bytes) -> bytes:
    """A field with its length."""
    return encode_varint(number << 3 | 2) + encode_varint(len(content)) + content


def _text(number: int, content: bytes) -> bytes:
    return _part(number, content) if content else b""


def _number(number: int, value: int) -> bytes:
    return encode_varint(number << 3) + encode_varint(value & UINT64_MAX) if value else b""


def _fixed64(number: int, value: int) -> bytes:
    return encode_varint(number << 3 | 1) + struct.pack("<Q", value & UINT64_MAX)


def _attributes(number: int, attributes: Mapping[bytes, bytes]) -> bytes:
    """`KeyValue`s: written out, because they are most of a trace."""
    tag, size, parts = encode_varint(number << 3 | 2), encode_varint, []
    for key, value in attributes.items():
        pair = b"\x0a" + size(len(key)) + key + b"\x12" + size(len(value)) + value
        parts.append(tag + size(len(pair)) + pair)
    return b"".join(parts)
