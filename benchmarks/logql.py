"""LogQL over a million log lines, and over 20 million (`--items 20000000`): lines by a word, counts, rates, parsers.

In the engine's own process and without HTTP. The rows are written by SQL: 24 streams, half access log, the rest JSON,
logfmt and errors. A million covers ten minutes, more of them a day.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from traceo.config import Query, Store
from traceo.query.log_streams import STREAM_URL
from traceo.query.logql.evaluate import LogAnswer, query_logs
from traceo.query.logs import LogSearch, search_logs
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.store.embedded import EmbeddedStore, open_embedded
from traceo.store.migrate import migrate

LINES, LINES_QUICK, BLOCK = 1_000_000, 100_000, 500_000
LARGE = 10_000_000  # lines from which the targets of 20 million hold
END_S = 1_764_028_800
TENANT = "bench"
TIMES = 7
PARTS = (16, 4, 1)  # of the lines, after which all is asked
JSON_LINES = 2_000_000
SERVICES = "['frontend', 'checkout', 'basket', 'billing', 'catalog', 'search', 'shipping', 'auth']"
SETS = f"""
INSERT INTO resources (tenant, id, service, attributes, schema_url)
WITH {SERVICES}[number % 8 + 1] AS name
SELECT '{TENANT}', number + 1, name, mapApply((k, v) -> (k, concat('\\n', char(length(v)), v)), map(
    'service', name, 'namespace', 'shop-prod', 'pod', concat(name, '-6c8d7f5b9-', toString(intDiv(number, 8))),
    'env', 'production')), '{STREAM_URL}'
FROM numbers(24)
"""
LINE = f"""
WITH cityHash64(number) AS h, cityHash64(h) AS g, lower(hex(sipHash128(number))) AS id, {SERVICES} AS services
SELECT number, h, multiIf(
    h % 100 < 50, concat(toString(g % 254 + 1), '.', toString(h % 251), '.', toString(g % 249), '.7 - user-',
        toString(g % 500000), ' "GET /api/v1/', services[g % 8 + 1], '/', toString(g % 100000), '?page=',
        toString(h % 20), ' HTTP/1.1" ', ['200', '200', '200', '304', '404', '500'][g % 6 + 1], ' ', toString(g),
        ' "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" rt=0.', toString(h % 1000)),
    h % 100 < 80, concat('{{"level":"info","msg":"invoice written","invoice":"', toString(g % 1000000000),
        '","user_id":"user-', toString(g % 500000), '","status":', ['200', '201', '404', '500', '503'][g % 5 + 1],
        ',"currency":"EUR","duration_ms":', toString(g % 2000), ',"trace_id":"', id, '"}}'),
    h % 100 < 95, concat('level=debug caller=store.go:', toString(g % 400), ' msg="cache lookup" key=article:',
        toString(g % 100000), ' hit=true took=', toString(g % 900), 'us traceID=', id),
    concat('level=error caller=remote.go:', toString(g % 400), ' msg="call to upstream failed" upstream=',
        services[g % 8 + 1], ' err="context deadline exceeded (timeout while waiting for headers)" traceID=', id)
) AS body FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""
ROWS = f"""
INSERT INTO logs (tenant, received_at, time, severity_number, service, body, resource_id)
WITH toInt64({END_S} * 1000000000 - ({{lines:UInt64}} - number) * {{apart:UInt64}}) AS at_ns,
    fromUnixTimestamp64Nano(at_ns, 'UTC') AS at,
    intDiv(h, 100) % 24 AS stream
SELECT '{TENANT}', toDateTime(at), at, multiIf(h % 100 < 80, 9, h % 100 < 95, 5, 17), {SERVICES}[stream % 8 + 1], body,
    stream + 1 FROM ({LINE})
"""
Ask = Callable[[Queries, TimeRange], Awaitable[int]]


def _lines(text: str) -> Ask:
    async def ask(queries: Queries, between: TimeRange) -> int:
        return len((await query_logs(queries, TENANT, text, between)).lines)

    return ask


def _steps(text: str, step_s: int) -> Ask:
    async def ask(queries: Queries, between: TimeRange) -> int:
        answer: LogAnswer = await query_logs(queries, TENANT, text, between, step_ns=step_s * 10**9)
        return len(answer.series)

    return ask


def _word(text: str) -> Ask:
    async def ask(queries: Queries, between: TimeRange) -> int:
        return len((await search_logs(queries, TENANT, LogSearch(between, text))).records)

    return ask


Question = tuple[str, Ask, float | None, str]
ALL = '{namespace="shop-prod"}'
JSON = f'sum(count_over_time({ALL} | json | status >= 500 | __error__="" [1m]))'


def _of_million(known: str) -> list[Question]:
    words = f'sum by (service) (count_over_time({ALL} |~ "upstream=(basket|billing)" [1m]))'
    count = f"sum by (service) (count_over_time({ALL}[1m]))"
    last = '{service="basket"} |= "level=error"'
    by_id = "VictoriaLogs 5, Loki 1000"
    return [
        ("one trace id anywhere: the search", _word(known), 10, by_id),
        ("one trace id anywhere: `|=`", _lines(f'{ALL} |= "{known}"'), 10, by_id),
        ("service and text, last 100", _lines(last), 15, "VictoriaLogs 17 to 31, Loki 13 to 45"),
        ("count per service and minute", _steps(count, 60), 25, "VictoriaLogs 25, Loki 2100"),
        ("regular expression, the same", _steps(words, 60), 100, "VictoriaLogs 100, Loki 1000 to 2080"),
        ("count of every stream by minute", _steps(f"count_over_time({ALL}[1m])", 60), None, ""),
    ]


def _of_many(known: str) -> list[Question]:
    return [
        ("a rare token: the search", _word(known), 100, ""),
        ("a rare token: `|=`", _lines(f'{ALL} |= "{known}"'), 100, ""),
        ("`|=` and count over 24 h", _steps(f'sum(count_over_time({ALL} |= "deadline" [1h]))', 3600), 1000, ""),
        ("rate by label over all", _steps(f"sum by (service) (rate({ALL}[5m]))", 300), 1500, ""),
    ]


def run(options: Options) -> Result:
    """Measure the claim."""
    lines = options.items or (LINES_QUICK if options.quick else LINES)
    folder = Path(tempfile.mkdtemp(prefix="traceo-bench-"))
    try:
        rows = asyncio.run(_measure(folder, lines))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    name = f"logql_{lines // 1_000_000}m" if lines >= LARGE else "logql"
    return Result(name, f"{lines:,} lines of 24 streams", rows, options.quick)


async def _measure(folder: Path, lines: int) -> list[Row]:
    """All is asked when a sixteenth, a quarter and all lines are there: how the times grow."""
    store = open_embedded(folder, Store())
    await migrate(store)
    apart = (86_400 if lines >= LARGE else 600) * 10**9 // lines
    begin_ns = END_S * 10**9 - lines * apart
    await store.execute(SETS)
    queries, stored = Queries(store, Query()), 0
    known = await _known_id(queries, lines)
    asked = _of_many(known) if lines >= LARGE else _of_million(known)
    found: list[list[tuple[float, float]]] = [[] for _ in range(len(asked) + 1)]
    for part in PARTS:
        await _fill(store, stored, lines // part, lines, apart)
        stored = lines // part
        between = _last(begin_ns + stored * apart, stored * apart)
        newest = _last(between.end_ns, min(stored, JSON_LINES) * apart)
        for times, (measure, ask, _, _) in zip(found, asked, strict=False):
            times.append(await _least(queries, ask, between, measure))
        found[-1].append(await _least(queries, _steps(JSON, 60), newest, "json"))
    await store.close()
    asked.append((f"`| json | status >= 500`, {min(lines, JSON_LINES):,} lines at most", _steps(JSON, 60), 2000, ""))
    return [
        row
        for (name, _, target, peers), times in zip(asked, found, strict=True)
        for row in _rows(name, target, peers, times)
    ]


def _last(end_ns: int, length_ns: int) -> TimeRange:
    """At least two minutes, so that there are steps of a minute."""
    return TimeRange(end_ns - max(length_ns, 120 * 10**9), end_ns)


async def _fill(store: EmbeddedStore, stored: int, wanted: int, lines: int, apart: int) -> None:
    for first in range(stored, wanted, BLOCK):
        count = min(BLOCK, wanted - first)
        await store.execute(ROWS, {"first": first, "count": count, "lines": lines, "apart": apart})
        progress(f"  {first:,} of {lines:,} lines")
    await store.execute("OPTIMIZE TABLE logs")


def _rows(name: str, target: float | None, peers: str, times: list[tuple[float, float]]) -> list[Row]:
    """The last with its target, those of fewer lines beside it."""
    growth = ", ".join(f"1/{part}: {wall:.0f}" for part, (wall, _) in zip(PARTS[:-1], times, strict=False))
    return [
        Row(name, times[-1][0], "ms", target, f"{peers}; here, of {growth}" if peers else f"here, of {growth}"),
        Row("its CPU", times[-1][1], "ms"),
    ]


async def _known_id(queries: Queries, lines: int) -> str:
    params = {"first": lines // 48, "count": 1000}
    sql = f"SELECT extract(body, 'traceID=([0-9a-f]+)') AS id FROM ({LINE}) WHERE id != ''"
    found = await queries.table(sql, params)
    return str(found["id"][0].as_py())


async def _least(queries: Queries, ask: Ask, between: TimeRange, measure: str) -> tuple[float, float]:
    """Wall and CPU time in ms, the least of some runs: other work on the machine only adds."""
    walls, cpus = [], []
    for _ in range(TIMES):
        wall, cpu = time.perf_counter(), time.process_time()
        assert await ask(queries, between)
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    progress(f"  {measure}: {min(walls):.1f} ms, CPU {min(cpus):.1f} ms", end=True)
    return min(walls), min(cpus)


if __name__ == "__main__":
    main(run, __doc__)
