"""The views that SQL users see: one tenant's rows, with ids in hexadecimal and attribute values as readable text.

A view is a subquery of the columns that a query names. The engine would drop the others before it computes them, but
would first resolve their expressions: 20 ms for all of `spans`.
"""

import re
from collections.abc import Callable, Collection

from traceo.query.services import KINDS, STATUSES
from traceo.query.sql import RECENT_SINCE, Scope, adjusted_count_of
from traceo.store.attributes import text_map_of

# Name -> expression over the table, whose alias is `s`.
Columns = dict[str, str]
SOURCE = re.compile(r"\bs\.(`[^`]+`|\w+)")


def _same(names: str) -> Columns:
    return {name: f"s.{name}" for name in names.split()}


def _hex(column: str) -> str:
    return f"if(s.{column} = toFixedString('', {16 if column == 'trace_id' else 8}), '', lower(hex(s.{column})))"


def _names(column: str, names: dict[int, str]) -> str:
    keys, values = ", ".join(map(str, names)), ", ".join(f"'{name}'" for name in names.values())
    return f"transform(toInt16(s.{column}), [{keys}], [{values}], toString(s.{column}))"


ATTRIBUTES = {"attributes": text_map_of("s.attributes"), "attributes_raw": "s.attributes"}
SPANS: Columns = {
    **_same("received_at"),
    **{name: _hex(name) for name in ("trace_id", "span_id", "parent_span_id")},
    **_same("trace_state flags service name"),
    "kind": _names("kind", KINDS),
    **_same("start_time duration_ns"),
    "status": _names("status_code", STATUSES),
    **_same("status_message"),
    **ATTRIBUTES,
    **_same("resource_id scope_id"),
    "event_times": "arrayMap(t -> fromUnixTimestamp64Nano(reinterpretAsInt64(t), 'UTC'), s.`events.time_ns`)",
    "event_names": "s.`events.name`",
    "event_attributes": f"arrayMap(m -> {text_map_of('m')}, s.`events.attributes`)",
    "link_trace_ids": "arrayMap(i -> lower(hex(i)), s.`links.trace_id`)",
    "link_span_ids": "arrayMap(i -> lower(hex(i)), s.`links.span_id`)",
    **_same("kept_by"),
    "adjusted_count": adjusted_count_of("s.threshold"),
}
LOGS: Columns = {
    **_same("received_at time"),
    **{name: _hex(name) for name in ("trace_id", "span_id")},
    **_same("flags severity_number severity_text service event_name body"),
    "body_raw": "s.body_value",
    **ATTRIBUTES,
    **_same("resource_id scope_id"),
}
SERIES: Columns = {
    **_same("day metric series_id type unit temporality monotonic integer service"),
    **ATTRIBUTES,
    **_same("resource_id scope_id"),
}
POINT = _same("series_id time start_time_ns flags")
SAMPLES: Columns = {**POINT, "value": "s.value", "integer_value": "s.whole"}
HISTOGRAMS: Columns = {
    **POINT,
    **_same("count sum min max bounds counts scale zero_count zero_threshold"),
    **_same("positive_offset positive_counts negative_offset negative_counts"),
}
RESOURCES: Columns = {**_same("id service"), **ATTRIBUTES, **_same("schema_url")}
RED: Columns = {
    **_same("service operation"),
    "kind": _names("kind", KINDS),
    **_same("minute spans errors duration_sum_ns duration_max_ns durations"),
}
DECISIONS: Columns = {
    "trace_id": _hex("trace_id"),
    **_same("decided_at first_arrival"),
    "kept": "s.keep",
    **_same("would_drop policy votes"),
    "adjusted_count": f"if(s.keep, {adjusted_count_of('s.threshold')}, 0)",
    **_same("threshold randomness spans bytes keys round"),
}
LEDGER = _same("minute policy service verdict traces spans bytes logs log_bytes")
EDGES = _same("minute client server kind calls errors duration_sum_ns durations")


# Of a scope and the names that the query uses (None: all columns).
View = Callable[[Scope, Collection[str] | None], str]


def _spans(scope: Scope, names: Collection[str] | None) -> str:
    """While a span rests in the recent window, so do all that it will stand for: it counts once, as they do."""
    columns = SPANS
    if "spans_recent" in scope.recent:
        weight = f"if(s.received_at >= ({RECENT_SINCE}), 1, {SPANS['adjusted_count']})"
        columns = {**SPANS, "adjusted_count": weight}
    return _joined(columns, lambda scope, chosen: scope.select_spans(chosen))(scope, names)


def _joined(columns: Columns, source: Callable[[Scope, str], str]) -> View:
    """A view with `resource_attributes`, whose join is left out when nobody reads them; `source` gets its columns."""

    def view(scope: Scope, names: Collection[str] | None) -> str:
        chosen = _choose(columns, names)
        if names is not None and "resource_attributes" not in names:
            return f"SELECT {chosen} FROM ({source(scope, _sources(chosen))}) AS s"
        resources = scope.select("resources", "id, attributes AS found", tail="LIMIT 1 BY id")
        return (
            f"SELECT {chosen}, {text_map_of('r.found')} AS resource_attributes "
            f"FROM ({source(scope, _sources(f'{chosen} s.resource_id'))}) AS s "
            f"LEFT ANY JOIN ({resources}) AS r ON s.resource_id = r.id"
        )

    return view


def _plain(table: str, columns: Columns, tail: str = "") -> View:
    return lambda scope, names: scope.select(table, _choose(columns, names), tail=tail, alias="s")


def _choose(columns: Columns, names: Collection[str] | None) -> str:
    """The columns that are named; the first one, so that there are rows to count, if none is."""
    named = [name for name in columns if names is None or name in names] or list(columns)[:1]
    return ", ".join(f"{columns[name]} AS {name}" for name in named)


def _sources(expressions: str) -> str:
    """The table's columns that expressions read, each once."""
    return ", ".join(dict.fromkeys(SOURCE.findall(expressions)))


NEWEST_DAY = "ORDER BY day DESC LIMIT 1 BY series_id"
VIEWS: dict[str, View] = {
    "spans": _spans,
    "logs": _joined(LOGS, lambda scope, columns: scope.select_logs(columns)),
    "series": _joined(SERIES, lambda scope, columns: scope.select("series", columns, tail=NEWEST_DAY)),
    "samples": _plain("samples", SAMPLES),
    "histograms": _plain("histograms", HISTOGRAMS),
    "resources": _plain("resources", RESOURCES, "LIMIT 1 BY s.id"),
    "service_red": _plain("span_red", RED),
    "decisions": _plain("decisions", DECISIONS),
    "sampling_ledger": _plain("sampling_ledger", LEDGER),
    "service_edges": _plain(
        "service_edges", EDGES, "ORDER BY s.computed_at DESC LIMIT 1 BY s.minute, s.client, s.server, s.kind"
    ),
}
