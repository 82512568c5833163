"""TraceQL over 20 million spans of a day (`--spans 20000000`): a trace by id in 50 ms, three conditions over an hour in
300 ms and over the day in 2 s, structure over an hour in 1 s; a trace of 50 000 spans opened in 1.5 s.

In the engine's own process and without HTTP, each a sixteenth, a quarter and all of the data: how the times grow. The
spans are those of the other benchmarks, spread over the day by SQL: their times and trace ids differ from copy to copy.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from benchmarks.data.spans import spans
from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from traceo.config import Query, Store
from traceo.query.otlp_trace import read_otlp_trace
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.query.traceql.metrics import query_metrics
from traceo.query.traceql.search import search_traces
from traceo.query.traces import read_trace
from traceo.store.base import Request, Signal
from traceo.store.embedded import EmbeddedStore, open_embedded
from traceo.store.migrate import migrate

SPANS, SPANS_QUICK = 1_000_000, 100_000
LEAST = 500  # spans that are copied: one request
LARGE = 10_000_000  # spans from which the targets hold
DAY_S, ROUNDS = 86_400, 16
WINDOWS = 12  # that one statement fills
SIZES = (1, 4, ROUNDS)  # rounds after which all is measured
LARGE_TRACE = 50_000
TENANT, TIMES = "bench", 5
LARGE_ID = "ab" * 16
HOUR_NS = 3600 * 10**9
# Another trace in each copy, as far before the first as the copy's window lies.
COPY = f"""
INSERT INTO spans SELECT * EXCEPT back REPLACE (
    '{TENANT}' AS tenant,
    toDateTime(start_time) - back AS received_at,
    toFixedString(concat(reinterpretAsFixedString(bitXor(reinterpretAsUInt64(substring(trace_id, 1, 8)),
        cityHash64(back, {{round:UInt32}}))), substring(trace_id, 9)), 16) AS trace_id,
    start_time - toIntervalSecond(back) AS start_time
) FROM (SELECT * FROM spans WHERE tenant = 'first') AS first
CROSS JOIN (
    SELECT {DAY_S} - {{window:UInt32}} * (number + 1) AS back FROM numbers({{first:UInt32}}, {{windows:UInt32}})
) AS copies
SETTINGS prefer_column_name_to_alias = 1
"""
# A tree of which each span has three children.
TRACE = f"""
INSERT INTO spans (tenant, received_at, trace_id, span_id, parent_span_id, service, name, kind, start_time, duration_ns,
    resource_id, scope_id, attributes)
SELECT '{TENANT}', toDateTime(at), unhex('{LARGE_ID}'), reinterpretAsFixedString(byteSwap(number + 1)),
    if(number = 0, toFixedString('', 8), reinterpretAsFixedString(byteSwap(intDiv(number - 1, 3) + 1))),
    service, name, kind, at + toIntervalMicrosecond(number), duration_ns, resource_id, scope_id, attributes
FROM (SELECT *, rowNumberInAllBlocks() AS number, toDateTime64({{at_s:UInt32}}, 9, 'UTC') AS at
    FROM (SELECT * FROM spans WHERE tenant = '{TENANT}' LIMIT {{count:UInt64}}))
"""
CONDITIONS = '{ resource.service.name = "web" && span.http.status_code >= 500 && duration > 20ms }'
STRUCTURE = '{ resource.service.name = "web" } >> { status = error }'
RATE = "{ status = error } | rate() by (resource.service.name)"
Question = Callable[[Queries, TimeRange], Awaitable[Any]]


def run(options: Options) -> Result:
    """Measure the claim."""
    wanted = options.spans or (SPANS_QUICK if options.quick else SPANS)
    folder = Path(tempfile.mkdtemp(prefix="traceo-bench-"))
    try:
        count, rows = asyncio.run(_measure(folder, wanted))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    name = f"traceql_{wanted // 1_000_000}m" if wanted >= LARGE else "traceql"
    return Result(name, f"{count:,} spans of 24 h", rows, options.quick)


async def _measure(folder: Path, wanted: int) -> tuple[int, list[Row]]:
    store = open_embedded(folder, Store())
    await migrate(store)
    window_s = 600 if wanted >= SPANS else 3600
    end_s = int(time.time()) // 3600 * 3600
    await _insert_first(store, max(LEAST, wanted * window_s // DAY_S // ROUNDS), (end_s - window_s, end_s - 3))
    found: dict[str, list[float]] = {}
    for number in range(1, ROUNDS + 1):
        for first in range(0, DAY_S // window_s, WINDOWS):
            windows = min(WINDOWS, DAY_S // window_s - first)
            await store.execute(COPY, {"round": number, "window": window_s, "first": first, "windows": windows})
        progress(f"  {number} of {ROUNDS} parts are there")
        if number in SIZES:
            await _ask_all(Queries(store, Query()), end_s, found)
    count = (await store.query(f"SELECT count() AS n FROM spans WHERE tenant = '{TENANT}'"))["n"][0].as_py()
    if count < LARGE_TRACE:
        raise RuntimeError(f"{count} spans are too few")
    at = {"at_s": end_s - window_s, "count": LARGE_TRACE}
    await store.execute(TRACE, at)
    rows = [row for name, times in found.items() for row in _rows(name, times, wanted)]
    rows += await _large_trace(Queries(store, Query()))
    await store.close()
    return count, rows


async def _insert_first(store: EmbeddedStore, count: int, between_s: tuple[int, int]) -> None:
    """The spans that are copied."""
    bodies = list(spans(count, between_s[0] * 10**9, between_s[1] * 10**9, 1, lambda _: None))
    await store.insert(Signal.TRACES, [Request("first", body) for body in bodies])
    for table in ("resources", "scopes"):
        await store.execute(f"INSERT INTO {table} SELECT * REPLACE ('{TENANT}' AS tenant) FROM {table}")


async def _ask_all(queries: Queries, end_s: int, found: dict[str, list[float]]) -> None:
    day = TimeRange((end_s - DAY_S) * 10**9, end_s * 10**9)
    hour = TimeRange(day.end_ns - HOUR_NS, day.end_ns)
    (some,) = (await search_traces(queries, TENANT, "{ }", day, limit=1)).traces
    questions: dict[str, tuple[Question, TimeRange]] = {
        "trace by id": (lambda queries, _: read_trace(queries, TENANT, some.trace_id), day),
        "three conditions, 1 h": (_search(CONDITIONS), hour),
        "three conditions, 24 h": (_search(CONDITIONS, limit=1000), day),
        "nothing found, 24 h": (_search(CONDITIONS.replace("20ms", "1h")), day),
        "structure, 1 h": (_search(STRUCTURE), hour),
        "structure, all of 1 h": (_search(STRUCTURE, limit=10**6), hour),
        "rate by service, 24 h": (lambda queries, between: query_metrics(queries, TENANT, RATE, between, HOUR_NS), day),
    }
    for name, (ask, between) in questions.items():
        progress(f"  {name}")
        found.setdefault(name, []).append(await _least(lambda ask=ask, between=between: ask(queries, between)))  # type: ignore[misc]


def _search(text: str, limit: int = 20) -> Question:
    return lambda queries, between: search_traces(queries, TENANT, text, between, limit=limit)


async def _least(ask: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds, the least of some runs: other work on the machine only adds."""
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        assert await ask()
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


TARGETS = {
    "trace by id": 50, "three conditions, 1 h": 300, "three conditions, 24 h": 2000, "structure, 1 h": 1000,
}  # fmt: skip


def _rows(name: str, times: list[float], wanted: int) -> list[Row]:
    """The last with its target, those of less data beside it."""
    growth = ", ".join(f"1/{ROUNDS // size}: {ms:.0f}" for size, ms in zip(SIZES[:-1], times[:-1], strict=True))
    return [Row(name, times[-1], "ms", TARGETS.get(name), f"here, of {wanted:,} spans {growth}")]


async def _large_trace(queries: Queries) -> list[Row]:
    async def as_json() -> bytes:
        return orjson.dumps(await read_trace(queries, TENANT, LARGE_ID))

    return [
        Row(f"trace of {LARGE_TRACE:,} spans, JSON", await _least(as_json), "ms", 1500),
        Row("the same, OTLP", await _least(lambda: read_otlp_trace(queries, TENANT, LARGE_ID)), "ms", 1500),
    ]


if __name__ == "__main__":
    main(run, __doc__)
