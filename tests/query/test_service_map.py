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
from traceo.query.edge_red import read_edge_red
from traceo.query.map_diff import diff_maps
from traceo.query.map_view import MapView
from traceo.query.run import Queries
from traceo.query.service_map import health_of, read_map
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


@pytest.mark.parametrize(
    ("view", "nodes"),
    [
        (MapView("cart", up=1, down=0), "cart shop"),
        (MapView("cart", up=0, down=2), "bank cart pay"),
        (MapView("cart", hops=1, down=2), "bank cart pay shop"),
        (MapView("cart", hops=2), "bank cart mail pay shop"),
        (MapView(edge_health="failing"), "bank pay"),
    ],
    ids=["up", "down", "down, and up by hops", "any direction", "failing calls"],
)
def test_focus_has_a_direction_and_calls_have_a_health(view: MapView, nodes: str) -> None:
    tenant = "map-directions"
    if not run(lambda q: read_map(q, tenant, AFTER))["nodes"]:
        for edge, errors in (("shop call cart", 0), ("shop call mail", 0), ("cart call pay", 0), ("pay call bank", 9)):
            add(tenant, NOW - 5 * MINUTE, edge, 100, errors)
    assert names(run(lambda q: read_map(q, tenant, AFTER, view))["nodes"]) == [
        f"service:{name}" for name in nodes.split()
    ]


def test_groups_stand_for_their_services(tenant: str) -> None:
    at = NOW - 5 * MINUTE
    for edge, calls, errors, bucket in (
        ("user entry shop", 100, 0, BUCKET),
        ("shop call cart", 100, 2, BUCKET + 16),
        ("cart call pay", 60, 6, BUCKET),
        ("shop call pay", 20, 0, BUCKET + 32),
        ("pay call mail", 10, 0, BUCKET),
        ("cart database redis", 30, 0, BUCKET),
    ):
        add(tenant, at, edge, calls, errors, bucket)
    teams = {"shop": "front", "cart": "front", "pay": "money"}
    found = run(lambda q: read_map(q, tenant, AFTER, MapView(group_by="team"), teams))
    nodes = {node["id"]: node for node in found["nodes"]}
    assert sorted(nodes) == ["database:redis", "group:", "group:front", "group:money", "user:user"]
    assert (nodes["group:front"]["members"], nodes["group:"]["members"]) == (["cart", "shop"], ["mail"])
    assert (nodes["group:front"]["requests"], nodes["group:front"]["error_ratio"]) == (200, 0.01)
    edges = {(edge["source"], edge["target"]): edge for edge in found["edges"]}
    assert set(edges) == {
        *{("user:user", "group:front"), ("group:front", "database:redis")},
        *{("group:front", "group:money"), ("group:money", "group:")},
    }
    (merged,) = (edge for ends, edge in edges.items() if ends == ("group:front", "group:money"))
    assert (merged["requests"], merged["errors"], merged["health"]) == (80, 6, "failing")
    assert merged["p95_ms"] == next(node["p95_ms"] for node in found["nodes"] if node["id"] == "user:user")
    around = run(lambda q: read_map(q, tenant, AFTER, MapView("cart", up=0, down=1, group_by="team"), teams))
    assert names(around["nodes"]) == ["database:redis", "group:front", "group:money"]


def test_calls_of_an_edge_over_time(tenant: str) -> None:
    add(tenant, NOW - 9 * MINUTE, "shop call cart", 10, 1)
    add(tenant, NOW - 2 * MINUTE, "shop call cart", 30, 0, BUCKET + 16)
    add(tenant, NOW - 2 * MINUTE, "shop messaging cart", 5)
    add(f"{tenant}-other", NOW - 2 * MINUTE, "shop call cart", 99)
    found = run(lambda q: read_edge_red(q, tenant, AFTER, "service:shop", "service:cart", 10))
    assert (found["start"], found["step_s"]) == (NOW - 10 * MINUTE, 60)
    call, messaging = found["series"]
    assert (call["kind"], call["requests"]) == ("call", [0, 10, 0, 0, 0, 0, 0, 0, 30, 0])
    assert (call["errors"][1], call["p95_ms"][0]) == (1, None)
    assert call["p95_ms"][8] / call["p95_ms"][1] == pytest.approx(2)
    assert (messaging["kind"], sum(messaging["requests"])) == ("messaging", 5)
    for source, target in (("shop", "service:cart"), ("database:a", "service:b"), ("service:a", "user:b")):
        with pytest.raises(InvalidRequest):
            run(lambda q, ends=(source, target): read_edge_red(q, tenant, AFTER, *ends))


def test_names_of_any_length_are_nodes(tenant: str) -> None:
    long, other = "x" * 10_000, "\u202e" + "ש" * 5_000
    add(tenant, NOW - 5 * MINUTE, f"{long} call {other}", 10)
    found = run(lambda q: read_map(q, tenant, AFTER, MapView(focus=long, hops=1)))
    assert names(found["nodes"]) == sorted([f"service:{long}", f"service:{other}"])
    with pytest.raises(NotFound) as refused:
        run(lambda q: read_map(q, tenant, AFTER, MapView(focus="y" * 10_000)))
    assert len(str(refused.value)) < 300


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
    teams = {"shop": "front", "cart": "back", "busy": "back", "old": "past", "new": "next"}
    grouped = run(lambda q: diff_maps(q, tenant, BEFORE, AFTER, "team", teams))["edges"]
    assert (names(grouped["new"]), names(grouped["gone"])) == (
        ["group:front > group:next"],
        ["group:front > group:past"],
    )
    assert [edge["after"]["target"] for edge in grouped["changed"]] == ["group:back"]
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
