"""How close budgets are: what was spent, in their units, and what is said of it."""

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.described import described
from tests.query.engine import engine
from traceo.api.routes.sampling_answers import BudgetRow
from traceo.config import Query as QuerySettings
from traceo.hindsight.budgets import read_budgets
from traceo.query.run import Queries
from traceo.sampling.budgets import Budget, Steering, Terms

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)  # 9 days and 12 hours before the month ends
HOUR, DAY = 3600, 86400
RATE = Budget("rate", spans_per_second=100, exempt_ceiling=10, slow_ms=500)
TERMS = Terms(price_per_million_spans=2.0)
numbers = itertools.count()


@pytest.fixture
def tenant() -> str:
    return f"spent-{next(numbers)}"


def spend(tenant: str, ago_s: int, spans: int, budget: Budget = RATE, exempt: bool = False) -> None:
    sql = (
        "INSERT INTO budget_spending (owner, moment, tenant, budget, exempt, kept_spans, kept_bytes) SELECT "
        "{owner:String}, toDateTime({at:Int64}, 'UTC'), {tenant:String}, {budget:String}, {exempt:Bool}, "
        "{spans:UInt64}, {spans:UInt64} * 100"
    )
    params = {"owner": budget.owner(tenant), "at": int(NOW.timestamp()) - ago_s, "tenant": tenant}
    asyncio.run(engine().execute(sql, {**params, "budget": budget.name, "exempt": exempt, "spans": spans}))


def read(tenant: str, budget: Budget, factor: float | None = None, exempt: float = 1.0) -> dict[str, Any]:
    steering = [] if factor is None else [Steering(budget, factor, exempt, "team")]

    async def work() -> list[dict[str, Any]]:
        return await read_budgets(Queries(engine(), QuerySettings()), tenant, [budget], steering, TERMS, NOW)

    (row,) = asyncio.run(work())
    shown: dict[str, Any] = described(BudgetRow, row)
    return shown


def test_rate_over_the_last_hour_and_day(tenant: str) -> None:
    spend(tenant, 2 * DAY, 5)
    spend(tenant, DAY - 60, 40 * (DAY - HOUR))
    spend(tenant, HOUR - 60, 98 * HOUR)
    spend(tenant, 60, 8 * HOUR, exempt=True)
    row = read(tenant, RATE, 0.25)
    assert (row["unit"], row["scope"], row["target"]) == ("spans_per_second", "tenant", 100)
    assert (row["last_hour"], row["factor"], row["state"]) == (98, 0.25, "met")
    assert row["last_day"] == pytest.approx((40 * 23 + 98) / 24)
    assert row["projected_month"] == pytest.approx(5 + row["last_day"] * DAY * 10.5, rel=0.001)
    exempt = row["exempt"]
    assert (exempt["target"], exempt["slow_ms"], exempt["state"]) == (10, 500, "over")
    assert exempt["share"] == pytest.approx(exempt["last_day"] / (exempt["last_day"] + row["last_day"]))


def test_day_and_month_say_what_was_spent_of_them(tenant: str) -> None:
    day, month = Budget("day", bytes_per_day=1000 * DAY), Budget("month", money_per_month=60)
    for budget in (day, month):
        spend(tenant, 13 * HOUR, 7 * HOUR, budget)
        spend(tenant, HOUR - 60, 10 * HOUR, budget)
    row = read(tenant, day, 1.0)
    assert (row["period"], row["last_hour"], row["state"]) == (1000 * HOUR, 1000 * DAY, "under")
    row = read(tenant, month, 0.5)
    assert row["period"] == pytest.approx(17 * HOUR * 2 / 1e6)
    assert row["last_hour"] == pytest.approx(10 * 30 * DAY * 2 / 1e6)


@pytest.mark.parametrize(
    ("spans_per_second", "factor", "state"),
    [
        (120, 0.5, "over"),
        (104, 0.5, "met"),
        (60, 0.9, "met"),
        (60, 1.0, "under"),
        (60, None, "under"),
        (0, 1.0, "idle"),
    ],
)
def test_state(tenant: str, spans_per_second: int, factor: float | None, state: str) -> None:
    if spans_per_second:
        spend(tenant, HOUR - 60, spans_per_second * HOUR)
        spend(tenant, HOUR + 60, 1)
    assert read(tenant, RATE, factor)["state"] == state


@pytest.mark.parametrize(
    ("budget", "factor", "note"),
    [
        (Budget("b", spans_per_second=1, team="pay"), 1.0, "nothing of team pay was judged in the last day"),
        (Budget("b", spans_per_second=1, service="shop"), 1.0, "nothing of service shop was judged"),
        (Budget("b", spans_per_second=1, all_tenants=True), 1.0, "what was spent is your own part"),
        (RATE, 0.5, "errors and slow traces are above their ceiling"),
    ],
)
def test_what_is_worth_saying(tenant: str, budget: Budget, factor: float, note: str) -> None:
    (said,) = read(tenant, budget, 1.0, factor)["notes"]
    assert said.startswith(note)


def test_tenants_see_only_their_own(tenant: str) -> None:
    shared = Budget(f"shared-{tenant}", spans_per_second=100, all_tenants=True)
    spend(tenant, 600, 1000, shared)
    spend("somebody else", 600, 1 << 40, shared)
    spend("somebody else", 600, 1 << 40)
    assert read(tenant, shared)["projected_month"] < 1 << 30
    assert read(tenant, RATE)["state"] == "idle"
