"""The views that SQL users see: one tenant's rows, with ids in hexadecimal and attribute values as readable text.

A view is a subquery that gets only the columns somebody reads: the engine drops the others before it computes them.
"""

from collections.abc import Callable

from traceo.query.attributes import text_map_of
from traceo.query.services import KINDS, STATUSES
from traceo.query.sql import Scope

SPAN_SOURCE = (
    "received_at, trace_id, span_id, parent_span_id, trace_state, flags, service, name, kind, start_time, duration_ns, "
    "status_code, status_message, resource_id, scope_id, attributes, `events.time_ns`, `events.name`, "
    "`events.attributes`, `links.trace_id`, `links.span_id`"
)


def _hex(column: str) -> str:
    return f"if(s.{column} = toFixedString('', {16 if column == 'trace_id' else 8}), '', lower(hex(s.{column})))"


def _names(column: str, names: dict[int, str]) -> str:
    keys, values = ", ".join(map(str, names)), ", ".join(f"'{name}'" for name in names.values())
    return f"transform(toInt16(s.{column}), [{keys}], [{values}], toString(s.{column}))"


ATTRIBUTES = f"{text_map_of('s.attributes')} AS attributes, s.attributes AS attributes_raw"
SPANS = f"""
s.received_at AS received_at, {_hex("trace_id")} AS trace_id, {_hex("span_id")} AS span_id,
{_hex("parent_span_id")} AS parent_span_id, s.trace_state AS trace_state, s.flags AS flags, s.service AS service,
s.name AS name, {_names("kind", KINDS)} AS kind, s.start_time AS start_time, s.duration_ns AS duration_ns,
{_names("status_code", STATUSES)} AS status, s.status_message AS status_message, {ATTRIBUTES},
s.resource_id AS resource_id, s.scope_id AS scope_id,
arrayMap(t -> fromUnixTimestamp64Nano(reinterpretAsInt64(t), 'UTC'), s.`events.time_ns`) AS event_times,
s.`events.name` AS event_names, arrayMap(m -> {text_map_of("m")}, s.`events.attributes`) AS event_attributes,
arrayMap(i -> lower(hex(i)), s.`links.trace_id`) AS link_trace_ids,
arrayMap(i -> lower(hex(i)), s.`links.span_id`) AS link_span_ids
"""
LOGS = f"""
s.received_at AS received_at, s.time AS time, {_hex("trace_id")} AS trace_id, {_hex("span_id")} AS span_id,
s.flags AS flags, s.severity_number AS severity_number, s.severity_text AS severity_text, s.service AS service,
s.event_name AS event_name, s.body AS body, s.body_value AS body_raw, {ATTRIBUTES}, s.resource_id AS resource_id,
s.scope_id AS scope_id
"""
SERIES = f"""
s.day AS day, s.metric AS metric, s.series_id AS series_id, s.type AS type, s.unit AS unit,
s.temporality AS temporality, s.monotonic AS monotonic, s.integer AS integer, s.service AS service, {ATTRIBUTES},
s.resource_id AS resource_id, s.scope_id AS scope_id
"""
POINT = "s.series_id AS series_id, s.time AS time, s.start_time_ns AS start_time_ns, s.flags AS flags"
SAMPLES = f"{POINT}, s.value AS value, s.whole AS integer_value"
HISTOGRAMS = f"""
{POINT}, s.count AS count, s.sum AS sum, s.min AS min, s.max AS max, s.bounds AS bounds, s.counts AS counts,
s.scale AS scale, s.zero_count AS zero_count, s.zero_threshold AS zero_threshold,
s.positive_offset AS positive_offset, s.positive_counts AS positive_counts, s.negative_offset AS negative_offset,
s.negative_counts AS negative_counts
"""
RESOURCES = f"s.id AS id, s.service AS service, {ATTRIBUTES}, s.schema_url AS schema_url"
RED = f"""
s.service AS service, s.operation AS operation, {_names("kind", KINDS)} AS kind, s.minute AS minute, s.spans AS spans,
s.errors AS errors, s.duration_sum_ns AS duration_sum_ns, s.duration_max_ns AS duration_max_ns, s.durations AS durations
"""
EDGES = """
s.minute AS minute, s.client AS client, s.server AS server, s.kind AS kind, s.calls AS calls, s.errors AS errors,
s.duration_sum_ns AS duration_sum_ns, s.durations AS durations
"""


View = Callable[[Scope, bool], str]


def _joined(columns: str, source: Callable[[Scope], str]) -> View:
    """A view with `resource_attributes`, whose join is left out when nobody reads them."""

    def view(scope: Scope, with_resource: bool) -> str:
        if not with_resource:
            return f"SELECT {columns} FROM ({source(scope)}) AS s"
        resources = scope.select("resources", "id, attributes AS found", tail="LIMIT 1 BY id")
        return (
            f"SELECT {columns}, {text_map_of('r.found')} AS resource_attributes FROM ({source(scope)}) AS s "
            f"LEFT ANY JOIN ({resources}) AS r ON s.resource_id = r.id"
        )

    return view


def _plain(table: str, columns: str, tail: str = "") -> View:
    return lambda scope, _: scope.select(table, columns, tail=tail, alias="s")


VIEWS: dict[str, View] = {
    "spans": _joined(SPANS, lambda scope: scope.select_spans(SPAN_SOURCE)),
    "logs": _joined(LOGS, lambda scope: scope.select("logs", "*")),
    "series": _joined(SERIES, lambda scope: scope.select("series", "*", tail="ORDER BY day DESC LIMIT 1 BY series_id")),
    "samples": _plain("samples", SAMPLES),
    "histograms": _plain("histograms", HISTOGRAMS),
    "resources": _plain("resources", RESOURCES, "LIMIT 1 BY s.id"),
    "service_red": _plain("span_red", RED),
    "service_edges": _plain(
        "service_edges", EDGES, "ORDER BY s.computed_at DESC LIMIT 1 BY s.minute, s.client, s.server, s.kind"
    ),
}
