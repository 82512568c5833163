"""The answers of the routes on what sampling did and would do, for OpenAPI. Shares of nothing are null."""

from typing import Literal

from pydantic import BaseModel, Field

Source = Literal["recent", "stored"]


class Sizes(BaseModel):
    """Of whole traces; a stored trace may stand for 16.125."""

    traces: float
    spans: float
    bytes: float


class LedgerSizes(BaseModel):
    """`bytes` are of spans; log records that follow a verdict are counted apart."""

    traces: int
    spans: int
    bytes: int
    logs: int
    log_bytes: int


class LedgerShares(BaseModel):
    """What was kept of what was seen."""

    traces: float | None
    spans: float | None
    bytes: float | None
    logs: float | None
    log_bytes: float | None


class LedgerTotal(BaseModel):
    """What was seen, by what became of it; every span is one of them, and what was `rescued` was `dropped` before."""

    seen: LedgerSizes
    kept: LedgerSizes
    dropped: LedgerSizes
    late_kept: LedgerSizes
    late_dropped: LedgerSizes
    forced: LedgerSizes
    would_drop: LedgerSizes
    rescued: LedgerSizes
    share_kept: LedgerShares


class LedgerRow(LedgerTotal):
    """A row has the one key that was asked for."""

    policy: str = ""
    service: str = ""
    verdict: str = ""
    day: str = ""


class LedgerAnswer(BaseModel):
    """Most bytes first, days in order."""

    by: Literal["policy", "service", "verdict", "day"]
    rows: list[LedgerRow]
    total: LedgerTotal | None


class Meter(BaseModel):
    """A target and what was spent of it, in the budget's unit."""

    target: float
    factor: float | None = Field(description="What probabilities are multiplied by; null: no round so far")
    state: Literal["over", "met", "under", "idle"]
    last_hour: float = Field(description="As if the last hour went on for the unit's time")
    last_day: float
    period: float | None = Field(description="Spent since the day or month began")
    projected_month: float


class ExemptMeter(Meter):
    """Errors and slow traces."""

    slow_ms: float | None
    share: float | None = Field(description="Of all that was spent in a day")


class BudgetRow(Meter):
    """A budget."""

    name: str
    unit: str
    scope: str
    exempt: ExemptMeter
    notes: list[str]


class BudgetsAnswer(BaseModel):
    """In the order of the policy set."""

    dry_run: bool
    budgets: list[BudgetRow]


class KeptTrace(BaseModel):
    """A trace that was asked for."""

    trace_id: str
    state: Literal["kept", "will be kept", "awaited", "too late"]


class KeepAnswer(BaseModel):
    """How many traces match, what becomes of them, and the first of them."""

    matched: int
    already_kept: int
    will_be_kept: int
    awaited: int
    too_late: int
    traces: list[KeptTrace]


class Covered(BaseModel):
    """The time that the replayed traces began in."""

    start_ns: int | None
    end_ns: int | None
    seconds: float


class Replayed(BaseModel):
    """How much was replayed."""

    traces: float
    spans: float
    share_of_traces: float


class KeptOf(BaseModel):
    """What would be kept."""

    all: float
    kept: float
    share: float | None


class Totals(BaseModel):
    """What would be kept, of each unit."""

    traces: KeptOf
    spans: KeptOf
    bytes: KeptOf


class Cost(BaseModel):
    """In the currency of the price; of less than a minute nothing is said about a month."""

    price_per_gib: float
    all: float
    kept: float
    all_per_30_days: float | None
    kept_per_30_days: float | None


class PolicyEffect(BaseModel):
    """What a policy keeps, keeps first in the set's order, and keeps alone; a drop policy only forbids."""

    policy: str
    type: str
    keeps: Sizes | None = None
    first: Sizes | None = None
    alone: Sizes | None = None
    forbids: Sizes | None = None


class LostTraces(BaseModel):
    """What would be lost of a kind of trace, and the longest of those."""

    traces: float
    lost: float
    share_lost: float | None
    examples: list[str]


class LostSlow(LostTraces):
    """Of the slow ones."""

    threshold_ms: float | None


class LostGroup(BaseModel):
    """A service or operation of which no span would be kept."""

    service: str
    operation: str = Field(default="", description="Of operations, like kind")
    kind: str = ""
    spans: float
    errors: float
    examples: list[str]


class LostGroups(BaseModel):
    """How many of all would be lost, and which."""

    all: int
    lost: int
    list: list[LostGroup]


class Losses(BaseModel):
    """What would be lost."""

    errors: LostTraces
    slow: LostSlow
    services: LostGroups
    operations: LostGroups


class Estimate(BaseModel):
    """A figure, as estimated from the kept spans, and the relative error of that."""

    exact: float
    estimated: float | None
    error: float | None


class Figure(BaseModel):
    """RED figures of a service or operation."""

    service: str
    operation: str = Field(default="", description="Of operations, like kind")
    kind: str = ""
    requests: float
    kept_spans: float
    rate_per_s: Estimate
    error_ratio: Estimate
    p50_ms: Estimate
    p95_ms: Estimate
    p99_ms: Estimate


class Figures(BaseModel):
    """How right RED figures stay."""

    min_requests: int
    services: list[Figure]
    operations: list[Figure]


class TriedMeter(BaseModel):
    """The factor that would have met a target on average."""

    target: float
    demand: float
    factor: float


class TriedBudget(TriedMeter):
    """A budget."""

    budget: str
    unit: str
    scope: str
    exempt: TriedMeter


class SimulateAnswer(BaseModel):
    """What a policy set would have done."""

    source: Source
    covered: Covered
    replayed: Replayed
    totals: Totals
    cost: Cost | None
    policies: list[PolicyEffect]
    losses: Losses
    figures: Figures
    budgets: list[TriedBudget]
    notes: list[str]
