"""Rate, errors and duration of services and operations, and who calls whom: read from the exact roll-ups."""

import asyncio
import time

from traceo.query.edge_blocks import select_edges
from traceo.query.run import Queries, Row
from traceo.query.sql import MINUTE_NS, Scope, TimeRange
from traceo.store.attributes import decode_text

ENTRY = "kind IN (2, 5)"  # server, consumer
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
KINDS = {0: "unspecified", 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
STATUSES = {0: "unset", 1: "ok", 2: "error"}

# Milliseconds of the quantiles: each from the middle of the first bucket that the counts up to it reach, +- 2.2 %.
QUANTILES_MS = f"""
arrayMap(bucket -> exp2((bucket + 0.5) / 16) / 1e6,
    quantilesExactWeightedArray({", ".join(map(str, QUANTILES.values()))})(mapKeys(durations), mapValues(durations)))
"""
# A service's requests are the spans that enter it; one without any (a batch job, a browser) is measured by all of its.
ENTRY_SUMS = f"""
service, {ENTRY} AS entry, sum(spans) AS counted, sum(errors) AS counted_errors, {QUANTILES_MS} AS counted_ms
"""
SERVICE_SUMS = """
service, sum(counted) AS all_spans, max(entry) AS has_entries, argMax(counted, entry) AS requests,
argMax(counted_errors, entry) AS failed, argMax(counted_ms, entry) AS quantiles_ms
"""
OPERATION_SUMS = f"""
operation, kind, sum(spans) AS requests, sum(errors) AS failed, max(duration_max_ns) AS longest_ns,
{QUANTILES_MS} AS quantiles_ms
"""
EDGE_COLUMNS = "client, server, kind, calls, errors, durations"
EDGE_SUMS = f"""
client, server, kind, sum(calls) AS requests, sum(errors) AS failed, {QUANTILES_MS} AS quantiles_ms
"""


async def list_services(queries: Queries, tenant: str, between: TimeRange, service: str | None = None) -> list[Row]:
    """RED figures of each service, most requests first; or of one."""
    scope = Scope(tenant, between)
    sql = compile_services(scope, service)
    rows, seconds = await asyncio.gather(queries.rows(scope, sql), observed_seconds(queries, tenant, between))
    return [
        {
            "service": decode_text(row["service"]),
            "measured": "entry spans" if row["has_entries"] else "all spans",
            "spans": row["all_spans"],
            **red_of(row, seconds),
        }
        for row in rows
    ]


def compile_services(scope: Scope, service: str | None = None) -> str:
    """SQL of `list_services`."""
    where = [] if service is None else [f"service = {scope.bind(service)}"]
    entries = scope.select("span_red", ENTRY_SUMS, where, "GROUP BY service, entry")
    return f"SELECT {SERVICE_SUMS} FROM ({entries}) GROUP BY service ORDER BY requests DESC, service"


async def list_operations(queries: Queries, tenant: str, service: str, between: TimeRange) -> list[Row]:
    """RED figures of each operation (span name and kind) of a service, most spans first."""
    scope = Scope(tenant, between)
    tail = "GROUP BY operation, kind ORDER BY requests DESC, operation, kind"
    sql = scope.select("span_red", OPERATION_SUMS, [f"service = {scope.bind(service)}"], tail)
    rows, seconds = await asyncio.gather(queries.rows(scope, sql), observed_seconds(queries, tenant, between))
    return [
        {
            "operation": decode_text(row["operation"]),
            "kind": KINDS.get(row["kind"], str(row["kind"])),
            **red_of(row, seconds),
            "max_ms": row["longest_ns"] / 1e6,
        }
        for row in rows
    ]


async def list_edges(queries: Queries, tenant: str, between: TimeRange) -> list[Row]:
    """Calls between services, most calls first; of each minute, the figures that were computed last."""
    scope = Scope(tenant)
    rows_sql = await select_edges(queries, scope, between, EDGE_COLUMNS)
    tail = "GROUP BY client, server, kind ORDER BY requests DESC, client, server, kind"
    sql = f"SELECT {EDGE_SUMS} FROM ({rows_sql}) WHERE kind IN ('call', 'messaging') {tail}"
    rows, seconds = await asyncio.gather(queries.rows(scope, sql), observed_seconds(queries, tenant, between))
    return [
        {**{name: decode_text(row[name]) for name in ("client", "server", "kind")}, **red_of(row, seconds)}
        for row in rows
    ]


async def observed_seconds(queries: Queries, tenant: str, between: TimeRange) -> float:
    """How much of a range there is data of: rates are per second of it.

    It begins with its first minute, as the roll-ups do, or with the tenant's first data if there is none in as long a
    time before it. What lies ahead does not count. Those who ask at once share one statement.
    """
    return await queries.once(("observed", tenant, between), lambda: _read_observed(queries, tenant, between))


async def _read_observed(queries: Queries, tenant: str, between: TimeRange) -> float:
    start_ns = between.start_ns // MINUTE_NS * MINUTE_NS
    earliest = max(start_ns - (between.end_ns - start_ns), -(1 << 63))
    scope = Scope(tenant, TimeRange(earliest, between.end_ns))
    sql = scope.select("span_red", "toUnixTimestamp(min(minute)) AS first, count() AS parts")
    (row,) = await queries.rows(scope, sql)
    if row["parts"]:
        start_ns = max(start_ns, row["first"] * 10**9)
    return max(min(between.end_ns, max(time.time_ns(), start_ns + MINUTE_NS)) - start_ns, 1) / 1e9


def red_of(row: Row, seconds: float) -> Row:
    """Counts as rates."""
    return {
        "requests": row["requests"],
        "errors": row["failed"],
        "rate_per_s": row["requests"] / seconds,
        "error_ratio": row["failed"] / row["requests"] if row["requests"] else 0.0,
        **dict(zip(QUANTILES, row["quantiles_ms"], strict=True)),
    }
