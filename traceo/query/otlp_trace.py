"""A trace as OTLP sends it: bytes of `TracesData`, put together from rows. Attribute values are encoded already."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import pyarrow as pa

from traceo.errors import NotFound
from traceo.query.run import Queries, Row, to_columns
from traceo.query.sql import Scope
from traceo.query.traces import (
    DROPPED,
    EVENT_FIELDS,
    HAS,
    IDENTITY,
    LINK_FIELDS,
    NO_SPAN,
    RESOURCE_COLUMNS,
    SCOPE_COLUMNS,
    Columns,
    distinct,
    parse_trace_id,
    read_by_id,
    read_spans,
    show_each,
)
from traceo.store.messages import encode_varint

Encoded = TypeVar("Encoded")
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
ENCODED = f"arrayStringConcat(arrayMap(pair -> concat('J', {varint_of('length(pair)')}, pair), {KEY_VALUES})) AS pairs"
SPAN_COLUMNS = f"""
{IDENTITY}, {HAS}, parent_span_id, trace_state, name, kind, duration_ns, status_code, status_message, flags,
resource_id, scope_id, {DROPPED}
"""


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A trace as it lies in the tables: columns of its spans, each one's events and links, resources and scopes."""

    spans: pa.Table
    nested: list[Row]
    resources: dict[str, Row]
    scopes: dict[str, Row]

    def group(self, spans: Sequence[Encoded]) -> Iterator[tuple[Row, list[tuple[Row, list[Encoded]]]]]:
        """Spans, encoded in the order of the columns, by resource and scope, in order of start."""
        columns = to_columns(self.spans.select(["resource_id", "scope_id", "start_ns", "span_id"]))
        places = list(zip(*columns.values(), strict=True))
        order = sorted(range(len(places)), key=places.__getitem__)
        for resource_id, of_resource in groupby(order, key=lambda row: places[row][0]):
            by_scope = groupby(of_resource, key=lambda row: places[row][1])
            yield (
                self.resources.get(str(resource_id), {}),
                [(self.scopes.get(str(scope_id), {}), [spans[row] for row in rows]) for scope_id, rows in by_scope],
            )


async def read_stored_trace(queries: Queries, tenant: str, trace_id: bytes, attributes: str) -> StoredTrace:
    """`attributes`: the column that is read of them. Raises NotFound."""
    columns = f"{SPAN_COLUMNS}, {attributes}"
    spans, nested = await queries.over_recent(
        ["spans_recent"], lambda recent: read_spans(queries, Scope(tenant, recent=recent), trace_id, columns)
    )
    if not spans.num_rows:
        raise NotFound(f"trace {trace_id.hex()} is not here")
    resources, scopes = await asyncio.gather(
        *(
            read_by_id(queries, tenant, table, columns, distinct(spans, name), _as_stored)
            for table, columns, name in (
                ("resources", RESOURCE_COLUMNS, "resource_id"),
                ("scopes", SCOPE_COLUMNS, "scope_id"),
            )
        )
    )
    return StoredTrace(spans, nested, resources, scopes)


async def read_otlp_trace(queries: Queries, tenant: str, trace_id: str) -> bytes:
    """`TracesData` of the trace's spans by resource and scope. Raises NotFound, InvalidRequest."""
    wanted = parse_trace_id(trace_id)
    trace = await read_stored_trace(queries, tenant, wanted, ENCODED)
    return await asyncio.to_thread(_encode_trace, wanted, trace)


def _encode_trace(trace_id: bytes, trace: StoredTrace) -> bytes:
    made = []
    for resource, scopes in trace.group(_encode_spans(trace_id, to_columns(trace.spans), trace.nested)):
        about = _attributes(1, resource.get("attributes", {})) + _number(2, resource.get("dropped_attributes", 0))
        parts = [_part(2, _scope_spans(scope, spans)) for scope, spans in scopes]
        made.append(_part(1, b"".join([_part(1, about), *parts, _text(3, resource.get("schema_url", b""))])))
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
        show_each(columns["flags"], lambda flags: _fixed32(16, flags)),
    )
    return list(map(b"".join, zip(*pieces, strict=True)))


def _as_stored(row: Row) -> Row:
    return row


def _encode_nested(row: Row) -> bytes:
    """Events and links."""
    parts = []
    if row.get("events.name"):
        for time_ns, name, attributes, lost in zip(*(row[f"events.{name}"] for name in EVENT_FIELDS), strict=True):
            event = _fixed64(1, time_ns) + _text(2, name) + _attributes(3, attributes) + _number(4, lost)
            parts.append(_part(11, event))
    if row.get("links.trace_id"):
        for trace_id, span_id, state, attributes, lost, flags in zip(
            *(row[f"links.{name}"] for name in LINK_FIELDS), strict=True
        ):
            ids = _part(1, trace_id) + _part(2, span_id) + _text(3, state)
            parts.append(_part(13, ids + _attributes(4, attributes) + _number(5, lost) + _fixed32(6, flags)))
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


def _fixed32(number: int, value: int) -> bytes:
    return encode_varint(number << 3 | 5) + struct.pack("<I", value) if value else b""


def _attributes(number: int, attributes: Mapping[bytes, bytes]) -> bytes:
    """`KeyValue`s: written out, because they are most of a trace."""
    tag, size, parts = encode_varint(number << 3 | 2), encode_varint, []
    for key, value in attributes.items():
        pair = b"\x0a" + size(len(key)) + key + b"\x12" + size(len(value)) + value
        parts.append(tag + size(len(pair)) + pair)
    return b"".join(parts)
