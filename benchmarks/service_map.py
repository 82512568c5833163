"""The map of 1 000 services over an hour: 5 000 edges, each with a row a minute; and what its roll-ups cost."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.options import Options, main
from benchmarks.report import Result, Row
from traceo.catalog.blocks import roll_blocks
from traceo.catalog.edges import roll_edges
from traceo.config import Query, Store
from traceo.query.run import Queries
from traceo.query.service_map import read_map
from traceo.query.sql import TimeRange
from traceo.store import base
from traceo.store.embedded import open_embedded
from traceo.store.migrate import migrate

SERVICES, EDGES, MINUTES, RUNS = 1_000, 5_000, 60, 9
SPANS, SPANS_QUICK, TURNS = 1_000_000, 100_000, 3
FILL_EDGES = f"""
INSERT INTO service_edges SELECT 'bench', toStartOfMinute(now()) - 60 * (number % {MINUTES}) AS minute,
    concat('service-', toString(intDiv(number, {MINUTES}) % {SERVICES})),
    concat('service-', toString(cityHash64(intDiv(number, {MINUTES})) % {SERVICES})),
    if(intDiv(number, {MINUTES}) % 5 = 0, 'database', 'call'), 100, number % 3, 5000,
    CAST(arrayMap(i -> (toUInt16(300 + i), toUInt64(5)), range(20)), 'Map(UInt16, UInt64)'), now64(3)
FROM numbers({EDGES * MINUTES})
"""
FILL_RED = f"""
INSERT INTO span_red SELECT 'bench', concat('service-', toString(number % {SERVICES})), 'GET /', 2,
    toStartOfMinute(now()) - 60 * (intDiv(number, {SERVICES}) % {MINUTES}), 500, 5, 5000, 5000,
    CAST(arrayMap(i -> (toUInt16(300 + i), toUInt64(25)), range(20)), 'Map(UInt16, UInt64)')
FROM numbers({SERVICES * MINUTES})
"""


# Traces of five spans, each of another service, over half an hour that has ended.
FILL_SPANS = """
INSERT INTO spans_recent (tenant, start_time, received_at, trace_id, span_id, parent_span_id, service, name, kind,
    duration_ns, status_code)
SELECT 'spans',
    fromUnixTimestamp64Nano(toInt64({first:Int64} * 1e9 + intDiv(number, 5) * 1.8e12 / ({spans:UInt64} / 5)), 'UTC'),
    now64(3), reinterpretAsFixedString(toUInt128(intDiv(number, 5) + 1)),
    reinterpretAsFixedString(toUInt64(number % 5 + 1)), reinterpretAsFixedString(toUInt64(number % 5)),
    concat('service-', toString((intDiv(number, 5) % 400 + number % 5 * 7) % 1000)), 'GET /', 2,
    toInt64(1e6 + cityHash64(number) % 90000000), if(number % 50 = 0, 2, 0)
FROM numbers({spans:UInt64})
"""


def run(options: Options) -> Result:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_measure(Path(folder), SPANS_QUICK if options.quick else SPANS))
    data = f"{EDGES:,} edges of {SERVICES:,} services, {MINUTES} minutes; {rows[2].unit}: traces of five spans"
    return Result("service_map", data, rows, options.quick)


async def _measure(folder: Path, spans: int) -> list[Row]:
    store = open_embedded(folder, Store())
    await migrate(store)
    rows = await _measure_rolling(store, spans)
    for statement in (FILL_EDGES, FILL_RED):
        await store.execute(statement)
    now = time.time_ns()
    queries, between = Queries(store, Query()), TimeRange(now - 3600 * 10**9, now)
    blocks = [now // 10**9 - 60 * minute for minute in range(MINUTES)]
    summed = await _cpu_s(roll_blocks(store, blocks, now // 10**9))
    wall, cpu = [], []
    for _ in range(RUNS):
        started = time.perf_counter()
        cpu.append(await _cpu_s(read_map(queries, "bench", between)))
        wall.append(time.perf_counter() - started)
    await store.close()
    return [
        Row("map, best of 9", 1000 * min(wall), "ms", 300),
        Row("map, best of 9", 1000 * min(cpu), "CPU-ms"),
        *rows,
        Row("blocks of 5,000 edges, an hour of them", summed, "CPU-s"),
    ]


async def _measure_rolling(store: base.Store, spans: int) -> list[Row]:
    """Of an hour's first roll-up, the blocks alone are what the minutes' own roll-up does not need."""
    first = int(time.time()) // 3600 * 3600 - 3600
    await store.execute(FILL_SPANS, {"first": first, "spans": spans})
    since, now = datetime.now(UTC) - timedelta(hours=1), int(time.time())
    minutes = [first + 60 * minute for minute in range(30)]
    whole = min([await _cpu_s(roll_edges(store, since)) for _ in range(TURNS)])
    blocks = min([await _cpu_s(roll_blocks(store, minutes, now)) for _ in range(TURNS)])
    unit = f"CPU-s of {spans:,} spans"
    return [Row("edges, without blocks", whole - blocks, unit), Row("edges, with blocks", whole, unit)]


async def _cpu_s(work: Awaitable[object]) -> float:
    before = time.process_time()
    await work
    return time.process_time() - before


if __name__ == "__main__":
    main(run, __doc__)
