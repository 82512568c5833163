"""Budgets in verdicts and rounds, on the real engine: what is thinned, what is exempt, and that counts stay right."""

import asyncio
import contextlib
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query.engine import engine
from tests.sampling.test_properties import CORPORA, corpus, sets
from tests.sampling.test_sampler import WAIT_S, Bench
from tests.sampling.traces import Span, Trace, judge, share, store
from traceo.errors import InvalidRequest, StoreUnavailable
from traceo.sampling import sampler
from traceo.sampling.budgets import Budget, Steering, Terms
from traceo.sampling.model import AlwaysSample, Policy, PolicySet
from traceo.sampling.parse import dump_policies, parse_policies
from traceo.sampling.thresholds import NEVER

KEEP = "policies: [{name: all, type: always_sample}]\n"
FAILED, SLOW = (Span(status=2),), (Span(duration_ns=2 * 10**9),)
BUDGET = Budget("b", spans_per_second=10)


def steered(factor: float, exempt: float = 1.0, **fields: Any) -> Steering:
    return Steering(replace(BUDGET, **fields), factor, exempt, "team")


def judged(policies: str, steering: list[Steering], *found: Trace) -> dict[int, dict[str, Any]]:
    tenant = f"budgets-{random.getrandbits(40)}"
    store(tenant, list(found))
    return judge(tenant, policies, steering=steering)


@pytest.mark.parametrize(
    ("policies", "steering", "kept_share"),
    [
        pytest.param(KEEP, [steered(0.25)], 0.25, id="of all"),
        pytest.param(KEEP, [steered(1.0)], 1.0, id="a factor of 1 changes nothing"),
        pytest.param(KEEP, [steered(0.0)], 0.0, id="a factor of 0 keeps nothing"),
        pytest.param(
            "policies: [{name: p, type: probabilistic, probabilistic: {sampling_percentage: 50}}]",
            [steered(0.5)],
            0.25,
            id="of what policies keep",
        ),
        pytest.param(KEEP, [steered(0.5), steered(0.5, name="c")], 0.25, id="one budget after the other"),
        pytest.param(KEEP, [steered(0.5, service="shop"), steered(0.1, service="other")], 0.5, id="in its scope only"),
        pytest.param(KEEP, [steered(0.5, team="pay"), steered(0.1, team="none")], 0.5, id="of a team"),
    ],
)
def test_factor_multiplies_the_share_that_is_kept(policies: str, steering: list[Steering], kept_share: float) -> None:
    span = (Span(resource={"team": "pay"}),)
    just_kept, just_lost = (min(max(share(1 - kept_share) + step, 0), NEVER - 1) for step in (2, -2))
    rows = judged(policies, steering, *(Trace(at, span) for at in {just_kept, just_lost}))
    assert {row["threshold"] for row in rows.values()} == {share(1 - kept_share)}
    assert {at: row["keep"] for at, row in rows.items()} == {at: at >= share(1 - kept_share) for at in rows}


def test_errors_and_slow_traces_have_a_factor_of_their_own() -> None:
    found = [Trace(10, FAILED), Trace(20, SLOW), Trace(30)]
    rows = judged(KEEP, [steered(0.01, 1.0, slow_ms=2000)], *found)
    assert {at: row["keep"] for at, row in rows.items()} == {10: True, 20: True, 30: False}
    assert rows[30]["policy"] == "budget b"
    rows = judged(KEEP, [steered(1.0, 0.5)], *found)
    assert {at: row["threshold"] for at, row in rows.items()} == {10: share(0.5), 20: 0, 30: 0}


def test_guarantee_wins_over_budgets_and_drop_over_both() -> None:
    policies = f"guarantee: true\n{KEEP}"
    rows = judged(policies, [steered(0.0)], Trace(1), Trace(2), Trace(3, (Span("rare"),)))
    assert {at: (row["keep"], row["policy"]) for at, row in rows.items()} == {
        1: (False, "budget b"),
        2: (True, "guarantee"),
        3: (True, "guarantee"),
    }
    drop = "{name: no, type: drop, drop: {drop_sub_policy: [{name: h, type: span_count, span_count: {max_spans: 1}}]}}"
    rows = judged(policies.replace("]\n", f", {drop}]\n"), [steered(0.0)], Trace(1))
    assert (rows[1]["keep"], rows[1]["policy"]) == (False, "no")


def test_trace_that_was_sampled_before_is_thinned_from_there() -> None:
    trace = Trace(share(0.6), (Span(trace_state="ot=th:8"),))
    rows = judged(KEEP, [steered(0.5)], trace)
    assert rows[share(0.6)]["threshold"] == share(0.75)


def test_only_own_spans_are_charged() -> None:
    trace = Trace(7, (Span(), Span(service="db"), Span(service="db")))
    rows = judged(KEEP, [steered(1.0, service="db"), steered(1.0, service="none"), steered(1.0)], trace)
    charged = [tuple(charge.values()) for charge in rows[7]["charges"]]
    sizes = {number: size for number, _, _, size, _ in charged}
    assert [(number, exempt, spans) for number, exempt, spans, _, _ in charged] == [(0, 0, 2), (2, 0, 3)]
    assert 0 < sizes[0] < sizes[2]


def test_counts_over_what_is_left_are_unbiased() -> None:
    rnd = random.Random(3)
    policies = """
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 60}}
  - {name: limit, type: rate_limiting, rate_limiting: {spans_per_second: 500}}
"""
    found = [
        Trace(rnd.randrange(NEVER), FAILED if n % 4 == 0 else SLOW if n % 4 == 1 else (Span(),)) for n in range(3000)
    ]
    rows = judged(policies, [steered(0.4, 0.7, slow_ms=2000), steered(0.8, 0.9, name="c")], *found)
    weights = [NEVER / (NEVER - row["threshold"]) for row in rows.values() if row["keep"]]
    deviation = math.sqrt(sum(weight * (weight - 1) for weight in weights))
    assert abs(sum(weights) - len(found)) < 4 * deviation


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(policies=sets, factor=st.floats(0, 1), number=st.integers(0, CORPORA - 1))
def test_any_set_is_thinned_by_the_factor_and_nothing_else(policies: PolicySet, factor: float, number: int) -> None:
    tenant, _ = corpus(number)
    policies = replace(policies, policies=(*policies.policies, Policy("rest", AlwaysSample())))
    before, after = judge(tenant, policies), judge(tenant, policies, steering=[steered(factor, 1.0)])
    for at, row in after.items():
        (charge,) = row["charges"]
        share_2_32 = 1 << 32 if charge["2"] else round(factor * (1 << 32))
        threshold = NEVER - ((NEVER - before[at]["threshold"]) * share_2_32 >> 32)
        assert (row["threshold"], row["keep"]) == (threshold, at >= threshold)
        assert charge["5"] == before[at]["keep"] and row["votes"] == before[at]["votes"]


class BudgetBench(Bench):
    """Rounds of five seconds each."""

    @classmethod
    @contextlib.contextmanager
    def of(cls, document: str, *, dry_run: bool = False) -> Iterator["BudgetBench"]:
        """Its spans are gone in the end, so that others' rounds need not look at them."""
        bench = cls(f"decision_wait: 10s\n{KEEP}{document}\n", dry_run=dry_run)
        yield bench
        asyncio.run(engine().execute("TRUNCATE TABLE spans_recent"))

    def run(self, rounds: int, start: int, *per_round: tuple[Span, ...]) -> None:
        for number in range(start, start + rounds):
            second = 5 * number
            self.store(*(Trace(random.getrandbits(56), spans, second) for spans in per_round))
            self.judge(second + 4 + WAIT_S)

    def kept_of(self, where: str) -> int:
        return int(self.rows(f"SELECT count() AS n FROM spans WHERE tenant = {{tenant:String}} AND {where}")[0]["n"])

    def factors(self) -> list[tuple[float, float]]:
        (last,) = (found for (tenant, _), found in self.rounds.last.items() if tenant == self.tenant)
        return [(item.factor, item.exempt_factor) for item in last.steering]


def test_rounds_meet_a_budget_and_keep_all_errors_below_the_ceiling() -> None:
    with BudgetBench.of("budgets: [{name: b, spans_per_second: 20, exempt_ceiling: 5}]") as bench:
        bench.run(8, 0, *[(Span(),)] * 500, *[FAILED] * 15)
        late = "received_at >= toDateTime(1790000100 + 20)"
        assert bench.kept_of("status_code = 2") == 8 * 15
        assert bench.kept_of(f"{late} AND status_code = 0") / 20 < 22
        ((usual, exempt),) = bench.factors()
        assert 0.08 <= usual < 0.22 and exempt == 1
        (counted,) = bench.rows(
            "SELECT sum(1 / (1 - threshold / exp2(56))) AS n FROM spans WHERE tenant = {tenant:String}"
        )
        assert counted["n"] == pytest.approx(8 * 515, rel=0.2)
        (spending,) = bench.rows(
            "SELECT sum(demand_spans) AS demand, sum(kept_spans) AS kept FROM budget_spending "
            "WHERE tenant = {tenant:String} AND owner = tenant AND NOT exempt"
        )
        assert spending == {"demand": 8 * 500, "kept": bench.kept_of("status_code = 0")}


def test_errors_above_the_ceiling_are_thinned_to_it() -> None:
    with BudgetBench.of("budgets: [{name: b, spans_per_second: 50, exempt_ceiling: 5}]") as bench:
        bench.run(3, 0, *[(Span(),)] * 100, *[FAILED] * 200)
        ((usual, exempt),) = bench.factors()
        assert usual == 1 and exempt < 0.2
        assert bench.kept_of("status_code = 0") == 300


def test_dry_run_keeps_all_and_steers_by_what_it_would_have_kept() -> None:
    with BudgetBench.of("budgets: [{name: b, spans_per_second: 20}]", dry_run=True) as bench:
        bench.run(4, 0, *[(Span(),)] * 300)
        assert bench.kept_of("true") == 1200
        (would,) = bench.rows("SELECT sum(kept_spans) AS n FROM budget_demand WHERE tenant = {tenant:String}")
        assert 300 <= would["n"] < 900 and bench.factors()[0][0] < 0.5


def test_round_that_is_repeated_thins_by_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with BudgetBench.of("budgets: [{name: b, spans_per_second: 10}]") as bench:
        bench.run(2, 0, *[(Span(),)] * 200)
        bench.store(*(Trace(random.getrandbits(56), (Span("last"),), 10) for _ in range(200)))

        class Killed(BaseException):
            pass

        async def execute_on(host: str, sql: str, params: Any = None) -> None:
            if (params or {}).get("tenant") == bench.tenant and sql.startswith("INSERT INTO sampling_ledger"):
                raise Killed
            await engine().execute(sql, params)

        with monkeypatch.context() as patched:
            patched.setattr(engine(), "execute_on", execute_on)
            with pytest.raises(Killed):
                bench.judge(10 + WAIT_S)
        begun = bench.rounds.written[-1]
        assert not begun.done and begun.steering[0].factor < 0.5
        bench.judging = replace(bench.judging, policies=parse_policies(KEEP).policies)  # type: ignore[type-var]
        bench.judge(11 + WAIT_S)
        kept, decided = (
            bench.rows(f"SELECT count() AS n FROM {table} WHERE tenant = {{tenant:String}} AND {where}")[0]["n"]
            for table, where in (
                ("spans", "name = 'last'"),
                ("decisions", "keep AND first_arrival = toDateTime(1790000110)"),
            )
        )
        assert kept == decided < 150
        (charged,) = bench.rows(
            "SELECT sum(kept_spans) AS n FROM budget_demand WHERE tenant = {tenant:String} AND "
            "moment = toDateTime(1790000110, 'UTC')"
        )
        assert charged["n"] == kept


def test_shard_that_does_not_answer_leaves_the_factors_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    with BudgetBench.of("budgets: [{name: b, spans_per_second: 10}]") as bench:
        bench.run(2, 0, *[(Span(),)] * 200)
        known = bench.factors()

        async def unavailable(*_: Any, **__: Any) -> Any:
            raise StoreUnavailable("shard 2 does not answer")

        with monkeypatch.context() as patched:
            patched.setattr(sampler, "steer", unavailable)
            bench.run(1, 2, *[(Span(),)] * 200)
        assert bench.factors() == known != [(1, 1)]
        assert bench.rows("SELECT count() AS n FROM decisions WHERE tenant = {tenant:String}") == [{"n": 600}]


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (
            "{name: b}",
            "budgets[0]: its target is missing; expected one of spans_per_second, bytes_per_day, money_",
        ),
        ("{name: b, spans_per_second: 1, bytes_per_day: 1}", "its target is spans_per_second and bytes_per_day"),
        ("{name: b, spans_per_second: 0}", "budgets[0].spans_per_second: 0 must be above 0"),
        ("{name: b, bytes_per_day: -5}", "must be above 0"),
        ("{name: b, spans_per_second: 1, exempt_ceiling: 0}", "budgets[0].exempt_ceiling: 0 must be above 0"),
        ("{name: b, spans_per_second: 1, slow_ms: 0}", "budgets[0].slow_ms: 0 must be 1 or more"),
        ("{name: b, spans_per_second: 1, team: a, service: b}", "service and team are given; expected one of them"),
        ("{name: '', spans_per_second: 1}", "budgets[0].name: '' is no name"),
        ("{spans_per_second: 1}", "budgets[0].name: missing"),
        ("{name: b, spans_per_seconds: 1}", "unknown field; did you mean spans_per_second?"),
        ("{name: b, bytes_per_day: 1GiB}", "budgets[0].bytes_per_day: '1GiB' is not a whole number"),
        ("{name: b, spans_per_second: .inf}", "is not a number"),
        ("{name: b, spans_per_second: 1}, {name: b, bytes_per_day: 1}", "'b' is the name of 2"),
        (
            "{name: a, spans_per_second: 1, team: x}, {name: b, spans_per_second: 2, team: x}",
            "2 budgets in spans_per_second for team x contradict each other; keep one",
        ),
    ],
)
def test_budget_that_means_nothing_is_refused(budget: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_policies(f"{KEEP}budgets: [{budget}]\n")
    assert message in str(refused.value)


def test_budget_that_a_wider_one_makes_unreachable_is_noted() -> None:
    text = "budgets: [{name: a, spans_per_second: 5}, {name: b, spans_per_second: 9, team: x}]\n"
    parsed = parse_policies(KEEP + text)
    assert parsed.notes == ("budgets[1].spans_per_second: 9 is more than a leaves, 5: it cannot be used in full",)
    assert parse_policies(dump_policies(parsed.policies)).policies == parsed.policies


def test_money_needs_a_price() -> None:
    money = Budget("m", money_per_month=5)
    with pytest.raises(InvalidRequest, match=r"budgets\[0\].money_per_month: nothing has a price"):
        Terms().check([money])
    terms = Terms(price_per_gib=2, price_per_million_spans=3)
    terms.check([money])
    assert terms.size(money, 2e6, 1 << 29) == 7


def test_many_budgets_are_refused() -> None:
    many = ", ".join(f"{{name: b{n}, spans_per_second: 1, service: s{n}}}" for n in range(51))
    with pytest.raises(InvalidRequest, match="51 are more than 50"):
        parse_policies(f"{KEEP}budgets: [{many}]\n")
