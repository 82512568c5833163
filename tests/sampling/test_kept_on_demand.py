"""Traces that are kept whatever the policies say: their senders mark them, or an exemplar leads to them."""

import asyncio
import time
from typing import Any

import pytest

from tests.sampling.test_sampler import DROPPED, KEPT, Bench
from tests.sampling.traces import Span, Trace
from traceo.errors import InvalidRequest
from traceo.sampling.parse import parse_policies

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
        (f"{NOTHING}marked_traces_per_minute: -1", "marked_traces_per_minute: -1 must be 0 or more"),
        (f"{NOTHING}  - {{name: on demand, type: always_sample}}", "is no name for a policy"),
    ],
)
def test_what_cannot_be_meant_is_refused(document: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse_policies(document)
