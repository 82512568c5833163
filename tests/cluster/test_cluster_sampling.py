"""Sampling on two shards: each decides over its own traces, the kept ones land once, rates hold for all together."""

import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.clickhouse import Cluster
from tests.cluster.sampling import WAIT_S, ClusterBench, sampled
from tests.sampling.traces import ARRIVAL_S, Span, Trace, share
from traceo.errors import StoreUnavailable
from traceo.sampling.sampler import SENDING_S
from traceo.sampling.thresholds import adjusted_count
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

ERRORS_AND_A_TENTH = """
decision_wait: 10s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 10}}
"""
FAILED = Span(status=2)
COUNTED = f"SELECT sum({adjusted_count('threshold')}) AS counted FROM spans WHERE tenant = {{tenant:String}}"


def some_traces(count: int, *, spans: int = 1, second: int = 0) -> list[Trace]:
    chance = random.Random(7)
    return [Trace(chance.getrandbits(56), (Span(),) * spans, second) for _ in range(count)]


@pytest.fixture
async def bench(store: ClusterStore, tmp_path: Path) -> AsyncIterator[ClusterBench]:
    async with sampled(store, tmp_path, ERRORS_AND_A_TENTH) as made:
        yield made


async def test_each_shard_judges_its_own_traces_and_what_is_kept_lands_once(bench: ClusterBench) -> None:
    low, high = share(0.5), share(0.95)
    failed = [Trace(low + number, (FAILED, Span(service="db"))) for number in range(20)]
    lucky = [Trace(high + number) for number in range(20)]
    dropped = [Trace(low + 100 + number) for number in range(20)]
    await bench.insert(*failed, *lucky, *dropped)
    await bench.judge(WAIT_S)
    expected = {trace.randomness: len(trace.spans) for trace in failed + lucky}
    assert await bench.kept() == expected
    await bench.judge(WAIT_S + 1)
    assert await bench.kept() == expected
    # A trace counts once for each service in it.
    assert await bench.ledger() == {"kept": (60, 60), "dropped": (20, 20)}
    for table in ("spans", "decisions", "spans_recent"):
        counts = await _by_shard(bench, table)
        assert sum(counts) == {"spans": 60, "decisions": 60, "spans_recent": 80}[table]
        assert min(counts) > 0, f"all of {table} is on one shard"
    assert await _strangers(bench) == 0
    hosts = await bench.store.hosts()
    assert all(bench.rounds.read_round(bench.tenant, host) for host in hosts)


async def test_late_spans_follow_on_their_shard(bench: ClusterBench) -> None:
    kept, dropped = [Trace(share(0.95) + number) for number in range(8)], some_dropped(8)
    await bench.insert(*kept, *dropped)
    await bench.judge(WAIT_S)
    late = [Trace(trace.randomness, (Span("late"), Span("later")), WAIT_S) for trace in kept + dropped]
    await bench.insert(*late)
    await bench.judge(WAIT_S + 1)
    await bench.judge(3 * WAIT_S)
    assert await bench.kept() == {trace.randomness: 3 for trace in kept}
    assert await bench.ledger() == {"kept": (8, 8), "dropped": (8, 8), "late_kept": (0, 16), "late_dropped": (0, 16)}


async def test_what_was_dropped_on_any_shard_is_kept_on_demand(bench: ClusterBench) -> None:
    dropped = some_dropped(12)
    await bench.insert(*dropped)
    await bench.judge(WAIT_S)
    assert await bench.kept() == {}
    wanted = dropped[:6]
    rows = ", ".join(f"(unhex('{trace.trace_id.hex()}'), {ARRIVAL_S + WAIT_S})" for trace in wanted)
    await bench.store.execute(
        "INSERT INTO kept_traces (tenant, trace_id, requested_at, reason) SELECT {tenant:String}, "
        f"toFixedString(c1, 16), fromUnixTimestamp(c2), 'test' FROM values({rows})",
        {"tenant": bench.tenant},
    )
    await bench.judge(WAIT_S + 5)
    await bench.judge(WAIT_S + 9)
    assert await bench.kept() == {trace.randomness: 1 for trace in wanted}


async def test_round_that_a_shard_did_not_finish_is_repeated_there_without_loss_or_double(
    bench: ClusterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = [Trace(share(0.5) + number, (FAILED,)) for number in range(20)]
    await bench.insert(*failed)
    second = (await bench.store.hosts())[1]
    execute_on = bench.store.execute_on

    async def fail_to_copy(host: str, sql: str, params: Any = None) -> None:
        if host == second and sql.startswith("INSERT INTO spans_local"):
            raise StoreUnavailable("gone")
        await execute_on(host, sql, params)

    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "execute_on", fail_to_copy)
        await bench.judge(WAIT_S)
    assert 0 < len(await bench.kept()) < 20
    await bench.judge(WAIT_S + 1)
    assert await bench.kept() == {trace.randomness: 1 for trace in failed}
    assert await bench.ledger() == {"kept": (20, 20)}


async def test_tenant_that_is_silent_is_found_on_every_shard(bench: ClusterBench) -> None:
    """By the real clock, after more than the time in which a tenant counts as sending."""
    long_ago = int(time.time()) - 2 * SENDING_S - ARRIVAL_S
    failed = [Trace(share(0.5) + number, (FAILED,), long_ago) for number in range(20)]
    await bench.insert(*failed)
    await bench.sampler.run_once()
    assert await bench.kept() == {trace.randomness: 1 for trace in failed}


async def test_shard_that_is_away_does_not_keep_the_others_from_judging(cluster: Cluster, bench: ClusterBench) -> None:
    failed = [Trace(share(0.5) + number, (FAILED,)) for number in range(20)]
    await bench.insert(*failed)
    cluster.stop(0)
    await bench.judge(WAIT_S)
    cluster.restore()
    (of_first, of_second) = await _by_shard(bench, "spans")
    assert of_first == 0 < of_second
    await bench.judge(WAIT_S + 1)
    assert await bench.kept() == {trace.randomness: 1 for trace in failed}


@pytest.mark.parametrize(
    ("rule", "spans", "kept"),
    [
        ("type: rate_limiting, rate_limiting: {spans_per_second: 20}", 1, (18, 20)),
        ("type: rate_limiting, rate_limiting: {spans_per_second: 40}", 4, (8, 10)),
        ("type: bytes_limiting, bytes_limiting: {bytes_per_second: 1000, burst_capacity: 1000}", 1, (6, 14)),
        ("type: dynamic, dynamic: {keys: [root.name], target_throughput: 20, minimum_per_key: 0}", 1, (16, 20)),
        (
            "type: composite, composite: {max_total_spans_per_second: 20, policy_order: [all], "
            "composite_sub_policy: [{name: all, type: always_sample}]}",
            1,
            (18, 20),
        ),
    ],
    ids=["spans", "spans of larger traces", "bytes", "throughput", "composite"],
)
async def test_rate_holds_for_all_shards_together(
    store: ClusterStore, tmp_path: Path, rule: str, spans: int, kept: tuple[int, int]
) -> None:
    document = f"decision_wait: 10s\npolicies: [{{name: limit, {rule}}}]"
    async with sampled(store, tmp_path, document) as bench:
        await bench.insert(*some_traces(200, spans=spans))
        await bench.judge(WAIT_S)
        assert kept[0] <= len(await bench.kept()) <= kept[1]
        (row,) = await bench.rows(COUNTED)
        assert 0.5 < row["counted"] / (200 * spans) < 1.7


def some_dropped(count: int) -> list[Trace]:
    return [Trace(share(0.5) + number) for number in range(count)]


async def _by_shard(bench: ClusterBench, table: str) -> list[int]:
    sql = f"SELECT count() AS n FROM {table}_local WHERE tenant = {{tenant:String}}"
    hosts = await bench.store.hosts()
    return [(await bench.store.query_on(host, sql, {"tenant": bench.tenant}))["n"][0].as_py() for host in hosts]


async def _strangers(bench: ClusterBench) -> int:
    """Rows of spans and decisions whose trace rests on another shard."""
    sql = (
        "SELECT count() AS n FROM (SELECT trace_id FROM {}_local WHERE tenant = {{tenant:String}}) "
        "WHERE trace_id NOT IN (SELECT trace_id FROM spans_recent_local)"
    )
    found = [
        (await bench.store.query_on(host, sql.format(table), {"tenant": bench.tenant}))["n"][0].as_py()
        for host in await bench.store.hosts()
        for table in ("spans", "decisions")
    ]
    return sum(found)
