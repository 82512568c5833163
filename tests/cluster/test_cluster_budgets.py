"""Budgets on two shards: each shard decides alone, and all are steered by the sum."""

import random
import secrets
from dataclasses import replace

import pytest

from tests.query.telemetry import span, traces
from tests.sampling.test_sampler import NOT_DUE, MemoryRounds, OwnSampler
from tests.sampling.traces import ARRIVAL_S, START_NS
from traceo.sampling.parse import parse_policies
from traceo.store.base import Batch, Request, Signal
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

WAIT_S = 10
POLICIES = """
decision_wait: 10s
policies: [{name: all, type: always_sample}]
budgets: [{name: b, spans_per_second: 10}]
"""


async def test_both_shards_thin_by_the_factor_that_meets_the_budget_together(store: ClusterStore) -> None:
    tenant, rounds, chance = f"budget-{secrets.token_hex(4)}", MemoryRounds(), random.Random(5)
    judging = replace(NOT_DUE, policies=parse_policies(POLICIES).policies)
    sampler = OwnSampler(store, rounds, lambda *_: judging, {tenant})
    for second in (0, 5):
        spans = [span(chance.getrandbits(120), number, START_NS) for number in range(1, 201)]
        batch = Batch(((ARRIVAL_S + second) * 1000) << 22 | secrets.randbits(22), secrets.token_hex(16))
        await store.insert(Signal.TRACES, [Request(tenant, traces("shop", spans), recent=True)], batch)
        await sampler.run_once(ARRIVAL_S + second + 5 + WAIT_S)
    last = [judged for (name, _), judged in rounds.last.items() if name == tenant]
    assert len(last) == 2
    allowed = 10 + (10 * 5 - 200) / 60  # 200 in the first five seconds, evened out in a minute
    assert [judged.steering[0].factor for judged in last] == [pytest.approx(allowed / 40)] * 2
    sql = "SELECT sum(kept_spans) AS kept, sum(demand_spans) AS demand FROM {} WHERE tenant = {{tenant:String}}"
    for table in ("budget_demand", "budget_spending"):
        (row,) = (await store.query(sql.format(table), {"tenant": tenant})).to_pylist()
        (stored,) = (
            await store.query("SELECT count() AS n FROM spans WHERE tenant = {tenant:String}", {"tenant": tenant})
        ).to_pylist()
        assert row == {"kept": stored["n"], "demand": 400} and 200 < stored["n"] < 260
