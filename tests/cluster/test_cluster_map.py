"""The map over two shards: each has the edges of its own traces, and a reader adds them up."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.query.telemetry import span, traces
from traceo.catalog.edges import roll_edges
from traceo.config import Query as QuerySettings
from traceo.query.catalog import read_service
from traceo.query.run import Queries
from traceo.query.service_map import read_map
from traceo.query.sql import TimeRange
from traceo.store.base import Request, Signal
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

TRACES, TENANT = 40, "map"
SHARDS = "SELECT uniqExact(_shard_num) AS n FROM {table} WHERE tenant = {{tenant:String}}"


async def test_map_adds_up_the_shards_by_minutes_and_by_blocks(store: ClusterStore) -> None:
    at = (time.time_ns() // 10**9 - 1500) * 10**9
    redis = {"db.system": "redis", "server.address": "r1"}
    shop = [span(trace, 1, at) for trace in range(1, TRACES + 1)]
    cart = [span(trace, 2, at, parent=1, status={"code": 2 if trace <= 4 else 0}) for trace in range(1, TRACES + 1)]
    cart += [span(trace, 3, at, parent=2, kind=3, attributes=redis) for trace in range(1, TRACES + 1)]
    await store.insert(Signal.TRACES, [Request(TENANT, traces("shop", shop)), Request(TENANT, traces("cart", cart))])
    await roll_edges(store, datetime.now(UTC) - timedelta(minutes=5), wait_s=-1)
    for table in ("service_edges", "service_edges_blocks"):
        assert (await store.query(SHARDS.format(table=table), {"tenant": TENANT})).to_pylist() == [{"n": 2}]
    queries = Queries(store, QuerySettings())
    minutes = TimeRange(at // 60_000_000_000 * 60_000_000_000, at + 60 * 10**9)
    for between in (minutes, TimeRange(at - 3600 * 10**9, at + 1400 * 10**9)):
        found = await read_map(queries, TENANT, between)
        edges = {(edge["source"], edge["target"]): (edge["requests"], edge["errors"]) for edge in found["edges"]}
        assert edges == {
            ("user:user", "service:shop"): (TRACES, 0),
            ("service:shop", "service:cart"): (TRACES, 4),
            ("service:cart", "database:redis@r1"): (TRACES, 0),
        }
        assert {node["id"]: node["requests"] for node in found["nodes"]}["service:cart"] == TRACES
        page = await read_service(queries, TENANT, "cart", between)
        assert [edge["requests"] for edge in (*page["upstream"], *page["downstream"])] == [TRACES, TRACES]
