"""What-if on the engine: what a set would keep, cost and lose, and how right figures stay."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from sqlglot import transpile

from tests.described import described
from tests.query.engine import engine
from tests.sampling.traces import START_NS, Span, Trace, share, store
from traceo.api.routes.sampling_answers import SimulateAnswer
from traceo.config import Query as QuerySettings
from traceo.errors import InvalidRequest, LimitExceeded
from traceo.hindsight.replay import Replay, compile_figures
from traceo.hindsight.simulate import Simulation, simulate
from traceo.query.run import Queries
from traceo.query.sql import Scope, TimeRange
from traceo.sampling.parse import parse_policies

MS = 1_000_000
RANGE = TimeRange(START_NS, START_NS + 3600 * 10**9)
ERRORS = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}"
SLOW = "{name: slow, type: latency, latency: {threshold_ms: 500}}"
QUARTER = "{name: quarter, type: probabilistic, probabilistic: {sampling_percentage: 25}}"
HEALTH = "{name: h, type: ottl_condition, ottl_condition: {span: ['name == \"health\"']}}"
DROP = f"{{name: no-health, type: drop, drop: {{drop_sub_policy: [{HEALTH}]}}}}"
LIMIT = "{name: limit, type: rate_limiting, rate_limiting: {spans_per_second: 2}}"
numbers = itertools.count()


@pytest.fixture
def tenant() -> str:
    return f"hindsight-{next(numbers)}"


def policies(*items: str, top: str = "") -> str:
    return f"{top}\npolicies: [{', '.join(items)}]"


def rest(tenant: str, found: list[Trace]) -> None:
    """Store the traces in the recent window."""
    store(f"{tenant}-loader", found)
    move = (
        "INSERT INTO spans_recent SELECT * REPLACE ({tenant:String} AS tenant) FROM spans AS s "
        "WHERE s.tenant = {loader:String}"
    )
    asyncio.run(engine().execute(move, {"tenant": tenant, "loader": f"{tenant}-loader"}))


def replay(tenant: str, document: str, **more: Any) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        return await simulate(Queries(engine(), QuerySettings()), tenant, Simulation(document, RANGE, **more))

    report: dict[str, Any] = described(SimulateAnswer, asyncio.run(work()))
    return report


def some_traces() -> list[Trace]:
    """A hundred with even randomness, of which one failed and one is slow, and four checks of health."""
    found = [Trace(share(number / 100) + 1, (Span(duration_ns=MS),)) for number in range(100)]
    found[10] = Trace(found[10].randomness, (Span(status=2), Span(parent=1, service="cart", name="pay", kind=3)))
    found[20] = Trace(found[20].randomness, (Span(duration_ns=700 * MS),))
    return found + [Trace(share(0.9) + number, (Span("health", "probe"),)) for number in range(2, 6)]


def test_what_is_kept_and_by_whom(tenant: str) -> None:
    rest(tenant, some_traces())
    report = replay(tenant, policies(ERRORS, SLOW, QUARTER, DROP))
    assert report["replayed"] == {"traces": 104, "spans": 105, "share_of_traces": 1.0}
    assert report["totals"]["traces"] == {"all": 104, "kept": 27, "share": 27 / 104}
    assert report["totals"]["spans"] == {"all": 105, "kept": 28, "share": 28 / 105}
    errors, slow, quarter, drop = report["policies"]
    assert [errors[kind]["spans"] for kind in ("keeps", "first", "alone")] == [2, 2, 2]
    assert [slow["alone"]["traces"], quarter["keeps"]["traces"], drop["forbids"]["traces"]] == [1, 25, 4]


def test_what_several_keep_is_first_of_one_and_alone_of_none(tenant: str) -> None:
    rest(tenant, [Trace(share(0.9), (Span(status=2, duration_ns=700 * MS),))])
    errors, slow = replay(tenant, policies(ERRORS, SLOW))["policies"]
    counts = [[row[kind]["traces"] for kind in ("keeps", "first", "alone")] for row in (errors, slow)]
    assert counts == [[1, 1, 0], [1, 0, 0]]


def test_what_would_be_lost_has_examples(tenant: str) -> None:
    found = some_traces()
    rest(tenant, found)
    losses = replay(tenant, policies(QUARTER, DROP), slow_ms=500)["losses"]
    error, slow = found[10].trace_id.hex(), found[20].trace_id.hex()
    assert losses["errors"] == {"traces": 1, "lost": 1, "share_lost": 1.0, "examples": [error]}
    assert losses["slow"] == {"threshold_ms": 500, "traces": 1, "lost": 1, "share_lost": 1.0, "examples": [slow]}
    assert (losses["services"]["all"], losses["services"]["lost"]) == (3, 2)
    assert {row["service"] for row in losses["services"]["list"]} == {"cart", "probe"}
    cart = next(row for row in losses["operations"]["list"] if row["service"] == "cart")
    assert cart == {
        **{"service": "cart", "operation": "pay", "kind": "client", "spans": 1, "errors": 0},
        "examples": [error],
    }


def test_slow_is_above_the_p99_of_traces_with_the_same_root(tenant: str) -> None:
    slow_root = [Trace(share(0.5) + number, (Span("report", duration_ns=900 * MS),)) for number in range(3)]
    usual = [Trace(share(0.3) + number, (Span(duration_ns=MS),)) for number in range(2, 102)]
    rest(tenant, [*some_traces(), *usual, *slow_root])
    losses = replay(tenant, policies(SLOW))["losses"]
    assert (losses["slow"]["traces"], losses["slow"]["lost"]) == (1, 0)


def test_figures_of_kept_spans_are_weighted(tenant: str) -> None:
    rest(tenant, some_traces())
    report = replay(tenant, policies(ERRORS, QUARTER), min_requests=10)
    shop = next(row for row in report["figures"]["services"] if row["service"] == "shop")
    assert (shop["requests"], shop["kept_spans"]) == (100, 26)
    assert shop["rate_per_s"]["error"] == pytest.approx(0.01)  # 25 of four each, and the failed one
    assert shop["error_ratio"]["exact"] == 0.01 and shop["error_ratio"]["estimated"] == pytest.approx(1 / 101)
    assert shop["p50_ms"] == {"exact": 1.0, "estimated": 1.0, "error": 0.0}
    (operation,) = report["figures"]["operations"]
    assert (operation["operation"], operation["kind"], operation["requests"]) == ("GET /", "server", 100)


def test_figures_of_a_lost_service_are_not_said(tenant: str) -> None:
    rest(tenant, some_traces())
    (probe,) = [
        row for row in replay(tenant, policies(ERRORS, DROP))["figures"]["services"] if row["service"] == "probe"
    ]
    assert probe["p99_ms"]["estimated"] is None and probe["p99_ms"]["error"] is None


def test_what_came_thinned_counts_for_what_it_stood_for(tenant: str) -> None:
    rest(tenant, [Trace(share(0.75) + number, (Span(trace_state="ot=th:8"),)) for number in range(4)])
    report = replay(tenant, policies("{name: all, type: always_sample}"))
    assert report["totals"]["traces"] == {"all": 4, "kept": 4, "share": 1.0}
    assert report["figures"]["services"][0]["requests"] == 8
    assert report["figures"]["services"][0]["rate_per_s"]["error"] == 0


@pytest.mark.parametrize(
    ("document", "kept"), [(policies(QUARTER), 50), (policies("{name: a, type: always_sample}"), 100)]
)
def test_stored_spans_count_for_what_they_stand_for(tenant: str, document: str, kept: int) -> None:
    store(f"{tenant}-all", [Trace(share(number / 100) + 1) for number in range(50, 100)])
    thin = (
        "INSERT INTO spans SELECT * REPLACE ({tenant:String} AS tenant, {half:UInt64} AS threshold, 'half' AS kept_by) "
        "FROM spans AS s WHERE s.tenant = {loader:String}"
    )
    asyncio.run(engine().execute(thin, {"tenant": tenant, "loader": f"{tenant}-all", "half": 1 << 55}))
    report = replay(tenant, document, source="stored")
    assert report["totals"]["traces"]["all"] == pytest.approx(100)
    assert report["totals"]["traces"]["kept"] == pytest.approx(25 if kept == 50 else 100)
    assert report["figures"]["services"][0]["requests"] == pytest.approx(100)
    assert report["figures"]["services"][0]["rate_per_s"]["error"] == pytest.approx(0)


def kept_earlier(tenant: str, found: list[Trace], threshold: int) -> None:
    """Store traces as an earlier policy kept them."""
    loader = f"{tenant}-{threshold}"
    store(loader, found)
    keep = (
        "INSERT INTO spans SELECT * REPLACE ({tenant:String} AS tenant, {threshold:UInt64} AS threshold, "
        "'x' AS kept_by) FROM spans AS s WHERE s.tenant = {loader:String}"
    )
    asyncio.run(engine().execute(keep, {"tenant": tenant, "loader": loader, "threshold": threshold}))


def test_slow_is_what_was_slow_among_all_that_the_stored_stand_for(tenant: str) -> None:
    """Each of ten quick traces stands for 128; by their number alone, the one slow trace would be no exception."""
    quick = [Trace(share(0.999) + number, (Span(duration_ns=MS),)) for number in range(10)]
    kept_earlier(tenant, quick, 127 << 49)
    kept_earlier(tenant, [Trace(share(0.5), (Span(duration_ns=9000 * MS),))], 0)
    slow = replay(tenant, policies("{name: a, type: always_sample}"), source="stored")["losses"]["slow"]
    assert slow["traces"] == 1


def test_dynamic_keys_of_stored_traces_have_the_averages_of_all(tenant: str) -> None:
    """Four stored traces that stand for 512: a key that is frequent is thinned as it would have been when they came."""
    often = [Trace(share(0.9999) + number, (Span("often"),)) for number in range(4)]
    kept_earlier(tenant, often, 127 << 49)
    kept_earlier(tenant, [Trace(share(0.9) + number, (Span(f"once {number}"),)) for number in range(4)], 0)
    by_name = "{name: by-name, type: dynamic, dynamic: {keys: [root.name], target_rate: 32, minimum_per_key: 0}}"
    totals = replay(tenant, policies(by_name), source="stored")["totals"]["traces"]
    assert totals["all"] == pytest.approx(516)
    assert totals["kept"] == pytest.approx(516 / 32, rel=0.3)


def test_traces_that_were_had_back_stand_for_none(tenant: str) -> None:
    kept_earlier(tenant, [Trace(share(0.75))], 1 << 55)
    kept_earlier(tenant, [Trace(share(0.25))], 1 << 56)
    report = replay(tenant, policies("{name: a, type: always_sample}"), source="stored")
    assert report["totals"]["traces"] == {"all": 2, "kept": 2, "share": 1.0}
    assert report["figures"]["services"][0]["requests"] == 2


def test_cost_is_that_of_the_bytes(tenant: str) -> None:
    rest(tenant, [Trace(1), Trace(2, (Span(start_ns=100 * 10**9),))])
    report = replay(tenant, policies("{name: a, type: always_sample}"), price_per_gib=2.0)
    assert report["cost"]["kept"] == pytest.approx(report["totals"]["bytes"]["kept"] / (1 << 30) * 2)
    assert report["cost"]["all_per_30_days"] == pytest.approx(report["cost"]["all"] * 30 * 86400 / 100.001)
    assert replay(tenant, policies(ERRORS))["cost"] is None


def test_dynamic_keys_have_the_averages_of_the_range(tenant: str) -> None:
    often = [Trace(share(number / 100) + 1, (Span("often"),)) for number in range(100)]
    rest(tenant, [*often, Trace(7, (Span("once"),))])
    by_name = "{name: by-name, type: dynamic, dynamic: {keys: [root.name], target_rate: 10, minimum_per_key: 0}}"
    report = replay(tenant, policies(by_name))
    assert 2 <= report["totals"]["traces"]["kept"] <= 25
    assert report["losses"]["operations"]["lost"] == 0


def test_more_than_a_replay_takes_is_sampled_by_trace(tenant: str) -> None:
    rest(tenant, some_traces())
    report = replay(tenant, policies("{name: a, type: always_sample}"), max_spans=53)
    assert report["replayed"]["share_of_traces"] == 0.5 and 20 < report["replayed"]["traces"] < 90
    assert report["totals"]["traces"]["all"] == 2 * report["replayed"]["traces"]
    assert "one trace in 2 was replayed" in report["notes"][0]


def test_a_set_with_limits_is_not_replayed_over_a_sample(tenant: str) -> None:
    rest(tenant, some_traces())
    with pytest.raises(LimitExceeded, match="105 spans are more than the 50"):
        replay(tenant, policies(LIMIT), max_spans=50)
    assert (
        "limits and the guarantee see stored spans only" in replay(tenant, policies(LIMIT), source="stored")["notes"][0]
    )


def test_nothing_to_replay_is_no_error(tenant: str) -> None:
    report = replay(tenant, policies(ERRORS, SLOW, DROP, top="guarantee: true"), price_per_gib=1.0)
    assert report["totals"]["bytes"] == {"all": 0, "kept": 0, "share": None}
    assert report["losses"]["errors"]["share_lost"] is None and report["cost"]["all_per_30_days"] is None
    assert [row["policy"] for row in report["policies"]] == ["errors", "slow", "no-health", "guarantee"]


def test_bad_sets_and_sources_are_refused(tenant: str) -> None:
    with pytest.raises(InvalidRequest, match=r"policies\[0\]"):
        replay(tenant, "policies: [{name: a, type: latncy}]")
    with pytest.raises(InvalidRequest, match="source: 'old' is none of recent, stored"):
        replay(tenant, policies(ERRORS), source="old")


def test_another_tenants_spans_are_not_replayed(tenant: str) -> None:
    rest(f"{tenant}-other", [Trace(1)])
    assert replay(tenant, policies(ERRORS))["replayed"]["spans"] == 0


def test_sql_of_the_figures(golden: Callable[[str, str], None]) -> None:
    found = parse_policies(policies(ERRORS, QUARTER)).policies
    sql = compile_figures(Replay(Scope("acme", RANGE), found, "stored"))
    (pretty,) = transpile(sql, read="clickhouse", write="clickhouse", pretty=True)
    golden("hindsight/figures.sql", f"{pretty}\n")


def test_budgets_thin_what_would_be_kept(tenant: str) -> None:
    """200 traces of one span, 20 of them failed, in one second, and as many in the last of ten."""
    found = [
        Trace(share(number / 200) + second, (Span(status=2 if number % 10 == 0 else 0),), second)
        for number in range(200)
        for second in (0, 9)
    ]
    rest(tenant, found)
    all_spans = "{name: all, type: always_sample}"
    narrow = "{name: shop, spans_per_second: 18, service: shop}"
    wide = "{name: whole, spans_per_second: 9, exempt_ceiling: 2}"
    report = replay(tenant, policies(all_spans, top=f"budgets: [{wide}, {narrow}]"))
    shop, whole = report["budgets"]
    assert (shop["demand"], shop["factor"], shop["exempt"]["factor"]) == (36, 0.5, 1)
    assert (whole["demand"], whole["factor"]) == (18, 0.5)
    assert whole["exempt"] == {"target": 2, "demand": 4, "factor": 0.5}
    assert report["totals"]["spans"]["kept"] == 360 / 4 + 40 / 2
    assert "one factor for the whole range" in report["notes"][0]


def test_budget_of_money_needs_a_price_to_be_tried_out(tenant: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing has a price"):
        replay(tenant, policies(ERRORS, top="budgets: [{name: m, money_per_month: 1}]"))
