"""Traces and policies as nobody expects them: each trace has its verdict, nothing is lost, nobody waits."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.query.engine import engine
from tests.sampling.test_sampler import ERRORS_AND_A_TENTH, WAIT_S, Bench
from tests.sampling.traces import ARRIVAL_S, START_NS, Span, Trace, judge, share, store
from traceo.config import Query as QuerySettings
from traceo.errors import LimitExceeded
from traceo.query.run import Queries
from traceo.query.traces import read_trace
from traceo.store.base import Batch, Request, Signal

KEPT, DROPPED = share(0.95), share(0.5)
FAILED = Span(status=2)
HOUR_NS = 3600 * 10**9
LARGE = 200_000


@pytest.fixture(autouse=True)
def empty_window() -> Iterator[None]:
    """A round looks at each tenant that has spans there."""
    yield
    asyncio.run(engine().execute("TRUNCATE TABLE spans_recent"))


def test_trace_of_200_000_spans_is_judged_and_copied_like_any_other() -> None:
    bench, large = Bench(), Trace(DROPPED + 7)
    bodies = [_many_spans(large.trace_id, LARGE // 20, failed=part == 0) for part in range(20)]
    batch = Batch((ARRIVAL_S * 1000) << 22, secrets.token_hex(16))
    asyncio.run(engine().insert(Signal.TRACES, [Request(bench.tenant, body, True) for body in bodies], batch))
    bench.store(Trace(KEPT), Trace(DROPPED))
    bench.judge(WAIT_S)
    assert bench.kept() == {KEPT: 1, large.randomness: LARGE}
    assert bench.ledger() == {"kept": (2, LARGE + 1), "dropped": (1, 1)}
    with pytest.raises(LimitExceeded, match="rows of the result"):  # query.max_result_rows
        asyncio.run(read_trace(Queries(engine(), QuerySettings()), bench.tenant, large.trace_id.hex()))


def _many_spans(trace_id: bytes, count: int, *, failed: bool) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(count):
        span = spans.add(trace_id=trace_id, span_id=os.urandom(8), name="step", start_time_unix_nano=START_NS + number)
        span.end_time_unix_nano = START_NS + number + 1000
    spans[0].status.code = 2 if failed else 0  # type: ignore[assignment]
    return request.SerializeToString()


def test_trace_that_never_ends_is_judged_once_and_all_of_it_follows() -> None:
    """Ten spans every ten minutes, for an hour."""
    bench, minutes, spans = Bench(), 60, tuple(Span(f"step {number}") for number in range(10))
    for second in range(0, minutes * 60, 600):
        bench.store(Trace(KEPT, spans, second), Trace(DROPPED, spans, second))
        bench.judge(second + WAIT_S)
    assert bench.kept() == {KEPT: minutes}
    ledger = bench.ledger()
    assert sum(spans for _, spans in ledger.values()) == 2 * minutes
    assert (ledger["kept"][0], ledger["dropped"][0]) == (1, 1)
    decided = bench.rows("SELECT count() AS n FROM decisions WHERE tenant = {tenant:String}")
    assert decided == [{"n": 2}]


@pytest.mark.parametrize(
    ("wait", "kept"), [("10s", {}), ("11m", {DROPPED: 6})], ids=["wait is over", "wait is as long"]
)
def test_spans_of_one_trace_over_ten_minutes(wait: str, kept: dict[int, int]) -> None:
    """The verdict is over what came within the wait; what comes later follows it, even an error."""
    bench = Bench(ERRORS_AND_A_TENTH.replace("decision_wait: 10s", f"decision_wait: {wait}"))
    for minute in (0, 2, 4, 6, 8, 10):
        bench.store(Trace(DROPPED, (FAILED if minute == 10 else Span(),), minute * 60))
        bench.judge(minute * 60 + WAIT_S)
    bench.judge(1500)
    assert bench.kept() == kept
    assert sum(spans for _, spans in bench.ledger().values()) == 6


@pytest.mark.parametrize("hours", [-48, 48])
def test_senders_clock_that_is_days_off_changes_no_verdict(hours: int) -> None:
    """Arrival decides when a trace is due; its own times are kept as they came."""
    bench, skew = Bench(), hours * HOUR_NS
    mixed = (Span(start_ns=skew), Span(status=2))
    bench.store(Trace(KEPT, (Span(start_ns=skew),)), Trace(DROPPED, (Span(start_ns=skew),)), Trace(DROPPED + 1, mixed))
    bench.judge(WAIT_S)
    assert bench.kept() == {KEPT: 1, DROPPED + 1: 2}
    (times,) = bench.rows(
        "SELECT toUnixTimestamp64Nano(min(start_time)) AS first, toUnixTimestamp64Nano(max(start_time)) AS last "
        "FROM spans WHERE tenant = {tenant:String}"
    )
    assert (times["first"], times["last"]) == (START_NS + min(0, skew), START_NS + max(0, skew))


@pytest.mark.parametrize("hours", [-48, 48])
def test_arrival_that_is_hours_off_waits_or_is_judged_at_once(hours: int) -> None:
    """The clock of a Traceo that takes spans in is wrong: they wait until then, or not at all; none is lost."""
    bench, second = Bench(), hours * 3600
    bench.store(Trace(KEPT + 1, second=0))
    bench.judge(WAIT_S)
    bench.store(Trace(KEPT, second=second), Trace(DROPPED, second=second))
    bench.judge(WAIT_S + 1)
    early = {KEPT + 1: 1} if hours > 0 else {KEPT: 1, KEPT + 1: 1}
    assert bench.kept() == early
    bench.judge(max(0, second) + WAIT_S + 2)
    assert bench.kept() == {KEPT: 1, KEPT + 1: 1}
    assert bench.ledger() == {"kept": (2, 2), "dropped": (1, 1)}


NAMES = ['it\'s "quoted"', "`x` {tenant:String} \\ -- ; /* %s */", "ошибки 🚀 👩‍👩‍👧", "x" * 250]


@pytest.mark.parametrize("name", NAMES, ids=["quotes", "SQL", "emoji", "long"])
def test_policy_may_have_any_name(name: str) -> None:
    bench = Bench(f"decision_wait: 10s\npolicies: [{{name: {_yaml(name)}, type: always_sample}}]")
    bench.store(Trace(KEPT))
    bench.judge(WAIT_S)
    (row,) = bench.rows("SELECT kept_by FROM spans WHERE tenant = {tenant:String}")
    assert row["kept_by"] == name
    (row,) = bench.rows("SELECT policy, verdict FROM sampling_ledger WHERE tenant = {tenant:String}")
    assert (row["policy"], row["verdict"]) == (name, "kept")


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


RULES = (
    "type: latency, latency: {{threshold_ms: {0}}}",
    "type: string_attribute, string_attribute: {{key: k{0}, values: [x]}}",
    "type: numeric_attribute, numeric_attribute: {{key: n{0}, min_value: 5}}",
    "type: span_count, span_count: {{min_spans: {0}}}",
)


def test_two_hundred_policies_are_one_verdict() -> None:
    rules = [RULES[number % len(RULES)].format(number + 1000) for number in range(200)]
    document = "policies:\n" + "\n".join(f"- {{name: p{number}, {rule}}}" for number, rule in enumerate(rules))
    tenant = f"many-{secrets.token_hex(4)}"
    store(tenant, [Trace(DROPPED), Trace(KEPT, (Span(attributes={"k1197": "x", "n1198": 7}),))])
    verdicts = judge(tenant, document)
    assert {at: (row["keep"], row["votes"]) for at, row in verdicts.items()} == {
        DROPPED: (False, []),
        KEPT: (True, ["p197", "p198"]),
    }


def test_long_pattern_is_matched() -> None:
    words = "|".join(f"word-{number}" for number in range(20_000))
    document = f"""
policies:
  - name: words
    type: string_attribute
    string_attribute: {{key: k, enabled_regex_matching: true, values: ['^({words})$']}}
"""
    tenant = f"words-{secrets.token_hex(4)}"
    attributes: list[dict[str, Any]] = [{"k": "word-19999"}, {"k": "word-20000"}]
    store(tenant, [Trace(KEPT + number, (Span(attributes=value),)) for number, value in enumerate(attributes)])
    assert [row["keep"] for _, row in sorted(judge(tenant, document).items())] == [True, False]
