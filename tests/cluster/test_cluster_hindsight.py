"""What-if and rewind on two shards: the same answers as on one node."""

import secrets
import time

import pytest

from tests.query.telemetry import metrics, span, traces
from traceo.config import Query as QuerySettings
from traceo.hindsight.keep import KeepRequest, keep_traces
from traceo.hindsight.simulate import Simulation, simulate
from traceo.query.run import Queries
from traceo.query.search import TraceSearch, search_traces
from traceo.query.sql import TimeRange
from traceo.sampling.exemplars import keep_exemplars
from traceo.sampling.sampler import KEEP_ALL, Judging
from traceo.store.base import Request, Signal
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

NOW = time.time_ns()
RANGE = TimeRange(NOW - 10**9, NOW + 10**9)
ERRORS = "policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]"


async def test_traces_of_all_shards_are_replayed_and_kept(store: ClusterStore) -> None:
    tenant = f"hindsight-{secrets.token_hex(4)}"
    spans = [span(secrets.randbits(120), number, NOW, status={"code": 2 * (number == 5)}) for number in range(1, 21)]
    await store.insert(Signal.TRACES, [Request(tenant, traces("shop", spans), recent=True)])
    queries = Queries(store, QuerySettings())
    report = await simulate(queries, tenant, Simulation(ERRORS, RANGE))
    assert report["totals"]["traces"] == {"all": 20, "kept": 1, "share": 0.05}
    assert report["figures"]["services"][0]["requests"] == 20
    page = await search_traces(queries, tenant, TraceSearch(RANGE, resource=(("service.name", "shop"),), limit=50))
    assert len(page.traces) == 20
    for already in (0, 20):
        answer = await keep_traces(queries, store, tenant, KeepRequest(TraceSearch(RANGE, service="shop")))
        assert (answer["matched"], answer["already_kept"], answer["will_be_kept"]) == (20, already, 20 - already)


async def test_marked_traces_and_those_of_exemplars_are_asked_for_where_they_rest(store: ClusterStore) -> None:
    tenant = f"marked-{secrets.token_hex(4)}"
    spans = [span(secrets.randbits(120), number, NOW) for number in range(1, 21)]
    marked = Request(tenant, traces("shop", spans), recent=True, keep=True)
    await store.insert(Signal.TRACES, [marked, Request(tenant, traces("shop", [span(7, 1, NOW)]), recent=True)])
    await store.insert(Signal.METRICS, [Request(tenant, metrics("shop", NOW))])
    await keep_exemplars(store, lambda name, version: Judging(KEEP_ALL) if name == tenant else None, time.time())
    found = []
    for host in await store.hosts():
        sql = "SELECT source, trace_id FROM kept_traces_local WHERE tenant = {tenant:String} ORDER BY trace_id"
        asked = (await store.query_on(host, sql, {"tenant": tenant})).to_pylist()
        resting = "SELECT DISTINCT trace_id FROM spans_recent_local WHERE tenant = {tenant:String}"
        here = {row["trace_id"] for row in (await store.query_on(host, resting, {"tenant": tenant})).to_pylist()}
        assert {row["trace_id"] for row in asked if row["source"] == "on demand: marked"} <= here
        found += asked
    assert sorted(row["source"] for row in found) == ["on demand: exemplar"] + 20 * ["on demand: marked"]
