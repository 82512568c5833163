"""How close budgets are to their targets: what was spent of each in the last hour, day and period, and its factors."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from traceo.query.run import Queries, Row
from traceo.query.sql import Scope
from traceo.sampling.budgets import Budget, Steering, Terms, period_of
from traceo.store.attributes import decode_text

HOUR_S, DAY_S = 3600, 86400
MINUTE_S = 60
TOLERANCE = 1.05
# `period` is the UTC month; of a budget by the day, today's is read apart.
WINDOWS = ("hour", "day", "today", "month")
SUMS = ", ".join(
    f"sumIf(kept_{unit}, moment >= toDateTime({{{window}_from:Int64}}, 'UTC')) AS {window}_{unit}"
    for window in WINDOWS
    for unit in ("spans", "bytes")
)


async def read_budgets(
    queries: Queries,
    tenant: str,
    budgets: Sequence[Budget],
    steering: Sequence[Steering],
    terms: Terms,
    now: datetime | None = None,
) -> list[Row]:
    """A row for each budget, in its unit. `steering`: of the tenant's last round; a budget without one has no factor.

    Of a budget of all tenants the caller sees what is its own.
    """
    now = now or datetime.now(UTC)
    spent = await _read_spent(queries, tenant, now) if budgets else {}
    factors = {(item.budget.owner(tenant), item.budget.name): item for item in steering}
    return [
        _show(budget, tenant, terms, now, spent, factors.get((budget.owner(tenant), budget.name))) for budget in budgets
    ]


async def _read_spent(queries: Queries, tenant: str, now: datetime) -> dict[tuple[str, str, bool], Row]:
    """By owner, budget and exempt."""
    scope = Scope(tenant)
    starts = {
        "hour": now - timedelta(seconds=HOUR_S),
        "day": now - timedelta(seconds=DAY_S),
        "today": period_of("bytes_per_day", now)[0],
        "month": period_of("money_per_month", now)[0],
    }
    scope.params |= {f"{name}_from": int(start.timestamp()) for name, start in starts.items()}
    scope.params["since"] = int(min(starts.values()).timestamp())
    sql = scope.select(
        "budget_spending",
        f"owner, budget, exempt, toUnixTimestamp(min(moment)) AS since, {SUMS}",
        ["owner IN ('', {tenant:String})", "moment >= toDateTime({since:Int64}, 'UTC')"],
        "GROUP BY owner, budget, exempt",
    )
    rows = await queries.rows(scope, sql)
    return {(decode_text(row["owner"]), decode_text(row["budget"]), bool(row["exempt"])): row for row in rows}


def _show(
    budget: Budget,
    tenant: str,
    terms: Terms,
    now: datetime,
    spent: Mapping[tuple[str, str, bool], Row],
    steered: Steering | None,
) -> Row:
    def read(exempt: bool, factor: float | None) -> Row:
        row = spent.get((budget.owner(tenant), budget.name, exempt))
        return _read_meter(budget, terms, now, row, budget.amount(exempt), factor)

    usual = read(False, steered.factor if steered else None)
    exempt = read(True, steered.exempt_factor if steered else None)
    whole = usual["last_day"] + exempt["last_day"]
    exempt = {"slow_ms": budget.slow_ms, **exempt, "share": exempt["last_day"] / whole if whole else None}
    head = {"name": budget.name, "unit": budget.unit, "scope": budget.scope}
    return {**head, **usual, "exempt": exempt, "notes": _notes(budget, usual, exempt, terms)}


def _read_meter(
    budget: Budget, terms: Terms, now: datetime, row: Row | None, target: float, factor: float | None
) -> Row:
    """`last_hour` and `last_day` as if they went on for the unit's time; `period` is what was spent of it so far."""
    row = row or dict.fromkeys(("since", *(f"{window}_{unit}" for window in WINDOWS for unit in ("spans", "bytes"))), 0)
    sizes = {window: terms.size(budget, row[f"{window}_spans"], row[f"{window}_bytes"]) for window in WINDOWS}
    age_s = max(MINUTE_S, now.timestamp() - row["since"])
    hour, day = (sizes[name] / min(length, age_s) for name, length in (("hour", HOUR_S), ("day", DAY_S)))
    start, end = period_of(budget.unit, now)
    unit_s = (end - start).total_seconds() or 1
    month_left_s = (period_of("money_per_month", now)[1] - now).total_seconds()
    period = {"bytes_per_day": sizes["today"], "money_per_month": sizes["month"]}.get(budget.unit)
    return {
        "target": target,
        "factor": factor,
        "state": _state(hour * unit_s / target, sizes["day"], factor),
        "last_hour": hour * unit_s,
        "last_day": day * unit_s,
        "period": period,
        "projected_month": sizes["month"] + day * month_left_s,
    }


def _state(use: float, spent: float, factor: float | None) -> str:
    """`over` counts the last hour; `met`: it is thinned to the target; `under`: there was no need to."""
    if use > TOLERANCE:
        return "over"
    if factor is not None and factor < 1:
        return "met"
    return "under" if spent else "idle"


def _notes(budget: Budget, usual: Row, exempt: Row, terms: Terms) -> list[str]:
    notes = []
    if usual["state"] == exempt["state"] == "idle" and budget.team:
        notes.append(
            f"nothing of team {budget.team} was judged in the last day: its resources need the attribute "
            f"{terms.team_attribute}, as sampling.team_attribute says"
        )
    if usual["state"] == exempt["state"] == "idle" and budget.service:
        notes.append(f"nothing of service {budget.service} was judged in the last day: is that its name?")
    if budget.all_tenants:
        notes.append("what was spent is your own part; the factor follows all tenants together")
    if exempt["factor"] is not None and exempt["factor"] < 1:
        notes.append("errors and slow traces are above their ceiling, and thinned too")
    return notes
