"""How budgets are steered, on the real engine: traffic is given as what the policies would keep every five seconds."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from tests.query.engine import engine
from traceo.sampling.budgets import Budget, Terms
from traceo.sampling.steering import SLOT_S, Steered, show_budgets, steer
from traceo.telemetry import make_metrics

START = datetime(2026, 9, 21, 12, tzinfo=UTC)
TERMS = Terms(price_per_gib=2.0, price_per_million_spans=1.0)
BY_SECOND = Budget("b", spans_per_second=100, exempt_ceiling=10)
SPAN_BYTES = 400
INSERT = (
    "INSERT INTO budget_demand (owner, moment, tenant, budget, exempt, demand_spans, demand_bytes, kept_spans, "
    "kept_bytes) SELECT {owner:String}, toDateTime({at:Int64}, 'UTC'), {tenant:String}, {budget:String}, "
    "{exempt:Bool}, {demand:UInt64}, {demand:UInt64} * 400, {kept:UInt64}, {kept:UInt64} * 400"
)
numbers = itertools.count()


class Fleet:
    """A tenant with budgets; what is kept follows the factors, and `extra` spans a slot beside (a guarantee's, say)."""

    def __init__(self, *budgets: Budget, start: datetime = START, extra: int = 0) -> None:
        self.tenant = f"steered-{next(numbers)}"
        self.budgets = budgets
        self.now = start
        self.extra = extra
        self.kept: list[float] = []  # spans a second, of each slot, not exempt

    def steer(self, tenant: str = "") -> tuple[Steered, ...]:
        return asyncio.run(steer(engine(), tenant or self.tenant, self.budgets, TERMS, self.now - timedelta(seconds=1)))

    def slot(self, spans_per_second: float, exempt_per_second: float = 0, tenant: str = "") -> None:
        found = self.steer(tenant)
        usual, exempt = spans_per_second * SLOT_S, exempt_per_second * SLOT_S
        ends = usual, exempt
        rows = []
        for item in found:
            before = ends
            ends = ends[0] * item.steering.factor, ends[1] * item.steering.exempt_factor
            rows.append((item.steering.budget, before))
        self.kept.append(ends[0] / SLOT_S)
        for budget, before in rows:
            for is_exempt in (False, True):
                if before[is_exempt]:
                    self.enter(budget, before[is_exempt], ends[is_exempt] + self.extra, is_exempt, tenant)
        self.now += timedelta(seconds=SLOT_S)

    def enter(self, budget: Budget, demand: float, kept: float, exempt: bool, tenant: str = "") -> None:
        tenant = tenant or self.tenant
        params = {"owner": budget.owner(tenant), "at": int(self.now.timestamp()), "tenant": tenant}
        params |= {"budget": budget.name, "exempt": exempt, "demand": round(demand), "kept": round(kept)}
        asyncio.run(engine().execute(INSERT, params))

    def mean(self, since: int, until: int | None = None) -> float:
        part = self.kept[since:until]
        return sum(part) / len(part)


def test_steady_traffic_meets_the_target() -> None:
    fleet = Fleet(BY_SECOND)
    for _ in range(48):
        fleet.slot(700)
    assert fleet.mean(30) == pytest.approx(100, rel=0.03)


def test_what_the_guarantee_adds_is_made_up_for() -> None:
    fleet = Fleet(BY_SECOND, extra=50)
    for _ in range(60):
        fleet.slot(700)
    assert fleet.mean(40) + 10 == pytest.approx(100, rel=0.05)


def test_ten_times_the_traffic_comes_back_within_the_target_in_ten_seconds() -> None:
    fleet = Fleet(BY_SECOND)
    for _ in range(30):
        fleet.slot(200)
    for _ in range(40):
        fleet.slot(2000)
    assert max(fleet.kept[31:]) <= 105
    assert min(fleet.kept[31:]) >= 49
    assert fleet.mean(60) == pytest.approx(100, rel=0.1)
    for _ in range(12):
        fleet.slot(50)
    assert fleet.kept[-1] == 50


def test_traffic_below_the_target_is_left_alone() -> None:
    fleet = Fleet(BY_SECOND)
    for _ in range(4):
        fleet.slot(90, 9)
    (steering,) = (item.steering for item in fleet.steer())
    assert (steering.factor, steering.exempt_factor) == (1, 1)


def test_exempt_traces_have_their_own_ceiling() -> None:
    fleet = Fleet(BY_SECOND)
    for _ in range(3):
        fleet.slot(90, 200)
    (steering,) = (item.steering for item in fleet.steer())
    assert steering.factor == 1 and 0.02 < steering.exempt_factor <= 0.05


def test_shards_and_tenants_are_steered_together() -> None:
    """A budget of all tenants sees the sum; the other tenant's own budget does not."""
    shared, own = Budget(f"shared-{next(numbers)}", spans_per_second=100, all_tenants=True), BY_SECOND
    fleet = Fleet(own, shared)
    for _ in range(3):
        fleet.enter(shared, 500 * SLOT_S, 50 * SLOT_S, False)
        fleet.enter(shared, 500 * SLOT_S, 50 * SLOT_S, False, "somebody else")
        fleet.now += timedelta(seconds=SLOT_S)
    factors = {item.steering.budget.name: item.steering.factor for item in fleet.steer()}
    assert factors == {own.name: 1, shared.name: pytest.approx(0.1)}


def test_wide_budget_steers_what_narrow_ones_leave() -> None:
    narrow, wide = Budget("n", spans_per_second=50, service="shop"), Budget("w", spans_per_second=100)
    fleet = Fleet(wide, narrow)
    for _ in range(24):
        fleet.slot(200)
    assert fleet.kept[-1] == pytest.approx(50, rel=0.05)
    assert [item.steering.budget.name for item in fleet.steer()] == ["n", "w"]
    assert fleet.steer()[1].steering.factor == 1


DAY = Budget("d", bytes_per_day=86400 * 100 * SPAN_BYTES)


@pytest.mark.parametrize(
    ("before_h", "spent_share", "factor"),
    [
        pytest.param(12, 0.5, 0.1, id="half the day, half spent: the even rate"),
        pytest.param(12, 0.75, 0.05, id="too much spent: half the rate is left"),
        pytest.param(12, 0.25, 0.15, id="little spent: more"),
        pytest.param(12, 1.1, 0.01, id="spent up: a tenth of the rate, so that nobody is blind"),
        pytest.param(3, 0.0, 0.1, id="a young budget has no credit for what was before it"),
    ],
)
def test_day_is_met_by_what_is_left_of_it(before_h: int, spent_share: float, factor: float) -> None:
    fleet = Fleet(DAY)
    fleet.now -= timedelta(hours=before_h)
    whole = 86400 * 100 * (spent_share or before_h / 24)
    fleet.enter(DAY, 0, whole, False)
    fleet.now = START - timedelta(seconds=SLOT_S)
    fleet.enter(DAY, 1000 * SLOT_S, 0, False)
    fleet.now = START
    (found,) = fleet.steer()
    assert found.usual.demand == pytest.approx(1000 * SPAN_BYTES)
    assert found.steering.factor == pytest.approx(factor, rel=0.15)


def test_yesterday_does_not_count() -> None:
    fleet = Fleet(DAY)
    fleet.now -= timedelta(hours=12, minutes=1)
    fleet.enter(DAY, 0, 86400 * 500, False)
    fleet.now = START
    assert fleet.steer()[0].usual.spent == 0


def test_month_of_money() -> None:
    """400 bytes a span at 2 per GiB, and 1 per million spans."""
    money = Budget("m", money_per_month=30 * 86400 * 100 * (1e-6 + 400 * 2 / (1 << 30)))
    fleet = Fleet(money)
    for _ in range(4):
        fleet.slot(400)
    (found,) = fleet.steer()
    assert found.steering.factor == pytest.approx(0.25, rel=0.01)


def test_first_round_of_a_tenant_knows_nothing() -> None:
    assert Fleet(BY_SECOND, start=datetime.fromtimestamp(0, UTC)).steer()[0].steering.factor == 1


def test_own_metrics_show_both_meters() -> None:
    fleet = Fleet(BY_SECOND)
    for _ in range(2):
        fleet.slot(400, 5)
    metrics = make_metrics()
    show_budgets(metrics.budgets, fleet.tenant, fleet.steer())

    def value(name: str, share: str) -> float | None:
        labels = {"owner": fleet.tenant, "budget": "b", "share": share}
        return metrics.registry.get_sample_value(f"traceo_sampling_budget_{name}", labels)

    assert (value("demand_ratio", "usual"), value("demand_ratio", "exempt")) == (4, 0.5)
    assert value("factor", "exempt") == 1 and value("spent_ratio", "exempt") == 0.5
