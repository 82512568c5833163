"""Service edges stay those of all spans, before any sampling."""

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.query.engine import engine
from tests.query.telemetry import span, traces
from traceo.catalog.edges import roll_edges
from traceo.store.base import Request, Signal

NOW_NS = time.time_ns() // 60_000_000_000 * 60_000_000_000 + 5_000_000_000
CALLS = """
SELECT client, server, calls, errors FROM service_edges WHERE tenant = {tenant:String} AND kind = 'call'
ORDER BY computed_at DESC LIMIT 1 BY minute, client, server, kind
"""
numbers = itertools.count(1)


@pytest.fixture
def tenant() -> str:
    return f"edges-{next(numbers)}"


def arrive(tenant: str, trace: int, *, recent: bool = True, late: bool = False) -> None:
    """`cart` calls `stock` once, or `late`: once more."""
    number = 3 if late else 2
    parts = {"stock": [span(trace, number, NOW_NS, parent=1)], **({} if late else {"cart": [span(trace, 1, NOW_NS)]})}
    requests = [Request(tenant, traces(service, spans), recent=recent) for service, spans in parts.items()]
    asyncio.run(engine().insert(Signal.TRACES, requests))


def execute(sql: str, tenant: str) -> None:
    asyncio.run(engine().execute(sql, {"tenant": tenant}))


def keep(tenant: str) -> None:
    """What the sampler does: a copy, while the spans still rest."""
    copy = "INSERT INTO spans SELECT * REPLACE ('errors' AS kept_by) FROM spans_recent WHERE tenant = {tenant:String}"
    execute(copy, tenant)


def calls(tenant: str) -> list[tuple[str, str, int]]:
    asyncio.run(roll_edges(engine(), datetime.now(UTC) - timedelta(minutes=2)))
    rows = asyncio.run(engine().query(CALLS, {"tenant": tenant})).to_pylist()
    return [(row["client"], row["server"], row["calls"]) for row in rows]


def test_kept_spans_are_counted_once_while_they_still_rest(tenant: str) -> None:
    arrive(tenant, next(numbers))
    keep(tenant)
    arrive(tenant, next(numbers))
    assert calls(tenant) == [("cart", "stock", 2)]


def test_spans_that_need_no_verdict_are_counted(tenant: str) -> None:
    arrive(tenant, next(numbers), recent=False)
    arrive(tenant, next(numbers))
    assert calls(tenant) == [("cart", "stock", 2)]


def test_a_late_span_takes_nothing_from_what_has_left_the_window(tenant: str) -> None:
    trace = next(numbers)
    for _ in range(3):
        arrive(tenant, next(numbers))
    arrive(tenant, trace)
    assert calls(tenant) == [("cart", "stock", 4)]
    keep(tenant)
    execute("ALTER TABLE spans_recent DELETE WHERE tenant = {tenant:String} SETTINGS mutations_sync = 2", tenant)
    arrive(tenant, trace, late=True)
    assert calls(tenant) == [("cart", "stock", 4)]


def test_a_late_call_finds_its_client_among_the_kept_spans(tenant: str) -> None:
    trace = next(numbers)
    arrive(tenant, trace)
    keep(tenant)
    execute("ALTER TABLE spans_recent DELETE WHERE tenant = {tenant:String} SETTINGS mutations_sync = 2", tenant)
    arrive(tenant, trace, late=True)
    assert calls(tenant) == [("cart", "stock", 1)]


def test_another_tenant_with_the_same_trace_changes_nothing(tenant: str) -> None:
    trace = next(numbers)
    arrive(f"{tenant}-other", trace)
    arrive(tenant, trace)
    arrive(f"{tenant}-third", trace)
    assert calls(tenant) == [("cart", "stock", 1)]
