"""Paths of OTTL: fields of spans, events, resources and scopes, as values in SQL."""

import difflib
import re
from collections.abc import Mapping

from traceo.errors import ParseError, UnsupportedQuery
from traceo.sampling.columns import SpanColumns
from traceo.sampling.ottl.ast import Path
from traceo.sampling.ottl.parser import parse
from traceo.sampling.ottl.values import Value
from traceo.store.binding import Bindings

START_NS = "toUnixTimestamp64Nano({start_time})"
KINDS = "['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']"
# Path -> type, and SQL over columns in braces.
SPAN = {
    "name": ("string", "{name}"),
    "kind": ("int", "toInt64({kind})"),
    "kind.string": ("string", f"{KINDS}[{{kind}} + 1]"),
    "status.code": ("int", "toInt64({status_code})"),
    "status.message": ("string", "{status_message}"),
    "trace_id": ("bytes", "concat({trace_id}, '')"),
    "trace_id.string": ("string", "lower(hex({trace_id}))"),
    "span_id": ("bytes", "concat({span_id}, '')"),
    "span_id.string": ("string", "lower(hex({span_id}))"),
    "parent_span_id": ("bytes", "concat({parent_span_id}, '')"),
    "parent_span_id.string": ("string", "lower(hex({parent_span_id}))"),
    "trace_state": ("string", "{trace_state}"),
    "flags": ("int", "toInt64({flags})"),
    "start_time_unix_nano": ("int", START_NS),
    "end_time_unix_nano": ("int", f"{START_NS} + {{duration_ns}}"),
    "dropped_attributes_count": ("int", "toInt64({dropped}[1])"),
    "dropped_events_count": ("int", "toInt64({dropped}[2])"),
    "dropped_links_count": ("int", "toInt64({dropped}[3])"),
}
# Inside the lambda over a span's events, and inside the subqueries over the side tables.
EVENT = {
    "name": ("string", "event_name"),
    "time_unix_nano": ("int", "toInt64(event_time_ns)"),
    "dropped_attributes_count": ("int", "toInt64(event_dropped)"),
}
EVENT_COLUMNS = {
    "event_name": "events.name",
    "event_attributes": "events.attributes",
    "event_time_ns": "events.time_ns",
    "event_dropped": "events.dropped_attributes",
}
RESOURCE = {
    "dropped_attributes_count": ("int", "toInt64(dropped_attributes)"),
    "schema_url": ("string", "schema_url"),
}
SCOPE = {"name": ("string", "name"), "version": ("string", "version"), **RESOURCE}
PREFIXES = {
    "span": "span",
    "spanevent": "event",
    "resource": "resource",
    "instrumentation_scope": "scope",
    "scope": "scope",
}
FIELDS: dict[str, Mapping[str, tuple[str, str]]] = {"span": SPAN, "event": EVENT, "resource": RESOURCE, "scope": SCOPE}
HINTS = {
    "start_time": "use start_time_unix_nano",
    "end_time": "use end_time_unix_nano",
    "events": "use a spanevent condition",
    "links": "links cannot be asked for",
    "attributes": 'ask for one: attributes["key"]',
    "cache": "a condition has no cache",
}


def resolve_path(path: Path, context: str, columns: SpanColumns) -> Value:
    """A path of context `span` or `spanevent`. Raises ParseError and UnsupportedQuery with its position."""
    side = PREFIXES.get(path.names[0], "")
    if side and len(path.names) > 1:
        names = path.names[1:]
    else:
        side, names = ("event" if context == "spanevent" else "span"), path.names
    if side == "event" and context != "spanevent":
        raise UnsupportedQuery(
            "a span condition knows no event", position=path.position, hint="write it below `spanevent`"
        )
    field = ".".join(names)
    belongs_to = "span" if side == "event" else side
    if path.keys:
        return Value(*_keyed(path, field, side, columns), side=belongs_to)
    if field not in FIELDS[side]:
        raise _unknown(path, field, side)
    kind, sql = FIELDS[side][field]
    if side == "event":
        _read_events(columns)
    elif side == "span":
        sql = re.sub(r"\{(\w+)\}", lambda found: columns.column(found[1]), sql)
    return Value(kind, sql, side=belongs_to)


def check_key(text: str) -> None:
    """Whether a text is a path that `resolve_key` takes. Raises ParseError and UnsupportedQuery."""
    resolve_key(text, SpanColumns(Bindings()))


def resolve_key(text: str, columns: SpanColumns) -> tuple[bool, Value]:
    """A key of `dynamic`: whether it is the root's (`root.` before the path), and the path of a span or resource."""
    node = parse(text)
    if not isinstance(node, Path):
        raise ParseError("a key is a path", position=0, hint='such as span.name or resource.attributes["service.name"]')
    root = node.names[0] == "root" and len(node.names) > 1
    if root:
        node = Path(node.names[1:], node.keys, node.position)
    value = resolve_path(node, "span", columns)
    if value.side != "span" and not (value.side == "resource" and node.keys):
        raise UnsupportedQuery("a key is of a span, or an attribute of its resource", position=0)
    return root, value


def _keyed(path: Path, field: str, side: str, columns: SpanColumns) -> tuple[str, str]:
    key = path.keys[0]
    if len(path.keys) > 1 or not isinstance(key, str):
        raise UnsupportedQuery("what lies inside an attribute cannot be asked for", position=path.position)
    if field == "trace_state" and side == "span":
        return "string", trace_state_entry(columns.column("trace_state"), key, columns.bindings)
    if field != "attributes":
        raise _unknown(path, field, side)
    if side == "span":
        return "any", columns.attribute(key)
    if side == "event":
        _read_events(columns)
    return "any", f"{'event_attributes' if side == 'event' else 'attributes'}[{columns.bind(key)}]"


def trace_state_entry(trace_state: str, key: str, bindings: Bindings) -> str:
    """SQL: an entry's value in a W3C trace state, "" if it has none."""
    pattern = rf"(?:^|,)[ \t]*{re.escape(key)}=([^,]*)"
    return f"trimRight(extract({trace_state}, {bindings.bind(pattern)}))"


def _read_events(columns: SpanColumns) -> None:
    for name in EVENT_COLUMNS.values():
        columns.column(name)


def _unknown(path: Path, field: str, side: str) -> UnsupportedQuery:
    near = difflib.get_close_matches(field, [*FIELDS[side], "attributes"], n=1)
    hint = HINTS.get(field) or (f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS[side])}")
    return UnsupportedQuery(f"{path.text} cannot be asked for", position=path.position, hint=hint)
