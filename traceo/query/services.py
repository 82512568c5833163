"""Rate, errors and duration of services and operations, and who calls whom: read from the exact roll-ups."""

from traceo.query.run import Queries, Row
from traceo.query.sql import MINUTE_NS, Scope, TimeRange
from traceo.store.attributes import decode_text

ENTRY = "kind IN (2, 5)"  # server, consumer
QUANTILES = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99))
KINDS = {0: "unspecified", 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
STATUSES = {0: "unset", 1: "ok", 2: "error"}

# A service's requests are the spans that enter it; one without any (a batch job, a browser) is measured by all of its.
SERVICE_SUMS = f"""
service, sum(spans) AS all_spans, sumIf(spans, {ENTRY}) AS entries, entries > 0 AS has_entries,
if(has_entries, entries, all_spans) AS requests,
if(has_entries, sumIf(errors, {ENTRY}), sum(errors)) AS failed,
mapSort(if(has_entries, sumMapIf(durations, {ENTRY}), sumMap(durations))) AS buckets
"""
OPERATION_SUMS = """
operation, kind, sum(spans) AS requests, sum(errors) AS failed, max(duration_max_ns) AS longest_ns,
mapSort(sumMap(durations)) AS buckets
"""
EDGE_SUMS = """
client, server, kind, sum(calls) AS requests, sum(errors) AS failed, mapSort(sumMap(durations)) AS buckets
"""


def quantile_columns(buckets: str) -> str:
    """SQL: milliseconds of p50, p95, p99 from a sorted map of bucket -> count; the middle of the bucket, +- 2.2 %."""
    counts = f"arrayCumSum(mapValues({buckets}))"
    position = f"arrayFirstIndex(c -> c >= {{q}} * {counts}[-1], {counts})"
    return ", ".join(
        f"exp2((mapKeys({buckets})[{position.format(q=q)}] + 0.5) / 16) / 1e6 AS {name}" for name, q in QUANTILES
    )


async def list_services(queries: Queries, tenant: str, between: TimeRange) -> list[Row]:
    """RED figures of each service, most requests first."""
    scope = Scope(tenant, between)
    sql = compile_services(scope)
    return [
        {
            "service": decode_text(row["service"]),
            "measured": "entry spans" if row["has_entries"] else "all spans",
            "spans": row["all_spans"],
            **_red(row, between),
        }
        for row in await queries.rows(scope, sql)
    ]


def compile_services(scope: Scope) -> str:
    """SQL of `list_services`."""
    inner = scope.select("span_red", SERVICE_SUMS, tail="GROUP BY service")
    columns = f"service, all_spans, has_entries, requests, failed, {quantile_columns('buckets')}"
    return f"SELECT {columns} FROM ({inner}) ORDER BY requests DESC, service"


async def list_operations(queries: Queries, tenant: str, service: str, between: TimeRange) -> list[Row]:
    """RED figures of each operation (span name and kind) of a service, most spans first."""
    scope = Scope(tenant, between)
    sums = scope.select("span_red", OPERATION_SUMS, [f"service = {scope.bind(service)}"], "GROUP BY operation, kind")
    columns = f"operation, kind, requests, failed, longest_ns, {quantile_columns('buckets')}"
    rows = await queries.rows(scope, f"SELECT {columns} FROM ({sums}) ORDER BY requests DESC, operation, kind")
    return [
        {
            "operation": decode_text(row["operation"]),
            "kind": KINDS.get(row["kind"], str(row["kind"])),
            **_red(row, between),
            "max_ms": row["longest_ns"] / 1e6,
        }
        for row in rows
    ]


async def list_edges(queries: Queries, tenant: str, between: TimeRange) -> list[Row]:
    """Calls between services, most calls first; of each minute, the figures that were computed last."""
    scope = Scope(tenant, between)
    # FINAL keeps the newest result of a minute on each shard; the shards' calls add up.
    sums = scope.select("service_edges", EDGE_SUMS, tail="GROUP BY client, server, kind", alias="edges FINAL")
    columns = f"client, server, kind, requests, failed, {quantile_columns('buckets')}"
    rows = await queries.rows(scope, f"SELECT {columns} FROM ({sums}) ORDER BY requests DESC, client, server, kind")
    return [
        {**{name: decode_text(row[name]) for name in ("client", "server", "kind")}, **_red(row, between)}
        for row in rows
    ]


def _red(row: Row, between: TimeRange) -> Row:
    """Counts as rates. The range is taken from the beginning of its first minute, as in the roll-ups."""
    seconds = (between.end_ns - between.start_ns // MINUTE_NS * MINUTE_NS) / 1e9
    return {
        "requests": row["requests"],
        "errors": row["failed"],
        "rate_per_s": row["requests"] / seconds,
        "error_ratio": row["failed"] / row["requests"] if row["requests"] else 0.0,
        **{name: row[name] for name, _ in QUANTILES},
    }
