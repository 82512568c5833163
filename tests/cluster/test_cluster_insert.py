"""Inserts over two shards: where rows go, what is refused, and that failures neither lose nor repeat anything."""

import asyncio
import dataclasses

import httpx
import pytest

from tests.clickhouse import Cluster, free_ports
from tests.cluster.attempts import new_call
from tests.cluster.otlp import trace_request
from tests.cluster.stores import cluster_store
from traceo.errors import BadData, StoreUnavailable
from traceo.store.base import Batch, Outcome, Request, Signal
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

COUNTS = """
SELECT
    (SELECT count() FROM spans WHERE tenant = {tenant:String}) AS spans,
    (SELECT count() FROM spans_recent WHERE tenant = {tenant:String}) AS recent,
    (SELECT sum(spans) FROM span_red WHERE tenant = {tenant:String}) AS red,
    (SELECT sum(items) FROM usage WHERE tenant = {tenant:String}) AS usage,
    (SELECT sum(items) FROM rejects WHERE tenant = {tenant:String}) AS refused,
    (SELECT uniqExact(id) FROM resources WHERE tenant = {tenant:String}) AS resources,
    (SELECT uniqExact(id) FROM scopes WHERE tenant = {tenant:String}) AS scopes
"""


async def counts(store: ClusterStore, tenant: str) -> dict[str, int]:
    row: dict[str, int] = (await store.query(COUNTS, {"tenant": tenant})).to_pylist()[0]
    return row


def stored(spans: int, *, recent: int = 0, refused: int = 0) -> dict[str, int]:
    """What all tables hold of a tenant; `usage` counts what was sent."""
    valid = spans + recent
    known = int(valid > 0)
    return {
        "spans": spans,
        "recent": recent,
        "red": valid,
        "usage": valid + refused,
        "refused": refused,
        "resources": known,
        "scopes": known,
    }


async def test_traces_are_split_over_the_shards_and_stay_whole(store: ClusterStore) -> None:
    await store.insert(Signal.TRACES, [trace_request("split", traces=1000, spans_per_trace=3)])
    shards = "SELECT trace_id, uniqExact(_shard_num) AS shards FROM spans WHERE tenant = 'split' GROUP BY trace_id"
    table = await store.query(f"SELECT count() AS traces, max(shards) AS shards FROM ({shards})")
    assert table.to_pylist() == [{"traces": 1000, "shards": 1}]
    table = await store.query("SELECT count() AS n FROM spans WHERE tenant = 'split' GROUP BY _shard_num")
    assert len(table) == 2 and min(table["n"].to_pylist()) > 1200


async def test_rollup_over_all_shards_is_exact(store: ClusterStore) -> None:
    for _ in range(2):
        recent = dataclasses.replace(trace_request("red", traces=100, spans_per_trace=2), recent=True)
        await store.insert(Signal.TRACES, [recent])
    assert await counts(store, "red") == stored(0, recent=400)
    sql = "SELECT sum(duration_sum_ns) AS total, max(duration_max_ns) AS longest FROM span_red WHERE tenant = 'red'"
    assert (await store.query(sql)).to_pylist() == [{"total": 400 * 10**6, "longest": 10**6}]


async def test_refused_items_are_told_to_their_sender(store: ClusterStore) -> None:
    good, bad = await store.insert(Signal.TRACES, [trace_request("ok", 3), trace_request("bad", 3, bad_ids=2)])
    assert good == Outcome()
    assert bad.rejected == 2 and "trace_id" in bad.reason


async def test_undecodable_body_stores_nothing(store: ClusterStore) -> None:
    with pytest.raises(BadData):
        await store.insert(Signal.TRACES, [trace_request("neighbour", 3), Request("neighbour", b"no protobuf")])
    assert await counts(store, "neighbour") == stored(0)


@pytest.mark.parametrize("hosts", [(0, 0), (0, 1)], ids=["on the same host", "on another host"])
async def test_second_attempt_with_one_token_adds_nothing(
    cluster: Cluster, store: ClusterStore, hosts: tuple[int, int]
) -> None:
    tenant = f"twice-{hosts}"
    call = new_call(Signal.TRACES, [trace_request(tenant, traces=500, spans_per_trace=2, bad_ids=3)])
    for host in hosts:
        await call.attempt(cluster, host)
    assert await counts(store, tenant) == stored(1000, refused=3)


async def test_attempt_that_one_shard_missed_is_completed_by_the_next(cluster: Cluster, store: ClusterStore) -> None:
    call = new_call(Signal.TRACES, [trace_request("halved", traces=500, spans_per_trace=2, bad_ids=3)])
    cluster.stop(1)
    with pytest.raises(httpx.HTTPStatusError):
        await call.attempt(cluster, 0)
    cluster.start(1)
    await call.attempt(cluster, 1)
    assert await counts(store, "halved") == stored(1000, refused=3)


async def test_equal_batches_of_two_calls_are_both_stored(store: ClusterStore) -> None:
    request = trace_request("equal", traces=100)
    await store.insert(Signal.TRACES, [request])
    await store.insert(Signal.TRACES, [request])
    assert await counts(store, "equal") == stored(200)


async def test_batch_that_is_inserted_again_under_its_name_is_stored_once(store: ClusterStore) -> None:
    batch, request = Batch.new(), trace_request("named", traces=100, bad_ids=2)
    first = await store.insert(Signal.TRACES, [request], batch)
    assert await store.insert(Signal.TRACES, [request], batch) == first
    assert await counts(store, "named") == stored(100, refused=2)


async def test_insert_goes_to_another_host_when_one_is_away(cluster: Cluster) -> None:
    dead = f"127.0.0.1:{free_ports(1)[0]}"
    async with cluster_store(cluster.url.replace("@", f"@{dead},")) as store:
        for number in range(4):
            await store.insert(Signal.TRACES, [trace_request("failover", traces=10)])
            assert await counts(store, "failover") == stored(10 * (number + 1))


async def test_insert_that_needs_a_dead_shard_is_refused_and_names_it(cluster: Cluster, store: ClusterStore) -> None:
    cluster.stop(1)
    with pytest.raises(StoreUnavailable, match="shard 2 of cluster traceo"):
        await store.insert(Signal.TRACES, [trace_request("dead", traces=100)])
    cluster.start(1)
    await store.insert(Signal.TRACES, [trace_request("risen", traces=100)])
    assert await counts(store, "risen") == stored(100)


async def test_shard_that_dies_under_load_loses_and_repeats_nothing(cluster: Cluster, store: ClusterStore) -> None:
    """Each call has a tenant of its own: what was acknowledged is there exactly once, in every table."""
    acknowledged: dict[str, bool] = {}
    started = asyncio.Event()
    load = [asyncio.create_task(send(store, acknowledged, f"load{worker}", started)) for worker in range(2)]
    await asyncio.wait_for(started.wait(), timeout=60)
    await asyncio.to_thread(cluster.stop, 1)
    await asyncio.to_thread(cluster.start, 1)
    await asyncio.gather(*load)
    assert sum(acknowledged.values()) > 20
    for tenant in (tenant for tenant, yes in acknowledged.items() if yes):
        assert await counts(store, tenant) == stored(50), tenant
    repeated = "SELECT count() - uniqExact(span_id) AS n FROM spans WHERE tenant LIKE 'load%'"
    assert (await store.query(repeated)).to_pylist() == [{"n": 0}]


async def send(store: ClusterStore, acknowledged: dict[str, bool], name: str, started: asyncio.Event) -> None:
    for number in range(25):
        tenant = f"{name}-{number}"
        try:
            await store.insert(Signal.TRACES, [trace_request(tenant, traces=50)])
            acknowledged[tenant] = True
        except StoreUnavailable:
            acknowledged[tenant] = False
        if number == 5:
            started.set()
