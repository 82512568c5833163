"""Random policy sets over random traces: the SQL says what brute force says, and kept counts are unbiased."""

import asyncio
import random
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query.engine import engine
from tests.sampling.reference import Reference
from tests.sampling.traces import Span, Trace, judge, store
from traceo.sampling.model import (
    AlwaysSample,
    And,
    BooleanAttribute,
    BytesLimiting,
    Composite,
    Drop,
    Dynamic,
    Latency,
    Not,
    NumericAttribute,
    Policy,
    PolicySet,
    Probabilistic,
    RateAllocation,
    RateLimiting,
    Rule,
    SpanCount,
    StatusCode,
    StringAttribute,
    TraceFlags,
)
from traceo.sampling.parse import dump_policies, parse_policies
from traceo.sampling.policies import compile_verdict
from traceo.sampling.thresholds import NEVER, adjusted_count
from traceo.settings import Seconds
from traceo.store.binding import Bindings

CORPORA = 3
VALUES = ("a", "b", "ab", "", 0, 5, 12, -3, 2.5, True, False)
BYTES = PolicySet((Policy("bytes", BytesLimiting(1 << 40)),))


@cache
def corpus(number: int) -> tuple[str, Reference]:
    """Traces of one to four spans in five seconds, stored once."""
    rnd = random.Random(number)
    made = [
        Trace(rnd.randrange(NEVER), tuple(_span(rnd) for _ in range(rnd.randint(1, 4))), rnd.randrange(5))
        for _ in range(60)
    ]
    tenant = f"sampling-random-{number}"
    store(tenant, made)
    sizes = {at: row["bytes"] for at, row in judge(tenant, BYTES).items()}
    return tenant, Reference(made, sizes)


def _span(rnd: random.Random) -> Span:
    return Span(
        start_ns=rnd.randrange(10**9),
        duration_ns=rnd.randrange(10**9),
        status=rnd.randrange(3),
        flags=rnd.randrange(2),
        attributes={key: rnd.choice(VALUES) for key in "kl" if rnd.random() < 0.5},
        resource={"k": rnd.choice(VALUES)} if rnd.random() < 0.2 else {},
    )


keys = st.sampled_from("kl")
bounds = st.tuples(st.integers(-4, 13), st.integers(-4, 13)).map(sorted)
simple: st.SearchStrategy[Rule] = st.one_of(
    st.just(AlwaysSample()),
    st.just(TraceFlags()),
    st.integers(0, 1500).map(Latency),
    st.tuples(st.integers(0, 900), st.integers(901, 1800)).map(lambda pair: Latency(*pair)),
    st.tuples(st.integers(1, 2), st.integers(2, 4)).map(lambda pair: SpanCount(*pair)),
    st.lists(st.sampled_from(("UNSET", "OK", "ERROR")), min_size=1, max_size=2).map(lambda x: StatusCode(tuple(x))),
    st.builds(lambda key, pair, invert: NumericAttribute(key, *pair, invert), keys, bounds, st.booleans()),
    st.builds(BooleanAttribute, keys, st.booleans(), st.booleans()),
    st.builds(StringAttribute, keys, st.just(("a", "zz")), st.booleans(), st.booleans()),
    st.builds(StringAttribute, keys, st.just(("^a?b$",)), st.just(True), st.booleans()),
    st.sampled_from((0.0, 100.0, 50.0, 12.5, 0.1, 33.3)).map(Probabilistic),
)
limits: st.SearchStrategy[Rule] = st.one_of(
    st.integers(1, 30).map(RateLimiting),
    st.builds(BytesLimiting, st.integers(200, 4000), st.integers(0, 9000)),
)


def named(rules: st.SearchStrategy[list[Rule]], prefix: str) -> st.SearchStrategy[tuple[Policy, ...]]:
    return rules.map(lambda found: tuple(Policy(f"{prefix}{at}", rule) for at, rule in enumerate(found)))


def some(rules: st.SearchStrategy[Rule], most: int = 3) -> st.SearchStrategy[tuple[Policy, ...]]:
    return named(st.lists(rules, min_size=1, max_size=most), "part")


negated = simple.map(lambda rule: Not(Policy("inner", rule)))
both = some(simple | negated).map(And)
limited = some(simple | negated | limits).map(And)
dropped = some(simple | negated | both, 2).map(Drop)


def _composite(parts: tuple[Policy, ...], rate: int, percent: int) -> Composite:
    order = tuple(part.name for part in reversed(parts))
    return Composite(rate, order, parts, (RateAllocation(order[0], percent),))


composite = st.builds(_composite, some(simple | both), st.integers(10, 60), st.integers(20, 70))
top = st.one_of(simple, negated, both, limits, limited, composite, dropped)
sets = st.builds(
    lambda policies, first: PolicySet(policies, sample_on_first_match=first),
    named(st.lists(top, min_size=1, max_size=4), "policy"),
    st.booleans(),
)


@settings(max_examples=35, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(policies=sets, number=st.integers(0, CORPORA - 1))
def test_verdicts_equal_brute_force(policies: PolicySet, number: int) -> None:
    tenant, reference = corpus(number)
    if all(isinstance(item.rule, Drop) for item in policies.policies):
        policies = PolicySet((*policies.policies, Policy("rest", AlwaysSample())))
    expected = reference.judge(policies)
    found = judge(tenant, policies)
    assert {at: (row["threshold"], bool(row["keep"]), row["votes"]) for at, row in found.items()} == expected


@settings(max_examples=100, deadline=None, derandomize=True)
@given(policies=sets)
def test_any_set_reads_back_as_it_was(policies: PolicySet) -> None:
    assert parse_policies(dump_policies(policies)).policies == policies


DRAWS, SHAPES = 500, 24
# The same 24 traces of 1 to 4 spans in each of 500 seconds, each time with other randomness; every third has an error.
SYNTHETIC = f"""
    SELECT toFixedString(unhex(leftPad(hex(sipHash64(draw, shape)), 32, '0')), 16) AS trace_id,
        toDateTime(1790000100 + draw) AS received_at, unhex('0000000000000000') AS parent_span_id, '' AS trace_state,
        'shop' AS service, concat('op', toString(shape % 3)) AS name, '' AS status_message,
        if(shape % 3 = 0, 2, 0) AS status_code, [] :: Array(String) AS `events.name`,
        map() :: Map(String, String) AS attributes, [] :: Array(Map(String, String)) AS `events.attributes`,
        toDateTime64(received_at, 9, 'UTC') AS start_time, toInt64(0) AS duration_ns
    FROM (SELECT intDiv(number, {SHAPES}) AS draw, number % {SHAPES} AS shape FROM numbers({DRAWS * SHAPES}))
    ARRAY JOIN range(1 + shape % 4) AS place
"""
RATED = {
    "probabilistic": Probabilistic(20),
    "rate_limiting": RateLimiting(25),
    "limit in and": And((Policy("errors", StatusCode(("ERROR",))), Policy("limit", RateLimiting(8)))),
    "composite": _composite((Policy("rest", AlwaysSample()), Policy("errors", StatusCode(("ERROR",)))), 30, 40),
    "throughput": Dynamic(("root.name",), target_throughput=6, minimum_per_key=1, adjustment_interval=Seconds(1)),
    "bytes": BytesLimiting(1500, 1500),
    "union": And((Policy("not", Not(Policy("inner", Probabilistic(70)))), Policy("limit", RateLimiting(30)))),
}


@pytest.mark.parametrize("rule", RATED.values(), ids=RATED)
def test_kept_counts_are_unbiased(rule: Rule) -> None:
    bindings = Bindings()
    bindings.params["tenant"] = "nobody"
    policies = PolicySet((Policy("p", rule), Policy("never", Latency(10**6))))
    averages = "concat('op', toString(number)) AS key, 5 + number * 4 AS traces, 0 AS kept"
    counts = f"SELECT 'p' AS policy, {averages} FROM numbers(3)"
    sql = compile_verdict(policies, lambda columns: f"SELECT {columns} FROM ({SYNTHETIC})", bindings, counts=counts)
    wanted = SHAPES
    if isinstance(rule, And) and rule.and_sub_policy[0].name == "errors":
        wanted = SHAPES // 3
    count = adjusted_count("threshold")
    per_draw = f"toFloat64(sum(if(keep, {count}, 0))) AS estimate, sum(keep) AS kept"
    by_draw = f"SELECT {per_draw} FROM ({sql}) GROUP BY first_arrival"
    asked = f"SELECT avg(estimate) AS mean, stddevSamp(estimate) AS deviation, avg(kept) AS kept FROM ({by_draw})"
    (row,) = asyncio.run(engine().query(asked, bindings.params)).to_pylist()
    assert 0 < row["kept"] < SHAPES
    error = row["deviation"] / DRAWS**0.5
    assert abs(row["mean"] - wanted) < 4 * error + 1e-9, row
