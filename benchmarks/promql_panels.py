"""Five panels over 20 000 series x 480 samples in 230 ms, one after the other; one series alone in 10 ms.

In the engine's own process and without HTTP. The rows are written by SQL; series ids are made as the views make them.
Each is asked for the first time, and as dashboards ask: again, with one more step (peers were measured warm, too).
`--minutes 360`: instead a rate over 10 000 series (`--items`) and so long, its last hour, and its last moment.
"""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.options import Options, main
from benchmarks.report import Result, Row, progress
from traceo.config import Query, Store
from traceo.query.promql.evaluate import Options as Limits
from traceo.query.promql.evaluate import query_range
from traceo.query.run import Queries
from traceo.settings import Bytes
from traceo.store.embedded import EmbeddedStore, open_embedded
from traceo.store.metric_types import series_id_of
from traceo.store.migrate import migrate

SERIES, SERIES_QUICK, SERIES_LONG = 20_000, 2_000, 10_000
SAMPLES, STEP_S, BLOCK = 480, 15, 20
END_S = int(time.time()) // 60 * 60
TENANT = "bench"
TIMES = 7
KEPT_BYTES = 32 << 20
RATE_OF_ALL = 'sum by (job) (rate({namespace="shop-prod"}[5m]))'
METRICS = """
['http_requests_total', 'http_request_duration_seconds_bucket', 'process_cpu_seconds_total', 'go_memstats_alloc_bytes',
'container_network_receive_bytes_total', 'container_memory_working_set_bytes', 'grpc_server_handled_total',
'http_response_size_bytes_sum']
"""
LABELS = """
map('job', job, 'instance', concat('10.0.', toString(intDiv(pod, 16)), '.', toString(pod % 16 + 10), ':9100'),
'pod', concat(job, '-7d9f8b6c5-', leftPad(lower(hex(pod)), 5, '0')), 'namespace', 'shop-prod', 'cluster', 'eu-west-1a',
'code', ['200', '404', '500'][intDiv(n, 2560) % 3 + 1], 'route', concat('/api/v1/r', toString(intDiv(n, 7680) % 50)),
'method', 'GET', 'uid', toString(n), 'le', if(n % 8 = 1,
['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '+Inf'][intDiv(n, 64) % 10 + 1], ''))
"""
SERIES_ID = series_id_of(f"{METRICS}[n % 8 + 1]", "cityHash64(n)")
SETS = f"""
INSERT INTO label_sets (tenant, metric, series_id, source_id, kind, labels)
WITH number AS n, intDiv(n, 64) % 40 AS pod,
    ['frontend', 'checkout', 'cart', 'payment', 'catalog', 'recommendation', 'shipping', 'auth'] AS jobs,
    jobs[intDiv(n, 8) % 8 + 1] AS job
SELECT '{TENANT}', {METRICS}[n % 8 + 1], {SERIES_ID}, {SERIES_ID}, 0,
    mapSort(mapFilter((name, value) -> value != '', {LABELS})) FROM numbers({{series:UInt64}})
"""
POINTS = f"""
INSERT INTO samples (tenant, series_id, time, whole)
WITH number % {{series:UInt64}} AS n, intDiv(number, {{series:UInt64}}) AS step,
    toInt64({END_S} - ({{samples:UInt64}} - 1 - step) * {STEP_S}) AS at_s
SELECT '{TENANT}', {SERIES_ID}, fromUnixTimestamp64Milli(1000 * at_s),
    1 + n * 50 + if(n % 8 IN (3, 5), cityHash64(number) % 8192, step * (cityHash64(n) % 20))
FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""
# Text, step in seconds, what VictoriaMetrics 1.150 took over HTTP in ms.
PANELS = (
    ('process_cpu_seconds_total{uid="2"}', 15, 0.6),
    ("sum by (job) (rate(http_requests_total[5m]))", 15, 30),
    ("histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))", 15, 36),
    ("topk(5, sum by (pod) (container_memory_working_set_bytes))", 60, 23),
    ('count by (__name__) ({namespace="shop-prod"})', 60, 144),
)


def run(options: Options) -> Result:
    """Measure the claim."""
    series = options.items or (SERIES_LONG if options.minutes else SERIES_QUICK if options.quick else SERIES)
    samples = round(options.minutes * 60 / STEP_S) or SAMPLES
    folder = Path(tempfile.mkdtemp(prefix="traceo-bench-"))
    try:
        rows = asyncio.run(_measure(folder, series, samples, is_long=options.minutes > 0))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    description = f"{series} series of 8 metrics, 12 labels, {samples} samples each; all but the first 10 minutes"
    return Result(f"promql_panels{'_long' if options.minutes else ''}", description, rows, options.quick)


async def _measure(folder: Path, series: int, samples: int, *, is_long: bool) -> list[Row]:
    store = open_embedded(folder, Store())
    await migrate(store)
    await _fill(store, series, samples)
    length_s = samples * STEP_S - 600
    rows = await (_measure_long if is_long else _measure_panels)(store, length_s)
    await store.close()
    return rows


async def _measure_panels(store: EmbeddedStore, length_s: int) -> list[Row]:
    rows, total = [], [0.0, 0.0]
    for text, step_s, peer_ms in PANELS:
        target = 10 if peer_ms < 1 else peer_ms
        for number, (name, kept_answers) in enumerate(((text, 0), ("the same, again", KEPT_BYTES))):
            queries = Queries(store, Query(kept_answers=Bytes(kept_answers)))
            wall_ms, cpu_ms = await _least(queries, text, step_s, length_s)
            total[number] += wall_ms
            rows.append(Row(name, wall_ms, "ms", target, f"VictoriaMetrics {peer_ms:g}"))
            rows.append(Row("its CPU", cpu_ms, "ms"))
    sums = [
        Row(f"all five{name}", wall_ms, "ms", 230, "VictoriaMetrics 234, Prometheus 1600")
        for name, wall_ms in zip(("", ", again"), total, strict=True)
    ]
    return [*rows, *sums]


async def _measure_long(store: EmbeddedStore, length_s: int) -> list[Row]:
    rows, queries = [], Queries(store, Query(kept_answers=Bytes(0)))
    for name, seconds in (("all of the time", length_s), ("the last hour", 3600), ("the last moment", 0)):
        wall_ms, cpu_ms = await _least(queries, RATE_OF_ALL, 60, seconds)
        rows += [Row(f"{RATE_OF_ALL}, {name}", wall_ms, "ms"), Row("its CPU", cpu_ms, "ms")]
    return rows


async def _fill(store: EmbeddedStore, series: int, samples: int) -> None:
    await store.execute(SETS, {"series": series})
    for first in range(0, series * samples, series * BLOCK):
        values = {"series": series, "samples": samples, "first": first, "count": series * BLOCK}
        await store.execute(POINTS, values)
    await store.execute("OPTIMIZE TABLE samples FINAL")


async def _least(queries: Queries, text: str, step_s: int, length_s: int) -> tuple[float, float]:
    """Wall and CPU time in ms, the least of some runs, each a step later: other work on the machine only adds."""
    progress(f"  {text}", end=True)
    walls, cpus = [], []
    for number in range(-TIMES, 1):
        wall, cpu = time.perf_counter(), time.process_time()
        end_s = END_S + number * step_s
        window = (end_s - length_s) * 1000, end_s * 1000, step_s * 1000
        answer = await query_range(queries, TENANT, text, *window, Limits())
        assert answer.series
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    return min(walls), min(cpus)


if __name__ == "__main__":
    main(run, __doc__)
