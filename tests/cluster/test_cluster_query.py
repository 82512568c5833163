"""Queries and administration of a cluster: parameters, limits, dead and frozen shards, finding the nodes."""

import time
from typing import Any

import pytest

from tests.clickhouse import Cluster
from tests.cluster.otlp import trace_request
from tests.cluster.stores import cluster_store
from traceo.errors import LimitExceeded, QueryError, StoreUnavailable
from traceo.store.base import Layout, QueryLimits, Signal
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("String", "tab\there, 'quote', \\ and {braces:String} é", None, id="awkward text"),
        pytest.param("String", "", None, id="empty text"),
        pytest.param("UInt64", 2**64 - 1, None, id="largest integer"),
        pytest.param("Float64", 0.1, None, id="float"),
        pytest.param("Array(String)", ["it's", "\\", "\n"], None, id="array of text"),
        pytest.param("Array(UInt64)", list(range(10_000)), None, id="array too long for an address"),
        pytest.param("FixedString(4)", "abcd", b"abcd", id="fixed string"),
        pytest.param("Nullable(String)", None, None, id="null"),
    ],
)
async def test_parameter_arrives_as_it_is(store: ClusterStore, kind: str, value: Any, expected: Any) -> None:
    table = await store.query(f"SELECT {{value:{kind}}} AS value", {"value": value})
    assert table["value"].to_pylist() == [value if expected is None else expected]


@pytest.mark.parametrize(
    ("sql", "limits", "error"),
    [
        pytest.param("SELECT sleepEachRow(0.2) FROM numbers(15)", QueryLimits(timeout_s=0.5), LimitExceeded, id="time"),
        pytest.param("SELECT * FROM numbers(20)", QueryLimits(max_result_rows=10), LimitExceeded, id="rows"),
        pytest.param(
            "SELECT groupArray(number) FROM numbers(10000000)",
            QueryLimits(max_memory_bytes=10 << 20),
            LimitExceeded,
            id="memory",
        ),
        pytest.param("SELECT nonsense", None, QueryError, id="unknown column"),
        pytest.param("SELECT 1 FROM nonsense", None, QueryError, id="unknown table"),
        pytest.param("SELECT nonsense(1)", None, QueryError, id="unknown function"),
        pytest.param("SELECT 1 FROM spans WHERE", None, QueryError, id="syntax"),
        pytest.param("DROP TABLE spans", None, QueryError, id="DDL"),
        pytest.param("INSERT INTO usage (items) SELECT 1", None, QueryError, id="write"),
    ],
)
async def test_query_is_refused(store: ClusterStore, sql: str, limits: QueryLimits | None, error: type) -> None:
    with pytest.raises(error):
        await store.query(sql, limits=limits)


async def test_empty_result_keeps_its_columns(store: ClusterStore) -> None:
    table = await store.query("SELECT trace_id, name FROM spans WHERE tenant = 'nobody'")
    assert len(table) == 0 and table.column_names == ["trace_id", "name"]


async def test_read_of_a_dead_shard_fails_and_names_it(cluster: Cluster, store: ClusterStore) -> None:
    assert len(await store.query("SELECT count() FROM spans")) == 1
    cluster.stop(0)
    with pytest.raises(StoreUnavailable, match="shard 1 of cluster traceo"):
        await store.query("SELECT count() FROM spans")
    cluster.start(0)
    assert len(await store.query("SELECT count() FROM spans")) == 1


async def test_read_of_a_frozen_shard_fails_in_seconds(cluster: Cluster) -> None:
    async with cluster_store(cluster.url_of(0)) as store:
        cluster.pause(1)
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="shard 2 of cluster traceo"):
            await store.query("SELECT count() FROM spans")
        assert time.monotonic() - started < 10
        cluster.resume(1)
        assert len(await store.query("SELECT count() FROM spans")) == 1


async def test_one_host_that_is_away_is_not_noticed(cluster: Cluster, store: ClusterStore) -> None:
    cluster.stop(1)
    for _ in range(3):
        assert (await store.query("SELECT 1 AS one")).to_pylist() == [{"one": 1}]


async def test_nodes_are_found_from_any_of_them(cluster: Cluster, store: ClusterStore) -> None:
    expected = [f"127.0.0.1:{port}" for port in cluster.http_ports]
    assert await store.hosts() == expected
    async with cluster_store(cluster.url_of(1)) as one:
        assert await one.hosts() == expected
    assert await store.layout() == Layout("traceo", replicated=False)


async def test_replicas_of_a_shard_are_found_by_their_macro(
    cluster: Cluster, store: ClusterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes cannot replicate here (no interserver port), so the layout only says that they do."""
    first, second = await store.hosts()
    assert await store.shards() == [[first], [second]]

    async def replicated() -> Layout:
        return Layout("traceo", replicated=True)

    monkeypatch.setattr(store, "layout", replicated)
    assert await store.shards() == [[first], [second]]
    monkeypatch.setattr(store, "_shard_of", {first: "1", second: "1"})
    assert await store.shards() == [[first, second]]


async def test_free_disk_is_that_of_the_fullest_node(store: ClusterStore) -> None:
    assert 0 < await store.free_disk_bytes() < 1 << 50


@pytest.mark.parametrize(
    ("database", "login", "message"),
    [
        pytest.param("nowhere", "default:", "its database is missing", id="no database"),
        pytest.param("default", "default:", "one of its tables is missing", id="no tables"),
        pytest.param("traceo", "default:wrong", "refuses the user or the password", id="wrong password"),
        pytest.param("traceo", "nobody:", "refuses the user or the password", id="unknown user"),
    ],
)
async def test_store_that_is_not_set_up_is_not_the_querys_fault(
    cluster: Cluster, database: str, login: str, message: str
) -> None:
    url = cluster.url_of(0, 1, database=database).replace("default:@", f"{login}@")
    async with cluster_store(url) as store:
        with pytest.raises(StoreUnavailable, match=message):
            await store.query("SELECT count() FROM spans")
        with pytest.raises(StoreUnavailable):
            await store.insert(Signal.TRACES, [trace_request("nobody", traces=1)])
