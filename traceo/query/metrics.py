"""Metrics as they were sent: names, series, points with their exemplars."""

from dataclasses import dataclass
from typing import Any

from traceo.errors import NotFound
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope, TimeRange
from traceo.query.traces import read_by_id
from traceo.store.attributes import decode_map, decode_text, show_double

TYPES = {5: "gauge", 7: "sum", 9: "histogram", 10: "exponential_histogram", 11: "summary"}
TABLES = {5: "samples", 7: "samples", 9: "histograms", 10: "histograms", 11: "summaries"}
TEMPORALITIES = {1: "delta", 2: "cumulative"}
SERIES = "series_id, type, unit, temporality, monotonic, integer, service, resource_id, attributes"
NAMES = "metric, any(type) AS kind, any(unit) AS units, uniqExact(series_id) AS series"
DESCRIPTIONS = "metric, argMax(description, updated_at) AS text"
TIMES = "series_id, toUnixTimestamp64Nano(time) AS time_ns, start_time_ns, flags"
POINTS = {
    "samples": f"{TIMES}, value, whole AS exact",
    "histograms": f"{TIMES}, count, sum, min, max, bounds, counts, scale, zero_count, zero_threshold, "
    "positive_offset, positive_counts, negative_offset, negative_counts",
    "summaries": f"{TIMES}, count, sum, quantiles, values",
}
# An integer, all 64 bits of it; doubles may be NaN, which is none.
EXEMPLARS = """
series_id, toUnixTimestamp64Nano(time) AS time_ns, value, integer,
toInt64(if(isFinite(value), value, 0)) + integer_rest AS exact, trace_id, span_id, attributes
"""
EXPLICIT = ("count", "sum", "min", "max", "bounds", "counts")
EXPONENTIAL = (
    *("count", "sum", "min", "max", "scale", "zero_count", "zero_threshold"),
    *("positive_offset", "positive_counts", "negative_offset", "negative_counts"),
)
FIELDS = {9: EXPLICIT, 10: EXPONENTIAL, 11: ("count", "sum", "quantiles", "values")}


@dataclass(frozen=True, slots=True)
class SeriesSearch:
    """Which series: of a metric, or by id; an empty field asks for nothing."""

    between: TimeRange
    metric: str = ""
    ids: tuple[int, ...] = ()
    service: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    resource: tuple[tuple[str, str], ...] = ()
    limit: int = 1000


async def list_metrics(queries: Queries, tenant: str, between: TimeRange) -> list[Row]:
    """Every metric that had points in the range: name, type, unit, description, number of series."""
    scope = Scope(tenant, between)
    names = scope.select("series", NAMES, tail="GROUP BY metric")
    texts = scope.select("metric_metadata", DESCRIPTIONS, tail="GROUP BY metric")
    sql = f"SELECT * FROM ({names}) AS n LEFT JOIN ({texts}) AS t USING metric ORDER BY metric"
    return [
        {
            "metric": decode_text(row["metric"]),
            "type": TYPES.get(row["kind"], str(row["kind"])),
            "unit": decode_text(row["units"]),
            "description": decode_text(row["text"]),
            "series": row["series"],
        }
        for row in await queries.rows(scope, sql)
    ]


async def list_series(queries: Queries, tenant: str, search: SeriesSearch) -> list[Row]:
    """Series with their attributes and those of their resource. Ids are decimal text: they need all 64 bits."""
    rows = await _find_series(queries, tenant, search)
    columns = "id, attributes, dropped_attributes, schema_url"
    resources = await read_by_id(queries, tenant, "resources", columns, {row["resource_id"] for row in rows})
    return [_show_series(row, resources) for row in rows]


async def read_points(queries: Queries, tenant: str, search: SeriesSearch, max_points: int) -> list[Row]:
    """Series with their points and exemplars in order of time, at most `max_points` in all. Raises NotFound."""
    rows = await _find_series(queries, tenant, search)
    if not rows:
        raise NotFound("no series of that name and those attributes has points in the time range")
    found = {row["series_id"]: {**_show_series(row, None), "points": [], "exemplars": []} for row in rows}
    kinds = {row["series_id"]: (row["type"], row["integer"]) for row in rows}
    scope = Scope(tenant, search.between)
    chosen = f"series_id IN {scope.bind_numbers(found)}"
    for table in sorted({TABLES[row["type"]] for row in rows if row["type"] in TABLES}):
        tail = f"ORDER BY series_id, time LIMIT {int(max_points)}"
        for point in await queries.rows(scope, scope.select(table, POINTS[table], [chosen], tail)):
            found[point["series_id"]]["points"].append(_show_point(point, *kinds[point["series_id"]]))
    tail = f"ORDER BY series_id, time LIMIT {int(max_points)}"
    for row in await queries.rows(scope, scope.select("exemplars", EXEMPLARS, [chosen], tail)):
        found[row["series_id"]]["exemplars"].append(_show_exemplar(row))
    return list(found.values())


def compile_series(scope: Scope, search: SeriesSearch) -> str:
    """SQL: each series once."""
    where = []
    if search.metric:
        where.append(f"metric = {scope.bind(search.metric)}")
    if search.ids:
        where.append(f"series_id IN {scope.bind_numbers(search.ids)}")
    if search.service:
        where.append(f"service = {scope.bind(search.service)}")
    where += [scope.has_attribute(key, value) for key, value in search.attributes]
    if search.resource:
        where.append(scope.has_resource(search.resource))
    tail = f"ORDER BY metric, series_id LIMIT 1 BY series_id LIMIT {int(search.limit)}"
    return scope.select("series", f"metric, {SERIES}", where, tail)


async def _find_series(queries: Queries, tenant: str, search: SeriesSearch) -> list[Row]:
    scope = Scope(tenant, search.between)
    return await queries.rows(scope, compile_series(scope, search))


def _show_series(row: Row, resources: dict[str, Row] | None) -> Row:
    shown = {
        "series_id": str(row["series_id"]),
        "metric": decode_text(row["metric"]),
        "type": TYPES.get(row["type"], str(row["type"])),
        "unit": decode_text(row["unit"]),
        "temporality": TEMPORALITIES.get(row["temporality"]),
        "monotonic": row["monotonic"],
        "integer": row["integer"],
        "service": decode_text(row["service"]),
        "attributes": decode_map(row["attributes"]),
        "resource_id": str(row["resource_id"]),
    }
    if resources is not None:
        shown["resource"] = resources.get(shown["resource_id"], {}).get("attributes", {})
    return shown


def _show_point(row: Row, kind: int, integer: bool) -> Row:
    times = {"time_ns": row["time_ns"], "start_time_ns": row["start_time_ns"], "flags": row["flags"]}
    if kind in FIELDS:
        return times | {name: _show_number(row[name]) for name in FIELDS[kind]}
    stale = bool(row["flags"] & 1)  # "no recorded value"
    return times | {"value": None if stale else row["exact"] if integer else show_double(row["value"])}


def _show_exemplar(row: Row) -> Row:
    return {
        "time_ns": row["time_ns"],
        "value": row["exact"] if row["integer"] else show_double(row["value"]),
        "trace_id": row["trace_id"].hex(),
        "span_id": row["span_id"].hex(),
        "attributes": decode_map(row["attributes"]),
    }


def _show_number(value: Any) -> Any:
    if isinstance(value, list):
        return [_show_number(item) for item in value]
    return show_double(value) if isinstance(value, float) else value
