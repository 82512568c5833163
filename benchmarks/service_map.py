"""The map of 1 000 services over an hour, from roll-up rows: 5 000 edges of a minute each, 60 minutes."""

import asyncio
import tempfile
import time
from pathlib import Path

from traceo.config import Query, Store
from traceo.query.run import Queries
from traceo.query.service_map import read_map
from traceo.query.sql import TimeRange
from traceo.store.embedded import open_embedded
from traceo.store.migrate import migrate

SERVICES, EDGES, MINUTES, RUNS = 1_000, 5_000, 60, 9
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


async def measure(folder: Path) -> None:
    """Print the time and the CPU of a whole map."""
    store = open_embedded(folder, Store())
    await migrate(store)
    for statement in (FILL_EDGES, FILL_RED):
        await store.execute(statement)
    queries, now = Queries(store, Query()), time.time_ns()
    wall, cpu = [], []
    for _ in range(RUNS):
        started, burnt = time.perf_counter(), time.process_time()
        found = await read_map(queries, "bench", TimeRange(now - 3600 * 10**9, now))
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - burnt))
    print(f"{len(found['nodes'])} nodes, {len(found['edges'])} edges")
    print(f"wall: best {min(wall):.0f} ms, median {sorted(wall)[RUNS // 2]:.0f} ms; CPU: best {min(cpu):.0f} ms")
    await store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))
