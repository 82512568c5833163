"""Budgets in the verdict, as SQL: what a trace is charged to each, and by how much they thin it (ADR 0010).

The share that is kept of a trace is multiplied by each budget's factor, one after the other; `step_0` is its threshold
before the first, `step_1` after it, and so on.
"""

from collections.abc import Sequence

from traceo.sampling.budgets import Steering
from traceo.sampling.columns import SpanColumns
from traceo.sampling.model import Latency, Policy, StatusCode
from traceo.sampling.outcomes import Plan
from traceo.sampling.thresholds import NEVER
from traceo.store.attributes import encode_value

FACTOR_BITS = 32  # a factor is a whole number of 2^-32: 1 changes no bit of a threshold
UNCHANGED = 1 << FACTOR_BITS
FAILED = Policy("failed", StatusCode(("ERROR",)))


def add_charges(plan: Plan, steering: Sequence[Steering], span_bytes: str) -> None:
    """Aggregates of a trace: its spans and bytes in each budget's scope; what makes it exempt."""
    for number, item in enumerate(steering):
        scope = _in_scope(item, plan.columns)
        if scope:
            plan.aggregates.append(f"countIf({scope}) AS charged_spans_{number}")
            plan.aggregates.append(f"sumIf({span_bytes}, {scope}) AS charged_bytes_{number}")
        _is_exempt(plan, item)


def steps(plan: Plan, steering: Sequence[Steering], undiminished: str) -> list[str]:
    """Columns: `step_0` ... as above."""
    found = [f"{undiminished} AS step_0"]
    for number, item in enumerate(steering):
        usual, exempt = (plan.columns.bind(_whole(share)) for share in (item.factor, item.exempt_factor))
        factor = (
            f"multiIf({_spans(item, number)} = 0, {UNCHANGED}, {_is_exempt(plan, item)}, "
            f"toUInt64({exempt}), toUInt64({usual}))"
        )
        thinned = f"bitShiftRight(toUInt128({NEVER} - step_{number}) * {factor}, {FACTOR_BITS})"
        found.append(f"toUInt64({NEVER} - toUInt64({thinned})) AS step_{number + 1}")
    return found


def charges(plan: Plan, steering: Sequence[Steering]) -> str:
    """A column: for each budget that is charged its number, exempt, spans, bytes, and whether it was kept before it."""
    each = ", ".join(
        f"({number}, {_is_exempt(plan, item)}, {_spans(item, number)}, {_bytes(item, number)}, "
        f"randomness >= step_{number})"
        for number, item in enumerate(steering)
    )
    return f"arrayFilter(charge -> charge.3 > 0, [{each}]) AS charges"


def first_exhausted(plan: Plan, steering: Sequence[Steering]) -> str:
    """The name that a verdict has for the budget that a trace was lost to."""
    names = ", ".join(plan.columns.bind(f"budget {item.budget.name}") for item in steering)
    after = ", ".join(f"step_{number + 1}" for number in range(len(steering)))
    return f"arrayFirst((name, step) -> randomness < step, [{names}], [{after}])"


def _in_scope(item: Steering, columns: SpanColumns) -> str:
    """A condition on a span; "" for all."""
    if item.budget.service:
        return f"{columns.column('service')} = {columns.bind(item.budget.service)}"
    if item.budget.team:
        key, team = columns.bind(item.team_attribute), columns.bind(encode_value(item.budget.team))
        return columns.resource_where(f"attributes[{key}] = {team}")
    return ""


def _is_exempt(plan: Plan, item: Steering) -> str:
    """A condition on a trace."""
    failed = plan.compile(FAILED).possible
    if item.budget.slow_ms is None:
        return failed
    return f"({failed} OR {plan.compile(Policy('slow', Latency(item.budget.slow_ms))).possible})"


def _spans(item: Steering, number: int) -> str:
    return f"charged_spans_{number}" if item.budget.service or item.budget.team else "spans"


def _bytes(item: Steering, number: int) -> str:
    return f"charged_bytes_{number}" if item.budget.service or item.budget.team else "bytes"


def _whole(factor: float) -> int:
    return round(factor * UNCHANGED)
