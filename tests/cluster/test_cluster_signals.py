"""Metrics and logs over two shards: every point and line once, every series known."""

import httpx
import pytest

from tests.clickhouse import Cluster
from tests.cluster.attempts import new_call
from tests.cluster.otlp import logs_request, metrics_request
from tests.cluster.stores import cluster_store
from traceo.errors import BadData, StoreUnavailable
from traceo.store.base import Request, Signal
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

# Resources have a series of their own, `target_info`.
TARGET = "WITH target AS (SELECT source_id FROM label_sets WHERE metric = 'target_info')"
METRICS = f"""
{TARGET}
SELECT
    (SELECT count() FROM samples WHERE tenant = {{tenant:String}} AND series_id GLOBAL NOT IN target) AS samples,
    (SELECT count() FROM histograms WHERE tenant = {{tenant:String}}) AS histograms,
    (SELECT uniqExact(series_id) FROM series WHERE tenant = {{tenant:String}}) AS series,
    (SELECT sum(items) FROM usage WHERE tenant = {{tenant:String}}) AS usage
"""
LOGS = """
SELECT
    (SELECT count() FROM logs WHERE tenant = {tenant:String}) AS logs,
    (SELECT sum(items) FROM usage WHERE tenant = {tenant:String}) AS usage
"""
HOSTS = pytest.mark.parametrize("hosts", [(0, 0), (0, 1)], ids=["on the same host", "on another host"])


async def counts(store: ClusterStore, sql: str, tenant: str) -> dict[str, int]:
    row: dict[str, int] = (await store.query(sql, {"tenant": tenant})).to_pylist()[0]
    return row


def points(series: int, times: int = 1) -> dict[str, int]:
    return {
        "samples": 2 * series * times,
        "histograms": series * times,
        "series": 3 * series,
        "usage": 3 * series * times,
    }


async def test_every_series_is_known_on_the_shard_of_its_points(store: ClusterStore) -> None:
    for times in (1, 2, 3):
        await store.insert(Signal.METRICS, [metrics_request("series", 10, resources=20)])
        assert await counts(store, METRICS, "series") == points(200, times)
    lost = f"""
        {TARGET}
        SELECT count() AS n FROM clusterAllReplicas('traceo', currentDatabase(), samples_local)
        WHERE tenant = 'series' AND series_id GLOBAL NOT IN target AND (_shard_num, series_id) NOT IN
            (SELECT _shard_num, series_id FROM clusterAllReplicas('traceo', currentDatabase(), series_local))
    """
    assert (await store.query(lost)).to_pylist() == [{"n": 0}]


@HOSTS
async def test_second_attempt_of_metrics_adds_nothing(
    cluster: Cluster, store: ClusterStore, hosts: tuple[int, int]
) -> None:
    tenant = f"metrics-{hosts}"
    call = new_call(Signal.METRICS, [metrics_request(tenant, 10, resources=20)])
    for host in hosts:
        await call.attempt(cluster, host)
    assert await counts(store, METRICS, tenant) == points(200)


@HOSTS
async def test_second_attempt_of_logs_adds_nothing(
    cluster: Cluster, store: ClusterStore, hosts: tuple[int, int]
) -> None:
    tenant = f"logs-{hosts}"
    call = new_call(Signal.LOGS, [logs_request(tenant, 300)])
    for host in hosts:
        await call.attempt(cluster, host)
    assert await counts(store, LOGS, tenant) == {"logs": 300, "usage": 300}


@pytest.mark.parametrize("dead", [0, 1])
async def test_attempt_that_one_shard_missed_is_completed_by_the_next(
    cluster: Cluster, store: ClusterStore, dead: int
) -> None:
    tenant = f"halved-{dead}"
    metrics = new_call(Signal.METRICS, [metrics_request(tenant, 50, resources=20)])
    logs = new_call(Signal.LOGS, [logs_request(f"{tenant}-logs", 300)])
    cluster.stop(dead)
    for call in (metrics, logs):
        with pytest.raises(httpx.HTTPStatusError):
            await call.attempt(cluster, 1 - dead)
    cluster.start(dead)
    for call in (metrics, logs):
        await call.attempt(cluster, dead)
    assert await counts(store, METRICS, tenant) == points(1000)
    assert await counts(store, LOGS, f"{tenant}-logs") == {"logs": 300, "usage": 300}


async def test_series_of_a_failed_insert_are_written_by_the_next(cluster: Cluster) -> None:
    async with cluster_store(cluster.url_of(0)) as store:
        cluster.stop(1)
        with pytest.raises(StoreUnavailable):
            await store.insert(Signal.METRICS, [metrics_request("forgotten", 10, resources=20)])
        cluster.start(1)
        await store.insert(Signal.METRICS, [metrics_request("forgotten", 10, resources=20)])
        assert (await counts(store, METRICS, "forgotten"))["series"] == 600


async def test_failed_insert_empties_what_every_reachable_node_has_seen(cluster: Cluster, store: ClusterStore) -> None:
    sql = "SELECT sum(total_rows) AS n FROM system.tables WHERE database = currentDatabase() AND name = 'seen'"
    await store.insert(Signal.METRICS, [metrics_request("seen", 5, resources=20)])
    before = [(await store.query_on(host, sql))["n"][0].as_py() for host in await store.hosts()]
    with pytest.raises(BadData):
        await store.insert(Signal.LOGS, [Request("seen", b"no protobuf")])
    after = [(await store.query_on(host, sql))["n"][0].as_py() for host in await store.hosts()]
    assert min(before) > 0 and after == [0, 0]


async def test_gauges_sums_and_histograms_of_one_request_are_all_there(store: ClusterStore) -> None:
    """Their views write one table in one insert: none may take another's block for a repetition of its own."""
    request = metrics_request("kinds", 100)
    await store.insert(Signal.METRICS, [request, request])
    kinds = """
        SELECT metric, count() AS points FROM
        (
            SELECT series_id FROM samples WHERE tenant = 'kinds'
            UNION ALL
            SELECT series_id FROM histograms WHERE tenant = 'kinds'
        ) AS points
        INNER JOIN (SELECT DISTINCT series_id, metric FROM series WHERE tenant = 'kinds') AS series USING series_id
        GROUP BY metric ORDER BY metric
    """
    assert (await store.query(kinds)).to_pylist() == [
        {"metric": name, "points": 200} for name in ("jobs", "queue", "took")
    ]
    bytes_sent = "SELECT sum(bytes) AS n FROM usage WHERE tenant = 'kinds'"
    assert (await store.query(bytes_sent)).to_pylist() == [{"n": 2 * len(request.body)}]


async def test_logs_are_spread_over_the_shards(store: ClusterStore) -> None:
    await store.insert(Signal.LOGS, [logs_request("spread", 1000)])
    table = await store.query("SELECT count() AS n FROM logs WHERE tenant = 'spread' GROUP BY _shard_num")
    assert len(table) == 2 and min(table["n"].to_pylist()) > 400
