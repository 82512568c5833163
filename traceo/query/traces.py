"""One trace with everything in it, and the search for traces."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from traceo.errors import InvalidRequest, NotFound
from traceo.query.run import Queries, Row, rows_of, to_columns
from traceo.query.services import KINDS, STATUSES
from traceo.query.sql import Scope, adjusted_count
from traceo.store.attributes import decode_map, decode_maps, decode_text

IDENTITY = "toUnixTimestamp64Nano(start_time) AS start_ns, span_id"
# What few spans have lies in half of all files of a part: they are opened for those traces only that have any of it.
HAS = "notEmpty(`events.name`) AS has_events, notEmpty(`links.trace_id`) AS has_links"
DROPPED = "dropped[1] AS dropped_attributes, dropped[2] AS dropped_events, dropped[3] AS dropped_links"
SHOWN_COLUMNS = f"""
{IDENTITY}, parent_span_id, trace_state, flags, service, name, kind, duration_ns, status_code, status_message,
resource_id, scope_id, attributes, {DROPPED}
"""
EVENT_FIELDS = ("time_ns", "name", "attributes", "dropped_attributes")
LINK_FIELDS = ("trace_id", "span_id", "trace_state", "attributes", "dropped_attributes", "flags")
NESTED = {"events": EVENT_FIELDS, "links": LINK_FIELDS}
COLUMNS = f"{SHOWN_COLUMNS}, kept_by, threshold, {HAS}"
RESOURCE_COLUMNS = "id, attributes, dropped_attributes, schema_url"
SCOPE_COLUMNS = "id, name, version, attributes, dropped_attributes, schema_url"
NO_SPAN = bytes(8)
TRACE_ID, SPAN_ID = re.compile("[0-9a-fA-F]{1,32}"), re.compile("[0-9a-fA-F]{1,16}")
Columns = Mapping[str, list[Any]]
Shown = TypeVar("Shown")
KNOWN_ROWS = 5000  # of `read_by_id`: a few kilobytes each


async def read_trace(queries: Queries, tenant: str, trace_id: str) -> Row:
    """A trace: its spans in order of start, its resources and scopes by id. Raises NotFound.

    `kept_by` is the policy that kept it ("": not judged), `adjusted_count` how many traces of its kind it stands
    for (0: it was dropped, and had back on demand).
    """
    wanted = parse_trace_id(trace_id)
    table, nested = await queries.over_recent(
        ["spans_recent"], lambda recent: read_spans(queries, Scope(tenant, recent=recent), wanted, COLUMNS)
    )
    if not table.num_rows:
        raise NotFound(f"trace {trace_id} is not here: it never arrived, was not kept, or is past its retention")
    shown, resources, scopes = await asyncio.gather(
        asyncio.to_thread(_show_in_order, table, nested),
        read_by_id(queries, tenant, "resources", RESOURCE_COLUMNS, distinct(table, "resource_id")),
        read_by_id(queries, tenant, "scopes", SCOPE_COLUMNS, distinct(table, "scope_id")),
    )
    return {
        "trace_id": wanted.hex(),
        "kept_by": decode_text(max(distinct(table, "kept_by"))),
        "adjusted_count": adjusted_count(min(distinct(table, "threshold"))),
        "spans": shown,
        "resources": resources,
        "scopes": scopes,
    }


def _show_in_order(table: pa.Table, nested: list[Row]) -> list[Row]:
    spans = to_columns(table.drop_columns("attributes")) | {"attributes": decode_maps(table["attributes"])}
    shown, places = show_spans(spans, nested), identify(spans)
    return [shown[row] for row in sorted(range(len(shown)), key=places.__getitem__)]


async def read_spans(queries: Queries, scope: Scope, trace_id: bytes, columns: str) -> tuple[pa.Table, list[Row]]:
    """A trace's spans in no order, and the events and links of each. `columns` MUST have IDENTITY and HAS."""
    where = [f"trace_id = {scope.bind(trace_id)}"]
    table = await queries.table(scope.select_spans(columns, where), dict(scope.params))
    has = {kind: table[f"has_{kind}"].to_pylist() for kind in NESTED}
    there = [kind for kind in NESTED if any(has[kind])]
    if not there:
        return table, [{}] * table.num_rows
    wanted = ", ".join([IDENTITY, *(f"`{kind}.{field}`" for kind in there for field in NESTED[kind])])
    some = " OR ".join(f"notEmpty(`{kind}.{NESTED[kind][0]}`)" for kind in there)
    found: dict[tuple[int, bytes], list[Row]] = {}
    for row in await queries.rows(scope, scope.select_spans(wanted, [*where, f"({some})"])):
        found.setdefault((row["start_ns"], row["span_id"]), []).append(row)
    having = map(any, zip(*(has[kind] for kind in there), strict=True))
    # One that was sent twice is in both lists twice.
    return table, [
        found[place].pop() if has_some and found.get(place) else {}
        for place, has_some in zip(identify(to_columns(table.select(["start_ns", "span_id"]))), having, strict=True)
    ]


def identify(spans: Columns) -> list[tuple[int, bytes]]:
    """What tells a trace's spans apart, and orders them."""
    return list(zip(spans["start_ns"], spans["span_id"], strict=True))


def distinct(table: pa.Table, name: str) -> set[Any]:
    """The values of a column."""
    return set(to_columns(pa.table({name: table[name].unique()}))[name])


def show_row(row: Row) -> Row:
    """A row for JSON: texts as text, maps decoded."""
    return {name: _show(value) for name, value in row.items()}


async def read_by_id(
    queries: Queries, tenant: str, table: str, columns: str, ids: set[int], show: Callable[[Row], Row] = show_row
) -> dict[str, Row]:
    """Rows of `resources` or `scopes` by id (as text: JSON readers lose the last digits of large numbers).

    They never change, because an id is the hash of its row: those that were read once are kept in memory.
    """
    keys = {str(number): (tenant, table, columns, show, number) for number in sorted(ids)}
    found = {text: queries.known_rows[key] for text, key in keys.items() if key in queries.known_rows}
    missing = ", ".join(text for text in keys if text not in found)
    if missing:
        scope = Scope(tenant)
        sql = scope.select(table, columns, [f"id IN ({missing})"], "LIMIT 1 BY id")
        read = {str(row.pop("id")): show(row) for row in await queries.rows(scope, sql)}
        if len(queries.known_rows) + len(read) > KNOWN_ROWS:
            queries.known_rows.clear()
        queries.known_rows |= {keys[text]: row for text, row in read.items()}
        found |= read
    return found


def show_spans(columns: Columns, nested: Sequence[Row]) -> list[Row]:
    """Spans for JSON, of SHOWN_COLUMNS with decoded attributes, and each one's events and links.

    Ids are lower-case hexadecimal; a root's parent is null. What is equal is one object: it MUST not be changed.
    """
    nothing: list[Row] = []
    return rows_of(
        {
            "span_id": [raw.hex() for raw in columns["span_id"]],
            "parent_span_id": [None if raw == NO_SPAN else raw.hex() for raw in columns["parent_span_id"]],
            "service": show_each(columns["service"], decode_text),
            "name": show_each(columns["name"], decode_text),
            "kind": show_each(columns["kind"], lambda code: KINDS.get(code, str(code))),
            "start_time_ns": columns["start_ns"],
            "duration_ns": columns["duration_ns"],
            "status": show_each(columns["status_code"], lambda code: STATUSES.get(code, str(code))),
            "status_message": show_each(columns["status_message"], decode_text),
            "trace_state": show_each(columns["trace_state"], decode_text),
            "flags": columns["flags"],
            "attributes": columns["attributes"],
            "events": [_show_nested(row, "events") if row else nothing for row in nested],
            "links": [_show_nested(row, "links") if row else nothing for row in nested],
            "resource_id": show_each(columns["resource_id"], str),
            "scope_id": show_each(columns["scope_id"], str),
            "dropped_attributes": columns["dropped_attributes"],
            "dropped_events": columns["dropped_events"],
            "dropped_links": columns["dropped_links"],
        }
    )


def show_each(values: Sequence[Any], show: Callable[[Any], Shown]) -> list[Shown]:
    """Each value shown, equal ones once."""
    shown = {value: show(value) for value in set(values)}
    return [shown[value] for value in values]


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
