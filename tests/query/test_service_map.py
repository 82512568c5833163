"""The map and its differences, over roll-up rows as `catalog/edges.py` writes them."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.query.engine import engine
from traceo.catalog.blocks import roll_blocks
from traceo.config import Query as QuerySettings
from traceo.errors import InvalidRequest, NotFound
from traceo.query.run import Queries
from traceo.query.service_map import MapView, diff_maps, health_of, read_map
from traceo.query.services import list_services
from traceo.query.sql import TimeRange

MINUTE = 60
NOW = int(time.time()) // MINUTE * MINUTE
BEFORE = TimeRange((NOW - 20 * MINUTE) * 10**9, (NOW - 10 * MINUTE) * 10**9)
AFTER = TimeRange((NOW - 10 * MINUTE) * 10**9, NOW * 10**9)
BUCKET = 320  # 2^20 ns, about a millisecond
numbers = itertools.count(1)


@pytest.fixture
def tenant() -> str:
    return f"map-{next(numbers)}"


def run(ask: Callable[[Queries], Awaitable[Any]]) -> Any:
    async def work() -> Any:
        return await ask(Queries(engine(), QuerySettings()))

    return asyncio.run(work())


def add(tenant: str, at: int, edge: str, calls: int, errors: int = 0, bucket: int = BUCKET) -> None:
    """`edge`: "client kind server"; a service also has that many requests of its own."""
    client, kind, server = edge.split()
    params = {"tenant": tenant, "at": at, "a": client, "k": kind, "b": server, "n": calls, "e": errors, "d": bucket}
    edge_row = (
        "INSERT INTO service_edges SELECT {tenant:String}, toDateTime({at:UInt32}, 'UTC'), {a:String}, {b:String}, "
        "{k:String}, {n:UInt64}, {e:UInt64}, 5, map({d:UInt16}, {n:UInt64}), now64(3)"
    )
    red = (
        "INSERT INTO span_red SELECT {tenant:String}, {b:String}, 'GET /', 2, toDateTime({at:UInt32}, 'UTC'), "
        "{n:UInt64}, {e:UInt64}, 5, 5, map({d:UInt16}, {n:UInt64})"
    )
    asyncio.run(engine().execute(edge_row, params))
    asyncio.run(roll_blocks(engine(), {at}, NOW))
    if kind in ("call", "entry", "consume"):
        asyncio.run(engine().execute(red, params))


def names(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["id"] if "id" in row else f"{row['source']} > {row['target']}" for row in rows)


def test_map_has_nodes_of_every_kind_and_a_focus(tenant: str) -> None:
    at = NOW - 5 * MINUTE
    add(tenant, at, "user entry shop", 100)
    add(tenant, at, "shop call cart", 100, 2)
    add(tenant, at, "cart database redis", 60, 6)
    add(tenant, at, "stock database redis", 20)
    add(tenant, at, "cart publish kafka/orders", 9)
    add(tenant, at, "kafka/orders consume mail", 9)
    add(tenant, at, "mail external redis", 9)
    whole = run(lambda q: read_map(q, tenant, AFTER))
    assert names(whole["nodes"]) == [
        *("database:redis", "external:redis", "queue:kafka/orders"),
        *("service:cart", "service:mail", "service:shop", "service:stock", "user:user"),
    ]
    nodes = {node["id"]: node for node in whole["nodes"]}
    assert (nodes["database:redis"]["requests"], nodes["database:redis"]["health"]) == (80, "failing")
    assert (nodes["service:cart"]["health"], nodes["service:stock"]["health"]) == ("degraded", "idle")
    near = run(lambda q: read_map(q, tenant, AFTER, MapView(focus="cart", hops=1)))
    assert names(near["nodes"]) == ["database:redis", "queue:kafka/orders", "service:cart", "service:shop"]
    assert names(near["edges"]) == [
        *("service:cart > database:redis", "service:cart > queue:kafka/orders", "service:shop > service:cart"),
    ]
    failing = run(lambda q: read_map(q, tenant, AFTER, MapView(health="failing")))
    assert (names(failing["nodes"]), failing["edges"]) == (["database:redis"], [])
    with pytest.raises(NotFound):
        run(lambda q: read_map(q, tenant, AFTER, MapView(focus="nothing")))


def test_difference_tells_new_gone_and_changed_edges_and_not_chance(tenant: str) -> None:
    early, late = NOW - 15 * MINUTE, NOW - 5 * MINUTE
    add(tenant, NOW - 20 * MINUTE, "user entry shop", 1000)
    add(tenant, late, "user entry shop", 1030)
    add(tenant, early, "shop call old", 500)
    add(tenant, late, "shop call new", 500)
    for at, calls, errors, bucket in ((early, 1000, 5, BUCKET), (late, 990, 60, BUCKET + 32)):
        add(tenant, at, "shop call cart", calls, errors, bucket)
    for at, calls in ((early, 2), (late, 5)):
        add(tenant, at, "shop call rare", calls)
    for at, calls in ((early, 200), (late, 900)):
        add(tenant, at, "shop call busy", calls)
    edges = run(lambda q: diff_maps(q, tenant, BEFORE, AFTER))["edges"]
    assert (names(edges["new"]), names(edges["gone"])) == (
        ["service:shop > service:new"],
        ["service:shop > service:old"],
    )
    changed = {edge["after"]["target"]: [change["figure"] for change in edge["changes"]] for edge in edges["changed"]}
    assert changed == {"service:cart": ["error_ratio", "p95_ms"], "service:busy": ["rate_per_s"]}
    with pytest.raises(InvalidRequest):
        run(lambda q: diff_maps(q, tenant, AFTER, AFTER))


def test_rates_begin_with_the_first_data_of_the_tenant(tenant: str) -> None:
    add(tenant, NOW - 2 * MINUTE, "user entry shop", 600)
    (row,) = run(lambda q: list_services(q, tenant, TimeRange((NOW - 60 * MINUTE) * 10**9, NOW * 10**9)))
    assert row["rate_per_s"] == pytest.approx(5)
    add(tenant, NOW - 90 * MINUTE, "user entry shop", 600)
    (row,) = run(lambda q: list_services(q, tenant, TimeRange((NOW - 60 * MINUTE) * 10**9, NOW * 10**9)))
    assert row["rate_per_s"] == pytest.approx(600 / 3600)


@pytest.mark.parametrize(
    ("requests", "ratio", "health"),
    [(0, 0.0, "idle"), (5, 1.0, "healthy"), (10, 0.009, "healthy"), (10, 0.01, "degraded"), (10, 0.05, "failing")],
)
def test_health_follows_the_share_of_errors(requests: int, ratio: float, health: str) -> None:
    assert health_of(requests, ratio) == health
