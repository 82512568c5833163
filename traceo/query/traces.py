"""One trace with everything in it, and the search for traces."""

import asyncio
import re
from typing import Any

from traceo.errors import InvalidRequest, NotFound
from traceo.query.run import Queries, Row
from traceo.query.services import KINDS, STATUSES
from traceo.query.sql import Scope, adjusted_count
from traceo.store.attributes import decode_map, decode_text

SPAN_COLUMNS = """
trace_id, span_id, parent_span_id, trace_state, flags, service, name, kind,
toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns, status_code, status_message, resource_id, scope_id,
attributes, dropped, kept_by, threshold, notEmpty(`events.name`) AS has_events, notEmpty(`links.trace_id`) AS has_links
"""
# What few spans have lies in half of all files of a part: they are opened for those traces only that have any of it.
IDENTITY = "span_id, toUnixTimestamp64Nano(start_time) AS start_ns"
EVENT_FIELDS = ("time_ns", "name", "attributes", "dropped_attributes")
LINK_FIELDS = ("trace_id", "span_id", "trace_state", "attributes", "dropped_attributes", "flags")
NESTED = {"events": EVENT_FIELDS, "links": LINK_FIELDS}
RESOURCE_COLUMNS = "id, attributes, dropped_attributes, schema_url"
SCOPE_COLUMNS = "id, name, version, attributes, dropped_attributes, schema_url"
NO_SPAN = bytes(8)
TRACE_ID, SPAN_ID = re.compile("[0-9a-fA-F]{1,32}"), re.compile("[0-9a-fA-F]{1,16}")
KNOWN_ROWS = 5000  # of `read_by_id`: a few kilobytes each


async def read_trace(queries: Queries, tenant: str, trace_id: str) -> Row:
    """A trace: its spans in order of start, its resources and scopes by id. Raises NotFound.

    `kept_by` is the policy that kept it ("": not judged), `adjusted_count` how many traces of its kind it stands
    for (0: it was dropped, and had back on demand).
    """
    wanted = parse_trace_id(trace_id)
    spans = await queries.over_recent(
        ["spans_recent"], lambda recent: read_spans(queries, Scope(tenant, recent=recent), wanted)
    )
    if not spans:
        raise NotFound(f"trace {trace_id} is not here: it never arrived, was not kept, or is past its retention")
    resources, scopes = await asyncio.gather(
        read_by_id(queries, tenant, "resources", RESOURCE_COLUMNS, {span["resource_id"] for span in spans}),
        read_by_id(queries, tenant, "scopes", SCOPE_COLUMNS, {span["scope_id"] for span in spans}),
    )
    return {
        "trace_id": wanted.hex(),
        "kept_by": max(decode_text(span["kept_by"]) for span in spans),
        "adjusted_count": adjusted_count(min(span["threshold"] for span in spans)),
        "spans": [show_span(span) for span in spans],
        "resources": resources,
        "scopes": scopes,
    }


async def read_spans(queries: Queries, scope: Scope, trace_id: bytes) -> list[Row]:
    """A trace's spans as rows, in order of start, with their events and links where there are any."""
    where = [f"trace_id = {scope.bind(trace_id)}"]
    spans = await queries.rows(scope, scope.select_spans(SPAN_COLUMNS, where))
    spans.sort(key=_identity)
    there = [kind for kind in NESTED if any(span[f"has_{kind}"] for span in spans)]
    if there:
        columns = [IDENTITY, *(f"`{kind}.{field}`" for kind in there for field in NESTED[kind])]
        nested: dict[tuple[int, bytes], list[Row]] = {}
        for row in await queries.rows(scope, scope.select_spans(", ".join(columns), where)):
            nested.setdefault(_identity(row), []).append(row)
        for span in spans:  # one that was sent twice is in both lists twice
            span |= (nested.get(_identity(span)) or [{}]).pop()
    return spans


def _identity(row: Row) -> tuple[int, bytes]:
    return row["start_ns"], row["span_id"]


async def read_by_id(queries: Queries, tenant: str, table: str, columns: str, ids: set[int]) -> dict[str, Row]:
    """Rows of `resources` or `scopes` by id (as text: JSON readers lose the last digits of large numbers).

    They never change, because an id is the hash of its row: those that were read once are kept in memory.
    """
    keys = {str(number): (tenant, table, columns, number) for number in sorted(ids)}
    found = {text: queries.known_rows[key] for text, key in keys.items() if key in queries.known_rows}
    missing = ", ".join(text for text in keys if text not in found)
    if missing:
        scope = Scope(tenant)
        sql = scope.select(table, columns, [f"id IN ({missing})"], "LIMIT 1 BY id")
        read = {str(row.pop("id")): show_row(row) for row in await queries.rows(scope, sql)}
        if len(queries.known_rows) + len(read) > KNOWN_ROWS:
            queries.known_rows.clear()
        queries.known_rows |= {keys[text]: row for text, row in read.items()}
        found |= read
    return found


def show_row(row: Row) -> Row:
    """A row for JSON: texts as text, maps decoded."""
    return {name: _show(value) for name, value in row.items()}


def show_span(row: Row) -> Row:
    """A span for JSON. Ids are lower-case hexadecimal; a root's parent is null."""
    dropped = row["dropped"] or [0, 0, 0]
    return {
        "span_id": row["span_id"].hex(),
        "parent_span_id": None if row["parent_span_id"] == NO_SPAN else row["parent_span_id"].hex(),
        "service": decode_text(row["service"]),
        "name": decode_text(row["name"]),
        "kind": KINDS.get(row["kind"], str(row["kind"])),
        "start_time_ns": row["start_ns"],
        "duration_ns": row["duration_ns"],
        "status": STATUSES.get(row["status_code"], str(row["status_code"])),
        "status_message": decode_text(row["status_message"]),
        "trace_state": decode_text(row["trace_state"]),
        "flags": row["flags"],
        "attributes": decode_map(row["attributes"]),
        "events": _show_nested(row, "events"),
        "links": _show_nested(row, "links"),
        "resource_id": str(row["resource_id"]),
        "scope_id": str(row["scope_id"]),
        "dropped_attributes": dropped[0],
        "dropped_events": dropped[1],
        "dropped_links": dropped[2],
    }


def parse_trace_id(text: str) -> bytes:
    """32 hexadecimal digits, or fewer with the leading zeros left out."""
    if not TRACE_ID.fullmatch(text):
        raise InvalidRequest(f"{text[:64]!r} is not a trace id: up to 32 hexadecimal digits are")
    return bytes.fromhex(text.rjust(32, "0"))


def parse_span_id(text: str) -> bytes:
    """16 hexadecimal digits, or fewer with the leading zeros left out."""
    if not SPAN_ID.fullmatch(text):
        raise InvalidRequest(f"{text[:64]!r} is not a span id: up to 16 hexadecimal digits are")
    return bytes.fromhex(text.rjust(16, "0"))


def _show_nested(row: Row, kind: str) -> list[Row]:
    if not row.get(f"{kind}.{NESTED[kind][0]}"):
        return []
    columns = [row[f"{kind}.{field}"] for field in NESTED[kind]]
    return [
        {
            name: value.hex() if name.endswith("_id") else _show(value)
            for name, value in zip(NESTED[kind], item, strict=True)
        }
        for item in zip(*columns, strict=True)
    ]


def _show(value: Any) -> Any:
    if isinstance(value, bytes):
        return decode_text(value)
    return decode_map(value) if isinstance(value, dict) else value
