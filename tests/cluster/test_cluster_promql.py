"""PromQL over two shards answers as it does on the embedded engine, whichever shard a series is on."""

import random
from typing import Any

import pytest

from tests.differential.metrics import END_S, POINTS, STEP_MS, all_series
from tests.query.engine import engine
from tests.receivers.prometheus_messages import write_request
from traceo.config import Query
from traceo.query.promql.evaluate import Answer, Options, query_range
from traceo.query.run import Queries
from traceo.store.base import Outcome, Request, Signal, Store
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

TENANT = "cluster-promql"
RANGE_MS = (END_S - 1200) * 1000, END_S * 1000, 60_000
QUERIES = (
    "requests_total",
    "sum(rate(requests_total[2m]))",
    'sum by (job, code) (rate(requests_total{code=~"4..|5.."}[5m]))',
    "sum by (job) (increase(errors_total[5m])) / on (job) group_left (team) limit",
    "topk(3, memory_bytes)",
    "histogram_quantile(0.9, sum by (le, job) (rate(latency_bucket[5m])))",
    "avg_over_time(temperature[5m] offset 2m)",
    "max_over_time(sum(memory_bytes)[10m:1m])",
    "count by (__name__) ({__name__=~'.+'})",
    "absent(nothing)",
    "flapping or sparse",
    "native_seconds",
    "sum(rate(native_seconds[5m]))",
    "histogram_quantile(0.9, sum by (job) (rate(native_seconds[5m])))",
    "histogram_count(increase(native_seconds[5m]))",
)


def requests() -> list[bytes]:
    """Each series in a request of its own, so that both shards get some."""
    native = [_native(job, instance) for job in ("api", "web") for instance in range(6)]
    return [one.SerializeToString() for one in (*map(write_request, all_series()), *native)]


def _native(job: str, instance: int) -> Any:
    request = write_request(({"__name__": "native_seconds", "job": job, "instance": f"i{instance}"}, []))
    rng, counts = random.Random(f"{job}{instance}"), [0, 0, 0]
    for number in range(POINTS):
        counts = [count + rng.randrange(5) for count in counts]
        time = END_S * 1000 - (POINTS - 1 - number) * STEP_MS
        histogram = request.timeseries[0].histograms.add(schema=2, sum=float(sum(counts)), timestamp=time)
        histogram.count_int = sum(counts)
        histogram.positive_spans.add(offset=-1, length=3)
        histogram.positive_deltas.extend((counts[0], counts[1] - counts[0], counts[2] - counts[1]))
    return request


def shown(answer: Answer) -> dict[str, Any]:
    """Values and histograms by labels; floats that are summed in another order keep 12 digits."""
    return {
        str(sorted(series.labels.items())): [
            (time, f"{value:.12g}", histogram and histogram.text())
            for time, value, histogram in zip(
                series.times_ms.tolist(),
                series.values.tolist(),
                series.histograms or [None] * len(series.times_ms),
                strict=True,
            )
        ]
        for series in answer.series
    }


async def answers(store: Store) -> dict[str, dict[str, Any]]:
    """Of all queries, over the series written to this store."""
    bodies = [Request(TENANT, body) for body in requests()]
    assert await store.insert(Signal.REMOTE_WRITE, bodies) == [Outcome()] * len(bodies)
    queries = Queries(store, Query())
    return {text: shown(await query_range(queries, TENANT, text, *RANGE_MS, Options())) for text in QUERIES}


@pytest.fixture
def embedded() -> Store:
    return engine()


async def test_two_shards_answer_as_one_engine(embedded: Store, store: ClusterStore) -> None:
    found, wanted = await answers(store), await answers(embedded)
    assert all(wanted.values())
    spread = "SELECT uniqExact(_shard_num) AS n FROM label_sets WHERE tenant = {tenant:String}"
    assert (await store.query(spread, {"tenant": TENANT})).to_pylist() == [{"n": 2}]
    assert found == wanted
