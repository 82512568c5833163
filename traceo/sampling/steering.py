"""What a budget's factors are in a round: from what all shards were asked for lately, and from what has been spent.

A factor is what may be kept in a second over what would be kept (ADR 0010). What may be kept is an even part of the
target, corrected so that what was spent too much or too little evens out until the period ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from traceo.sampling.budgets import Budget, Steering, Terms, in_order, period_of, rate_of
from traceo.store.base import Store
from traceo.telemetry import BudgetMetrics

SLOT_S = 5
MEAN_S = 30  # demand is the mean of so long, or that of the last slot if it is more: a rise counts at once
SPENT_S = 300  # a budget by the second is met on average over so long
EVENED_S = 60  # and evens out in so long what it spent too much
SHORTEST_S = 600  # the same for a day or a month, near its end
MOST, LEAST = 2.0, 0.1  # of the even rate: no correction goes beyond
LEAST_BY_SECOND = 0.5  # after a jump in traffic something is to be seen, too

# All shards' rows up to now. The demand of every meter, and what was spent of budgets by the second.
LATELY = """
SELECT 'spans_per_second' AS unit, owner, budget, exempt,
    sumIf(demand_spans, moment >= toDateTime({mean_from:Int64}, 'UTC')) AS mean_spans,
    sumIf(demand_bytes, moment >= toDateTime({mean_from:Int64}, 'UTC')) AS mean_bytes,
    sumIf(demand_spans, moment >= toDateTime({slot_from:Int64}, 'UTC')) AS slot_spans,
    sumIf(demand_bytes, moment >= toDateTime({slot_from:Int64}, 'UTC')) AS slot_bytes,
    sum(kept_spans) AS spans, sum(kept_bytes) AS bytes, toUnixTimestamp(min(moment)) AS since
FROM budget_demand
WHERE owner IN ('', {tenant:String})
    AND moment >= toDateTime({spent_from:Int64}, 'UTC') AND moment < toDateTime({now:Int64}, 'UTC')
GROUP BY owner, budget, exempt
"""
PERIOD = """
SELECT '{unit}' AS unit, owner, budget, exempt, 0 AS mean_spans, 0 AS mean_bytes, 0 AS slot_spans, 0 AS slot_bytes,
    sum(kept_spans) AS spans, sum(kept_bytes) AS bytes, toUnixTimestamp(min(moment)) AS since
FROM budget_spending
WHERE owner IN ('', {{tenant:String}}) AND moment >= toDateTime({{{unit}_from:Int64}}, 'UTC')
GROUP BY owner, budget, exempt
"""
Row = Mapping[str, Any]
NOTHING: Row = dict.fromkeys(("mean_spans", "mean_bytes", "slot_spans", "slot_bytes", "spans", "bytes", "since"), 0)


@dataclass(frozen=True, slots=True)
class Meter:
    """One of a budget's two: `rate` may be spent in a second on average, `demand` would be, `spent` is (as `rate`)."""

    rate: float
    demand: float
    spent: float
    factor: float


@dataclass(frozen=True, slots=True)
class Steered:
    """A budget's factors, and where they come from: the meter of its target, and that of exempt traces."""

    steering: Steering
    usual: Meter
    exempt: Meter


async def steer(
    store: Store, tenant: str, budgets: Sequence[Budget], terms: Terms, until: datetime
) -> tuple[Steered, ...]:
    """The budgets in the order in which they thin, by the traces that arrived up to the second `until`, included.

    Raises StoreUnavailable.
    """
    now_s = (int(until.timestamp()) + 1) // SLOT_S * SLOT_S
    if now_s < SPENT_S:  # the tenant's first round: nothing is known
        return tuple(_steer(budget, tenant, terms, datetime.fromtimestamp(0, UTC), {}) for budget in in_order(budgets))
    now = datetime.fromtimestamp(now_s, UTC)
    sql, params = _select(tenant, budgets, now)
    rows = (await store.query(sql, params)).to_pylist()
    known = {(row["unit"], row["owner"], row["budget"], row["exempt"]): row for row in rows}
    return tuple(_steer(budget, tenant, terms, now, known) for budget in in_order(budgets))


def show_budgets(metrics: BudgetMetrics, tenant: str, found: Sequence[Steered]) -> None:
    """As own metrics."""
    for item in found:
        budget = item.steering.budget
        for share, meter in (("usual", item.usual), ("exempt", item.exempt)):
            labels = (budget.owner(tenant), budget.name, share)
            metrics.factor.labels(*labels).set(meter.factor)
            metrics.spent_ratio.labels(*labels).set(meter.spent / meter.rate)
            metrics.demand_ratio.labels(*labels).set(meter.demand / meter.rate)


def _select(tenant: str, budgets: Sequence[Budget], now: datetime) -> tuple[str, dict[str, Any]]:
    now_s = int(now.timestamp())
    params = {"tenant": tenant, "now": now_s, "spent_from": now_s - SPENT_S}
    params |= {"mean_from": now_s - MEAN_S, "slot_from": now_s - SLOT_S}
    selects = [LATELY]
    for unit in sorted({budget.unit for budget in budgets} - {"spans_per_second"}):
        selects.append(PERIOD.format(unit=unit))
        params[f"{unit}_from"] = int(period_of(unit, now)[0].timestamp())
    return " UNION ALL ".join(selects), params


def _steer(
    budget: Budget, tenant: str, terms: Terms, now: datetime, known: Mapping[tuple[str, str, str, bool], Row]
) -> Steered:
    def read(exempt: bool) -> Meter:
        key = (budget.owner(tenant), budget.name, exempt)
        lately = known.get(("spans_per_second", *key), NOTHING)
        return _read_meter(budget, exempt, terms, now, lately, known.get((budget.unit, *key), NOTHING))

    usual, exempt = read(False), read(True)
    return Steered(Steering(budget, usual.factor, exempt.factor, terms.team_attribute), usual, exempt)


def _read_meter(budget: Budget, exempt: bool, terms: Terms, now: datetime, lately: Row, period: Row) -> Meter:
    """What was spent counts from the first trace that was charged, if the budget is younger than its period."""
    rate = rate_of(budget.unit, budget.amount(exempt), now)
    mean = terms.size(budget, lately["mean_spans"], lately["mean_bytes"]) / MEAN_S
    demand = max(mean, terms.size(budget, lately["slot_spans"], lately["slot_bytes"]) / SLOT_S)
    elapsed = max(SLOT_S, now.timestamp() - period["since"]) if period["since"] else 0
    spent = terms.size(budget, period["spans"], period["bytes"])
    start, end = period_of(budget.unit, now)
    left = (end - now).total_seconds()
    evened, least = (max(SHORTEST_S, left), LEAST) if end > start else (EVENED_S, LEAST_BY_SECOND)
    allowed = min(max(rate + (rate * elapsed - spent) / evened, least * rate), MOST * rate)
    return Meter(rate, demand, spent / elapsed if elapsed else 0.0, min(1.0, allowed / demand) if demand else 1.0)
