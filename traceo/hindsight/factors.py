"""What-if of budgets: the factors that would have met their targets on average over a range."""

import math
from collections.abc import Sequence
from datetime import datetime

from traceo.query.run import Row
from traceo.sampling.budgets import Budget, Steering, Terms, rate_of

WHOLE = 1.0


def unthinned(budgets: Sequence[Budget], terms: Terms) -> tuple[Steering, ...]:
    """Budgets that only count."""
    return tuple(Steering(budget, WHOLE, WHOLE, terms.team_attribute) for budget in budgets)


def find_factors(
    budgets: Sequence[Budget], rows: Sequence[Row], terms: Terms, at: datetime
) -> tuple[list[Steering], list[Row]]:
    """From the rows of `replay.compile_charges`: each budget's factors, and a row of the report for each.

    A budget's demand is what those before it leave, as in the sampler; nothing is carried over from other times.
    """
    seconds = max((row["seconds"] for row in rows), default=1)
    steering: list[Steering] = []
    report: list[Row] = []
    for number, budget in enumerate(budgets):
        meters = []
        for exempt in (False, True):
            spans, size_bytes = (_demand(rows, unit, number, exempt, steering) for unit in ("spans", "bytes"))
            target = budget.amount(exempt)
            demand = terms.size(budget, spans, size_bytes) / seconds * target / rate_of(budget.unit, target, at)
            factor = min(WHOLE, target / demand) if demand else WHOLE
            meters.append({"target": target, "demand": demand, "factor": factor})
        usual, exempt_row = meters
        steering.append(Steering(budget, usual["factor"], exempt_row["factor"], terms.team_attribute))
        head = {"budget": budget.name, "unit": budget.unit, "scope": budget.scope}
        report.append({**head, **usual, "exempt": exempt_row})
    return steering, report


def _demand(rows: Sequence[Row], unit: str, number: int, exempt: bool, before: Sequence[Steering]) -> float:
    """What one of a budget's meters is asked for, after the budgets before it."""
    total = 0.0
    for row in rows:
        cell = [(charge["1"], bool(charge["2"])) for charge in row["cell"]]
        if (number, exempt) in cell:
            place = cell.index((number, exempt))
            shares = (before[each].exempt_factor if apart else before[each].factor for each, apart in cell[:place])
            total += math.prod(shares) * row[unit][place]
    return total
