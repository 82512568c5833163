"""Traces that are kept whatever the policies say: their senders mark them, or an exemplar leads to them."""

import asyncio
import time
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.query.engine import engine, insert
from tests.query.telemetry import pairs
from tests.sampling.test_sampler import DROPPED, KEPT, Bench
from tests.sampling.traces import START_NS, Span, Trace
from traceo.errors import InvalidRequest
from traceo.sampling.exemplars import keep_exemplars
from traceo.sampling.parse import parse_policies
from traceo.sampling.sampler import Judging
from traceo.sampling.thresholds import NEVER
from traceo.store.base import Signal

NOTHING = """
decision_wait: 10s
policies:
  - {name: none, type: drop, drop: {drop_sub_policy: [{name: all, type: always_sample}]}}
  - {name: all, type: always_sample}
"""
CAPTURED = "http.request.header.x-traceo-keep"
MARKS: list[tuple[dict[str, Any], bool]] = [
    ({"attributes": {"traceo.keep": "1"}}, True),
    ({"attributes": {"traceo.keep": "true", "other": 7}}, True),
    ({"attributes": {"traceo.keep": True}}, True),
    ({"attributes": {"traceo.keep": 1}}, True),
    ({"attributes": {CAPTURED: ["1"]}}, True),
    ({"attributes": {"http.request.header.x_traceo_keep": ["true"]}}, True),
    ({"trace_state": "traceo=keep:1"}, True),
    ({"trace_state": "a=b, traceo=keep:1 ,c=d"}, True),
    ({"attributes": {"traceo.keep": "0"}}, False),
    ({"attributes": {"traceo.keep": False}}, False),
    ({"attributes": {CAPTURED: ["1", "1"]}}, False),
    ({"attributes": {"keep": "1"}}, False),
    ({"trace_state": "mytraceo=keep:1"}, False),
    ({"trace_state": "traceo=keep:10"}, False),
    ({}, False),
]


def judge_now(bench: Bench, later_s: int = 5) -> None:
    """A round by the wall clock, by which marks are dated; all spans have waited long enough."""
    asyncio.run(bench.sampler.run_once(time.time() + later_s))


def kept_by(bench: Bench) -> set[tuple[str, int]]:
    rows = bench.rows("SELECT kept_by, threshold FROM spans WHERE tenant = {tenant:String}")
    return {(row["kept_by"], row["threshold"]) for row in rows}


def test_marks_of_senders_keep_a_trace_whatever_the_policies() -> None:
    bench = Bench(NOTHING)
    bench.store(*(Trace(DROPPED + n, (Span(), Span(**mark))) for n, (mark, _) in enumerate(MARKS)))
    judge_now(bench)
    assert bench.kept() == {DROPPED + n: 2 for n, (_, keeps) in enumerate(MARKS) if keeps}
    assert kept_by(bench) == {("on demand: marked", 0)}
    assert bench.ledger() == {"forced": (8, 16), "dropped": (7, 14)}


def test_header_of_the_request_keeps_every_trace_in_it() -> None:
    bench = Bench(NOTHING)
    bench.store(Trace(DROPPED), Trace(KEPT), keep=True)
    bench.store(Trace(DROPPED + 1))
    judge_now(bench)
    assert bench.kept() == {DROPPED: 1, KEPT: 1}


def test_mark_that_comes_after_the_verdict_brings_the_trace_back() -> None:
    bench = Bench(NOTHING)
    bench.store(Trace(DROPPED), Trace(DROPPED + 1))
    judge_now(bench)
    bench.store(Trace(DROPPED, (Span("late", attributes={"traceo.keep": "1"}),), second=1))
    judge_now(bench, 6)
    judge_now(bench, 7)
    assert bench.kept() == {DROPPED: 2}
    assert bench.ledger() == {"dropped": (2, 2), "late_kept": (0, 1), "rescued": (1, 1)}


@pytest.mark.parametrize(("limit", "kept"), [(2, 2), (0, 0)])
def test_no_sender_marks_more_than_the_tenants_limit_of_a_minute(limit: int, kept: int) -> None:
    bench = Bench(f"{NOTHING}marked_traces_per_minute: {limit}\n")
    bench.store(*(Trace(DROPPED + n) for n in range(5)), keep=True)
    judge_now(bench)
    judge_now(bench, 6)
    assert len(bench.kept()) == kept


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (f"{NOTHING}marked_traces_per_minute: -1", "marked_traces_per_minute: -1 must be between 0 and 1000000"),
        (f"{NOTHING}  - {{name: on demand, type: always_sample}}", "is no name for a policy"),
    ],
)
def test_what_cannot_be_meant_is_refused(document: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse_policies(document)


def send_exemplars(bench: Bench, *series: tuple[str, list[int]]) -> None:
    """A histogram's point for each series, with exemplars of traces by their randomness (0: of no trace)."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    histogram = group.scope_metrics.add().metrics.add(name="latency").histogram
    histogram.aggregation_temporality = 2
    for route, found in series:
        point = histogram.data_points.add(time_unix_nano=START_NS, count=len(found), attributes=pairs({"route": route}))
        for randomness in found:
            point.exemplars.add(trace_id=Trace(randomness).trace_id if randomness else b"")
    insert(bench.tenant, Signal.METRICS, request.SerializeToString())


def look_for_exemplars(bench: Bench) -> None:
    def judging(tenant: str, version: int | None) -> Judging | None:
        return bench.judging if tenant == bench.tenant else None

    asyncio.run(keep_exemplars(engine(), judging, time.time()))


@pytest.mark.parametrize("judged_first", [False, True], ids=["before the verdict", "after the verdict"])
def test_traces_of_exemplars_are_kept(judged_first: bool) -> None:
    bench = Bench(NOTHING)
    bench.store(*(Trace(DROPPED + n, (Span(), Span("b"))) for n in range(4)))
    if judged_first:
        judge_now(bench)
    send_exemplars(bench, ("/a", [0, DROPPED]), ("/b", [DROPPED + 1]), ("/c", [DROPPED + 1]), ("/d", []))
    look_for_exemplars(bench)
    judge_now(bench, 6)
    assert bench.kept() == {DROPPED: 2, DROPPED + 1: 2}
    assert kept_by(bench) == {("on demand: exemplar", NEVER if judged_first else 0)}


def test_series_has_one_trace_a_minute_and_the_tenant_its_limit() -> None:
    bench = Bench(f"{NOTHING}exemplar_traces_per_minute: 2\n")
    send_exemplars(bench, ("/a", [DROPPED, DROPPED + 1]))
    look_for_exemplars(bench)
    send_exemplars(bench, *((f"/{n}", [DROPPED + n]) for n in range(2, 9)))
    for _ in range(2):
        look_for_exemplars(bench)
    sql = "SELECT requested_at, trace_id FROM kept_traces WHERE tenant = {tenant:String} ORDER BY ALL"
    asked = bench.rows(sql)
    assert asked[0]["trace_id"] == Trace(DROPPED).trace_id
    assert len(asked) == len({row["trace_id"] for row in asked}) and len(asked) in (2, 3)  # 3: a minute began meanwhile


def test_exemplars_are_left_alone_where_they_are_switched_off() -> None:
    bench = Bench(f"{NOTHING}exemplar_traces_per_minute: 0\n")
    send_exemplars(bench, ("/a", [DROPPED]))
    look_for_exemplars(bench)
    assert bench.rows("SELECT trace_id FROM kept_traces WHERE tenant = {tenant:String}") == []
