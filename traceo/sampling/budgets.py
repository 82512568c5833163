"""Budgets of a policy set: what may be kept in a second, a day or a month, and by what factor that thins (ADR 0010).

A budget has two meters: one for its target, one for the traces that are exempt from it, up to their own ceiling. Both
are in the budget's unit; the rates here are that unit a second.
"""

import calendar
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from traceo.config import Sampling
from traceo.errors import InvalidRequest

UNITS = ("spans_per_second", "bytes_per_day", "money_per_month")
MAX_BUDGETS = 50
TEAM_ATTRIBUTE = "team"
GIB = 1 << 30
MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """A target in one unit, for the spans of a service, of a team, of the tenant, or of all tenants together.

    `exempt_ceiling`, in the same unit, is for traces with an error and those of `slow_ms` or more (None: none are
    slow); without it, they may take as much again as the target.
    """

    name: str
    spans_per_second: float | None = None
    bytes_per_day: int | None = None
    money_per_month: float | None = None
    service: str = ""
    team: str = ""
    all_tenants: bool = False
    slow_ms: int | None = None
    exempt_ceiling: float | None = None

    @property
    def unit(self) -> str:
        """The one of UNITS that it is given in."""
        return next(unit for unit in UNITS if getattr(self, unit) is not None)

    @property
    def target(self) -> float:
        """In its unit."""
        return float(getattr(self, self.unit))

    @property
    def ceiling(self) -> float:
        """Of the exempt traces, in its unit."""
        return self.target if self.exempt_ceiling is None else self.exempt_ceiling

    @property
    def scope(self) -> str:
        """Whose spans it counts, for people."""
        if self.all_tenants:
            return "all tenants"
        return f"service {self.service}" if self.service else f"team {self.team}" if self.team else "tenant"

    def amount(self, exempt: bool) -> float:
        """What one of its meters may take, in its unit."""
        return self.ceiling if exempt else self.target

    def owner(self, tenant: str) -> str:
        """Whose meters it has: "" for those that all tenants share."""
        return "" if self.all_tenants else tenant


@dataclass(frozen=True, slots=True)
class Terms:
    """What budgets mean here: the resource attribute that names a team, and what is paid for what is kept."""

    team_attribute: str = TEAM_ATTRIBUTE
    price_per_gib: float = 0.0
    price_per_million_spans: float = 0.0

    @classmethod
    def of(cls, settings: Sampling) -> "Terms":
        """As they are configured."""
        return cls(settings.team_attribute, settings.price_per_gib, settings.price_per_million_spans)

    def size(self, budget: Budget, spans: float, size_bytes: float) -> float:
        """Spans and their bytes in the budget's unit, without its time."""
        match budget.unit:
            case "spans_per_second":
                return spans
            case "bytes_per_day":
                return size_bytes
            case _:
                return spans / MILLION * self.price_per_million_spans + size_bytes / GIB * self.price_per_gib

    def check(self, budgets: Iterable[Budget]) -> None:
        """Refuse money where nothing has a price. Raises InvalidRequest."""
        for number, budget in enumerate(budgets):
            if budget.unit == "money_per_month" and not (self.price_per_gib or self.price_per_million_spans):
                raise InvalidRequest(
                    f"budgets[{number}].money_per_month: nothing has a price: set sampling.price_per_gib, "
                    "sampling.price_per_million_spans or both"
                )


@dataclass(frozen=True, slots=True)
class Steering:
    """A budget in one round: the shares that are kept of what the policies and the budgets before it would keep.

    It is written down with the round, so that a round that is repeated thins by the same.
    """

    budget: Budget
    factor: float
    exempt_factor: float
    team_attribute: str

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Steering":
        """From what `dataclasses.asdict` made of it, and JSON of that."""
        return cls(**{**plain, "budget": Budget(**plain["budget"])})


def period_of(unit: str, at: datetime) -> tuple[datetime, datetime]:
    """The UTC day or month that `at` lies in, from and to; of a budget by the second, none: `at` twice."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "bytes_per_day":
            return day, day + timedelta(days=1)
        case "money_per_month":
            first = day.replace(day=1)
            return first, first + timedelta(days=calendar.monthrange(day.year, day.month)[1])
        case _:
            return at, at


def rate_of(unit: str, amount: float, at: datetime) -> float:
    """An amount in the unit, spent evenly: a second's part."""
    since, until = period_of(unit, at)
    return amount / ((until - since).total_seconds() or 1)


def in_order(budgets: Iterable[Budget]) -> list[Budget]:
    """Narrow ones first: a wide budget steers what they leave."""
    return sorted(budgets, key=lambda budget: (budget.all_tenants, not budget.service, not budget.team))


def check_budgets(budgets: tuple[Budget, ...]) -> None:
    """Refuse what budgets cannot mean, one by one and together. Raises InvalidRequest."""
    if len(budgets) > MAX_BUDGETS:
        raise InvalidRequest(f"budgets: {len(budgets)} are more than {MAX_BUDGETS}")
    for number, budget in enumerate(budgets):
        for problem in _problems(budget):
            raise InvalidRequest(f"budgets[{number}]{problem}")
    for name, times in Counter(budget.name for budget in budgets).items():
        if times > 1:
            raise InvalidRequest(f"budgets: {name!r} is the name of {times}; names must differ")
    for (scope, unit), times in Counter((budget.scope, budget.unit) for budget in budgets).items():
        if times > 1:
            raise InvalidRequest(f"budgets: {times} budgets in {unit} for {scope} contradict each other; keep one")


def budget_notes(budgets: tuple[Budget, ...]) -> list[str]:
    """A sentence for each budget that a wider one makes unreachable."""
    return [
        f"budgets[{number}].{budget.unit}: {budget.target:g} is more than {wider.name} leaves, {wider.target:g}: "
        "it cannot be used in full"
        for number, budget in enumerate(budgets)
        if budget.service or budget.team
        for wider in budgets
        if wider.scope == "tenant" and wider.unit == budget.unit and wider.target < budget.target
    ]


def _problems(budget: Budget) -> Iterator[str]:
    if not budget.name:
        yield ".name: '' is no name; every budget needs one"
    given = [unit for unit in UNITS if getattr(budget, unit) is not None]
    if len(given) != 1:
        yield f": its target is {' and '.join(given) or 'missing'}; expected one of {', '.join(UNITS)}"
        return
    if budget.target <= 0:
        yield f".{given[0]}: {budget.target:g} must be above 0; what shall never be kept is for a drop policy"
    if budget.exempt_ceiling is not None and budget.exempt_ceiling <= 0:
        yield f".exempt_ceiling: {budget.exempt_ceiling:g} must be above 0: errors and slow traces would all be lost"
    if budget.slow_ms is not None and budget.slow_ms < 1:
        yield f".slow_ms: {budget.slow_ms} must be 1 or more: else every trace is slow"
    scopes = [name for name in ("service", "team", "all_tenants") if getattr(budget, name)]
    if len(scopes) > 1:
        yield f": {' and '.join(scopes)} are given; expected one of them, or none for the whole tenant"
