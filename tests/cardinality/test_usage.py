"""Counting which metrics queries select, on both kinds of state database."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from traceo.cardinality import usage as module
from traceo.cardinality.usage import MetricUsage
from traceo.errors import StoreUnavailable
from traceo.state.database import open_state

TIME = datetime(2026, 1, 1, tzinfo=UTC)


def test_counts_add_up_by_tenant_and_over_replicas(state_url: str) -> None:
    engine = open_state(state_url)
    one, other = MetricUsage(engine, lambda: TIME), MetricUsage(engine)
    one.record("a", {"up", "down"})
    one.record("a", ["up"])
    one.record("b", ["up"])
    one.flush()
    other.record("a", ["up"])
    found = other.read("a")
    assert {name: use.queries for name, use in found.items()} == {"up": 3, "down": 1}
    assert found["up"].first_at == TIME < found["up"].last_at
    assert found["down"].last_at == TIME
    assert [use.queries for use in one.read("b").values()] == [1]
    assert one.read("nobody") == {}
    engine.dispose()


def test_names_that_queries_invent_are_bounded(state_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_METRICS", 3)
    engine = open_state(state_url)
    usage = MetricUsage(engine)
    usage.record("a", [f"metric_{number}" for number in range(5)])
    usage.record("a", ["x" * 501, ""])
    assert len(usage.read("a")) == 3
    usage.record("a", ["metric_0", "another"])
    assert usage.read("a")["metric_0"].queries == 2 and "another" not in usage.read("a")
    engine.dispose()


def test_counts_survive_a_database_that_is_away(state_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_state(state_url)
    usage = MetricUsage(engine)
    usage.record("a", ["up"])
    with monkeypatch.context() as patched, pytest.raises(StoreUnavailable):
        patched.setattr(module, "begin_writing", _fail)
        usage.flush()
    usage.record("a", ["up"])
    assert usage.read("a")["up"].queries == 2
    engine.dispose()


def test_the_rest_is_written_at_the_end(state_url: str) -> None:
    engine = open_state(state_url)
    usage = MetricUsage(engine)

    async def work() -> None:
        flushing = asyncio.create_task(usage.flush_forever())
        await asyncio.sleep(0)
        usage.record("a", ["up"])
        flushing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await flushing

    asyncio.run(work())
    assert MetricUsage(engine).read("a")["up"].queries == 1
    engine.dispose()


def _fail(_: object) -> None:
    raise StoreUnavailable("away")
