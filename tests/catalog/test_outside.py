"""What spans call that is no service, by the old and the stable semantic conventions."""

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.query.engine import engine
from tests.query.telemetry import span, traces
from traceo.catalog.edges import roll_edges
from traceo.store.base import Request, Signal

NOW_NS = time.time_ns() // 60_000_000_000 * 60_000_000_000 + 5_000_000_000
CLIENT, PRODUCER, CONSUMER = 3, 4, 5
FOUND = """
SELECT client, server, kind, sum(calls) AS calls, sum(errors) AS errors FROM service_edges FINAL
WHERE tenant = {tenant:String} GROUP BY client, server, kind ORDER BY kind, client, server
"""
numbers = itertools.count(1)
CASES: dict[str, tuple[int, dict[str, Any], tuple[str, str, str]]] = {
    "stable-database": (
        CLIENT,
        {"db.system.name": "postgresql", "db.namespace": "shop", "server.address": "pg-1", "http.host": "x"},
        ("cart", "postgresql/shop@pg-1", "database"),
    ),
    "old-database": (
        CLIENT,
        {"db.system": "mysql", "db.name": "orders", "net.peer.name": "my-1"},
        ("cart", "mysql/orders@my-1", "database"),
    ),
    "cache-without-namespace": (CLIENT, {"db.system": "redis"}, ("cart", "redis", "database")),
    "publish": (
        PRODUCER,
        {"messaging.system": "kafka", "messaging.destination.name": "orders"},
        ("cart", "kafka/orders", "publish"),
    ),
    "old-consume": (
        CONSUMER,
        {"messaging.system": "rabbitmq", "messaging.destination": "mail"},
        ("rabbitmq/mail", "cart", "consume"),
    ),
    "receive-is-a-client-span": (
        CLIENT,
        {"messaging.system": "kafka", "messaging.operation.type": "receive"},
        ("kafka", "cart", "consume"),
    ),
    "host": (CLIENT, {"server.address": "api.bank.example"}, ("cart", "api.bank.example", "external")),
    "peer-service-before-host": (
        CLIENT,
        {"peer.service": "bank", "net.peer.name": "10.0.0.1"},
        ("cart", "bank", "external"),
    ),
    "host-of-an-url": (CLIENT, {"http.url": "https://mail.example/send?x=1"}, ("cart", "mail.example", "external")),
    "not-a-text": (CLIENT, {"db.system": 5, "server.address": "h"}, ("cart", "h", "external")),
}


@pytest.fixture
def tenant() -> str:
    return f"outside-{next(numbers)}"


def arrive(tenant: str, **services: list[dict[str, Any]]) -> None:
    requests = [Request(tenant, traces(service, spans), recent=True) for service, spans in services.items()]
    asyncio.run(engine().insert(Signal.TRACES, requests))


def edges(tenant: str) -> list[tuple[str, str, str, int, int]]:
    asyncio.run(roll_edges(engine(), datetime.now(UTC) - timedelta(minutes=2), wait_s=-1))
    return [tuple(row.values()) for row in asyncio.run(engine().query(FOUND, {"tenant": tenant})).to_pylist()]


def test_other_ends_are_found_by_old_and_stable_conventions(tenant: str) -> None:
    spans = [
        span(next(numbers), 1, NOW_NS, parent=9, kind=kind, attributes=attributes, status={"code": 2})
        for kind, attributes, _ in CASES.values()
    ]
    arrive(tenant, cart=[*spans, span(1, 1, NOW_NS, parent=9, kind=CLIENT), span(2, 1, NOW_NS, parent=9, kind=1)])
    expected = sorted((kind, client, server) for *_, (client, server, kind) in CASES.values())
    assert edges(tenant) == [(client, server, kind, 1, 1) for kind, client, server in expected]


def test_host_that_answers_with_spans_is_no_external_one(tenant: str) -> None:
    trace = next(numbers)
    call = span(trace, 2, NOW_NS, parent=1, kind=CLIENT, attributes={"server.address": "stock.svc"})
    arrive(tenant, cart=[span(trace, 1, NOW_NS), call], stock=[span(trace, 3, NOW_NS, parent=2)])
    assert edges(tenant) == [("cart", "stock", "call", 1, 0), ("user", "cart", "entry", 1, 0)]


def test_broken_traces_harm_no_one(tenant: str) -> None:
    """A cycle, a span that is its own parent, a missing parent, two roots, equal ids, and names that are hard."""
    trace = next(numbers)
    arrive(
        tenant,
        a=[span(trace, 1, NOW_NS, parent=2), span(trace, 3, NOW_NS, parent=3), span(trace, 4, NOW_NS, parent=77)],
        b=[span(trace, 2, NOW_NS, parent=1), span(trace, 5, NOW_NS), span(trace, 6, NOW_NS)],
        c=[span(trace, 8, NOW_NS), span(trace, 8, NOW_NS)],
    )
    arrive(tenant, **{"": [span(trace, 10, NOW_NS)], "x" * 1_000_000: [span(trace, 11, NOW_NS, parent=1)]})
    found = edges(tenant)
    long = [edge for edge in found if len(edge[1]) > 200]
    assert [edge for edge in found if edge not in long and edge[1]] == [
        ("a", "b", "call", 1, 0),
        ("b", "a", "call", 1, 0),
        ("user", "b", "entry", 2, 0),
        ("user", "c", "entry", 2, 0),
    ]
    assert [edge[0] for edge in long] == ["a"]
