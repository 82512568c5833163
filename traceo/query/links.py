"""From one signal to the others: what belongs to a trace, a span or a resource."""

import asyncio

from traceo.query.run import Queries, Row
from traceo.query.sql import Scope, TimeRange
from traceo.query.traces import RESOURCE_COLUMNS, read_by_id
from traceo.store.attributes import decode_text

HOUR_NS = 3600 * 10**9
MAX_EXEMPLARS, MAX_METRICS, MAX_TRACES = 100, 500, 10
LOGS = """
service, count() AS records, countIf(severity_number >= 17) AS errors, toUnixTimestamp64Nano(min(time)) AS first_ns,
toUnixTimestamp64Nano(max(time)) AS last_ns
"""
SPANS = """
service, count() AS spans, countIf(status_code = 2) AS errors, toUnixTimestamp64Nano(min(start_time)) AS first_ns,
max(toUnixTimestamp64Nano(start_time) + duration_ns) AS last_ns
"""
EXEMPLARS = "series_id, toUnixTimestamp64Nano(time) AS time_ns, value, trace_id, span_id"


async def links_of_trace(queries: Queries, tenant: str, trace_id: bytes, span_id: bytes = b"") -> Row:
    """`{"spans", "logs"}` by service, and `exemplars`: points of metrics that name the trace (or the span).

    Exemplars are looked for from an hour before the trace's first span or record until an hour after its last.
    """

    async def read(recent: frozenset[str]) -> list[list[Row]]:
        parts = []
        for signal, sums in (("spans", SPANS), ("logs", LOGS)):
            scope = Scope(tenant, recent=recent)
            where = [f"trace_id = {scope.bind(trace_id)}"]
            if span_id:
                where.append(f"span_id = {scope.bind(span_id)}")
            columns = (
                "service, start_time, duration_ns, status_code"
                if signal == "spans"
                else "service, time, severity_number"
            )
            found = scope.select_spans(columns, where) if signal == "spans" else scope.select_logs(columns, where)
            parts.append(queries.rows(scope, f"SELECT {sums} FROM ({found}) GROUP BY service ORDER BY service"))
        return list(await asyncio.gather(*parts))

    spans, logs = await queries.over_recent(["spans_recent", "logs_recent"], read)
    moments = [row[name] for row in (*spans, *logs) for name in ("first_ns", "last_ns")]
    between = TimeRange(min(moments) - HOUR_NS, max(moments) + HOUR_NS) if moments else None
    exemplars = await _read_exemplars(queries, tenant, trace_id, span_id, between) if between else []
    return {"spans": [_show(row) for row in spans], "logs": [_show(row) for row in logs], "exemplars": exemplars}


async def links_of_resource(queries: Queries, tenant: str, resource_id: int, between: TimeRange) -> Row:
    """`{"resource", "spans", "logs", "metrics", "trace_ids"}` of a resource in the range; the newest traces."""
    number = str(resource_id)

    async def count(recent: frozenset[str]) -> list[list[Row]]:
        parts = []
        for signal, columns, sums in (
            ("spans", "trace_id, start_time", "count() AS n"),
            ("logs", "time", "count() AS n"),
            ("spans", "trace_id, start_time", f"groupUniqArray({MAX_TRACES})(trace_id) AS ids"),
        ):
            scope = Scope(tenant, between, recent=recent)
            where = [f"resource_id = toUInt64({scope.bind(number)})"]
            found = scope.select_spans(columns, where) if signal == "spans" else scope.select_logs(columns, where)
            newest = " ORDER BY start_time DESC LIMIT 1000" if "ids" in sums else ""
            parts.append(queries.rows(scope, f"SELECT {sums} FROM (SELECT * FROM ({found}){newest})"))
        return list(await asyncio.gather(*parts))

    scope = Scope(tenant, between)
    where = [f"resource_id = toUInt64({scope.bind(number)})"]
    names = scope.select("series", "DISTINCT metric", where, f"ORDER BY metric LIMIT {MAX_METRICS}")
    (spans, logs, traces), metrics, resources = await asyncio.gather(
        queries.over_recent(["spans_recent", "logs_recent"], count),
        queries.rows(scope, names),
        read_by_id(queries, tenant, "resources", RESOURCE_COLUMNS, {resource_id}),
    )
    return {
        "resource": resources.get(number),
        "spans": spans[0]["n"],
        "logs": logs[0]["n"],
        "metrics": [decode_text(row["metric"]) for row in metrics],
        "trace_ids": sorted(trace_id.hex() for trace_id in traces[0]["ids"]),
    }


async def _read_exemplars(
    queries: Queries, tenant: str, trace_id: bytes, span_id: bytes, between: TimeRange
) -> list[Row]:
    """With their series as Prometheus knows it; of a histogram's buckets, any."""
    scope = Scope(tenant, between)
    where = [f"trace_id = {scope.bind(trace_id)}"]
    if span_id:
        where.append(f"span_id = {scope.bind(span_id)}")
    points = await queries.rows(
        scope, scope.select("exemplars", EXEMPLARS, where, f"ORDER BY time LIMIT {MAX_EXEMPLARS}")
    )
    if not points:
        return []
    chosen = ", ".join(str(number) for number in sorted({point["series_id"] for point in points}))
    sets = scope.select("label_sets", "source_id, metric, labels", [f"source_id IN ({chosen})"], "LIMIT 1 BY source_id")
    series = {row["source_id"]: row for row in await queries.rows(scope, sets)}
    return [_show_exemplar(point, series.get(point["series_id"])) for point in points]


def _show(row: Row) -> Row:
    shown = {**row, "service": decode_text(row["service"])}
    return {name.replace("_ns", "_time_ns"): value for name, value in shown.items()}


def _show_exemplar(point: Row, series: Row | None) -> Row:
    labels = series["labels"] if series else {}
    return {
        "metric": decode_text(series["metric"]) if series else None,
        "labels": {decode_text(key): decode_text(value) for key, value in labels.items() if key != b"le"},
        "time_ns": point["time_ns"],
        "value": point["value"],
        "span_id": point["span_id"].hex() if any(point["span_id"]) else None,
    }
