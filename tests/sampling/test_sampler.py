"""The sampler on the real engine: what is kept, exactly once, whatever comes late, repeats or is asked for."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.query.engine import engine
from tests.sampling.traces import ARRIVAL_S, Span, Trace, insert, share
from tests.sampling.traces import store as store_traces
from traceo.errors import StoreUnavailable
from traceo.query.sql import adjusted_count_of
from traceo.sampling.model import Policy, PolicySet, StringAttribute
from traceo.sampling.parse import parse_policies
from traceo.sampling.round import Round
from traceo.sampling.sampler import KEEP_ALL, Judging, Rounds, Sampler
from traceo.sampling.thresholds import threshold_of_percentage
from traceo.settings import Seconds
from traceo.store.base import Store

WAIT_S = 10
ERRORS_AND_A_TENTH = """
decision_wait: 10s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 10}}
"""


FindJudging = Callable[[str, int | None], Judging | None]
# Other tests' tenants.
NOT_DUE = Judging(replace(KEEP_ALL, decision_wait=Seconds(1e9)))


class MemoryRounds:
    """Rounds that are gone at the end."""

    def __init__(self) -> None:
        self.last: dict[tuple[str, str], Round] = {}
        self.written: list[Round] = []

    def read_round(self, tenant: str, host: str) -> Round | None:
        return self.last.get((tenant, host))

    def write_round(self, judged: Round, after: Round | None) -> None:
        assert self.last.get((judged.tenant, judged.host)) == after
        self.last[judged.tenant, judged.host] = judged
        self.written.append(judged)


class OwnSampler(Sampler):
    """Judges the tenants of one test: those that other tests left behind cost a round each."""

    def __init__(self, store: Store, rounds: Rounds, judging: FindJudging, own: Collection[str]) -> None:
        super().__init__(store, rounds, judging)
        self._own = own

    async def _tenants(self, host: str, local: str, now_s: float | None) -> list[str]:
        return [tenant for tenant in await super()._tenants(host, local, now_s) if tenant in self._own]


class Bench:
    """A tenant with a policy set, and a sampler whose clock is the test's."""

    def __init__(self, document: str = ERRORS_AND_A_TENTH, *, dry_run: bool = False) -> None:
        self.tenant = f"sampled-{secrets.token_hex(4)}"
        self.rounds = MemoryRounds()
        self.judging: Judging | None = Judging(parse_policies(document).policies, 1, dry_run)
        self.sampler = OwnSampler(engine(), self.rounds, self._find, {self.tenant})

    def _find(self, tenant: str, version: int | None) -> Judging | None:
        return self.judging if tenant == self.tenant else NOT_DUE

    def store(self, *found: Trace, keep: bool = False) -> None:
        store_traces(self.tenant, list(found), recent=True, keep=keep)

    def judge(self, second: int) -> None:
        """A round, so many seconds after the end of second ARRIVAL_S."""
        asyncio.run(self.sampler.run_once(ARRIVAL_S + 1 + second))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return asyncio.run(engine().query(sql, {"tenant": self.tenant})).to_pylist()

    def kept(self) -> dict[int, int]:
        """Randomness of the traces in `spans` -> number of their spans."""
        sql = "SELECT trace_id, count() AS n FROM spans WHERE tenant = {tenant:String} GROUP BY trace_id"
        return {int.from_bytes(row["trace_id"][-7:], "big"): row["n"] for row in self.rows(sql)}

    def ledger(self) -> dict[str, tuple[int, int]]:
        """Verdict -> (traces, spans)."""
        sql = (
            "SELECT verdict, sum(traces) AS t, sum(spans) AS s FROM sampling_ledger "
            "WHERE tenant = {tenant:String} GROUP BY verdict"
        )
        return {row["verdict"]: (row["t"], row["s"]) for row in self.rows(sql)}


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    asyncio.run(engine().execute("TRUNCATE TABLE spans_recent"))


DROPPED, KEPT, FAILED = share(0.5), share(0.95), share(0.2)


def test_trace_is_judged_when_its_wait_is_over_and_not_before(bench: Bench) -> None:
    bench.store(Trace(KEPT), Trace(DROPPED), Trace(FAILED, (Span(status=2), Span())))
    bench.judge(WAIT_S - 1)
    assert bench.kept() == {}
    bench.judge(WAIT_S)
    assert bench.kept() == {KEPT: 1, FAILED: 2}
    bench.judge(WAIT_S + 1)
    assert bench.kept() == {KEPT: 1, FAILED: 2}
    assert bench.ledger() == {"kept": (2, 3), "dropped": (1, 1)}


def test_kept_spans_say_who_kept_them_and_how_many_they_stand_for(bench: Bench) -> None:
    bench.store(Trace(KEPT), Trace(FAILED, (Span(status=2, trace_state="a=b"),)))
    bench.judge(WAIT_S)
    found = bench.rows("SELECT kept_by, threshold, trace_state FROM spans WHERE tenant = {tenant:String} ORDER BY 1")
    assert [(row["kept_by"], row["threshold"]) for row in found] == [
        ("errors", 0),
        ("some", threshold_of_percentage(10)),
    ]
    assert found[0]["trace_state"] == "ot=th:0,a=b"
    assert found[1]["trace_state"].startswith("ot=th:e666666666666")


def test_late_spans_follow_their_trace(bench: Bench) -> None:
    bench.store(Trace(KEPT), Trace(DROPPED))
    bench.judge(WAIT_S)
    bench.store(Trace(KEPT, (Span("late"),), second=WAIT_S), Trace(DROPPED, (Span("late"),), second=WAIT_S))
    bench.judge(WAIT_S + 1)
    bench.judge(3 * WAIT_S)
    assert bench.kept() == {KEPT: 2}
    assert bench.ledger() == {"kept": (1, 1), "dropped": (1, 1), "late_kept": (0, 1), "late_dropped": (0, 1)}


def test_spans_that_are_stored_after_their_second_was_judged_are_judged_too(bench: Bench) -> None:
    """A journal that is replayed after a crash, say."""
    bench.store(Trace(DROPPED, second=30))
    bench.judge(30 + WAIT_S)
    bench.store(Trace(KEPT, second=5), Trace(FAILED, second=5))
    bench.judge(31 + WAIT_S)
    assert bench.kept() == {KEPT: 1}
    assert bench.ledger() == {"kept": (1, 1), "dropped": (2, 2)}


@pytest.mark.parametrize("after, piece_bytes", [*((after, 1 << 26) for after in range(6)), (4, 20), (5, 20), (6, 20)])
def test_round_that_was_interrupted_is_repeated_without_loss_or_double(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, after: int, piece_bytes: int
) -> None:
    monkeypatch.setattr("traceo.sampling.round.PIECE_BYTES", piece_bytes)
    bench.store(Trace(KEPT), Trace(DROPPED), Trace(FAILED, (Span(status=2),)))
    bench.judge(WAIT_S)
    bench.store(Trace(KEPT, (Span("late"),), second=WAIT_S), Trace(KEPT + 1, second=1))

    class Killed(BaseException):
        pass

    steps = iter(range(100))

    async def execute_on(host: str, sql: str, params: Any = None) -> None:
        if (params or {}).get("tenant") == bench.tenant and next(steps) > after:
            raise Killed
        await engine().execute(sql, params)

    with monkeypatch.context() as patched:
        patched.setattr(engine(), "execute_on", execute_on)
        with pytest.raises(Killed):
            bench.judge(2 * WAIT_S)
    bench.store(Trace(KEPT + 1, (Span("later"),), second=2 * WAIT_S))
    bench.judge(2 * WAIT_S + 1)
    assert bench.kept() == {KEPT: 2, KEPT + 1: 2, FAILED: 1}
    assert bench.ledger() == {"kept": (3, 3), "dropped": (1, 1), "late_kept": (0, 2)}


def want(bench: Bench, trace: Trace, second: int) -> None:
    sql = (
        "INSERT INTO kept_traces (tenant, trace_id, requested_at, reason) SELECT {tenant:String}, unhex({id:String}), "
        "fromUnixTimestamp({at:Int64}), 'test'"
    )
    params = {"tenant": bench.tenant, "id": trace.trace_id.hex(), "at": ARRIVAL_S + second}
    asyncio.run(engine().execute(sql, params))


def test_wanted_traces_are_kept_before_and_after_their_verdict(bench: Bench) -> None:
    before, after = Trace(DROPPED), Trace(DROPPED + 1, (Span(), Span("b")))
    bench.store(before, after)
    want(bench, before, 1)
    bench.judge(WAIT_S)
    assert bench.kept() == {DROPPED: 1}
    bench.store(Trace(DROPPED + 1, (Span("late"),), second=WAIT_S))
    want(bench, after, WAIT_S)
    bench.judge(WAIT_S + 1)
    bench.judge(WAIT_S + 5)
    assert bench.kept() == {DROPPED: 1, DROPPED + 1: 3}
    bench.judge(WAIT_S + 9)
    assert bench.kept() == {DROPPED: 1, DROPPED + 1: 3}
    assert bench.ledger() == {"forced": (1, 1), "dropped": (1, 2), "late_kept": (0, 1), "rescued": (1, 2)}


def test_rescued_traces_stand_for_none_because_others_stand_for_them(bench: Bench) -> None:
    """Wanted in time, a trace is out of the share; later, what was kept of the share counts for it."""
    stated = (Span(trace_state="ot=th:8,a=b"),)
    bench.store(Trace(DROPPED, stated), Trace(DROPPED + 1, (Span(trace_state="ot=th:8;rv:1;x:y"),)))
    want(bench, Trace(DROPPED), 1)
    bench.judge(WAIT_S)
    want(bench, Trace(DROPPED + 1), WAIT_S)
    bench.judge(WAIT_S + 1)
    bench.store(Trace(DROPPED + 1, (Span("late"),), second=WAIT_S))
    bench.judge(WAIT_S + 3)
    columns = f"name, trace_state, kept_by, {adjusted_count_of('threshold')} AS count"
    found = bench.rows(f"SELECT {columns} FROM spans WHERE tenant = {{tenant:String}} ORDER BY count DESC, name")
    assert [tuple(row.values()) for row in found] == [
        ("GET /", "ot=th:8,a=b", "on demand", 2.0),
        ("GET /", "ot=rv:1;x:y", "on demand", 0.0),
        ("late", "", "on demand", 0.0),
    ]


def test_dry_run_keeps_all_and_counts_what_would_have_been_dropped() -> None:
    bench = Bench(dry_run=True)
    bench.store(Trace(KEPT), Trace(DROPPED))
    bench.judge(WAIT_S)
    assert bench.kept() == {KEPT: 1, DROPPED: 1}
    assert bench.ledger() == {"kept": (1, 1), "would_drop": (1, 1)}
    found = bench.rows("SELECT kept_by, threshold FROM spans WHERE tenant = {tenant:String} ORDER BY kept_by")
    assert [(row["kept_by"], row["threshold"]) for row in found] == [("dry run", 0), ("some", 0)]


def test_what_is_left_when_sampling_is_switched_off_is_kept(bench: Bench) -> None:
    bench.store(Trace(DROPPED))
    bench.judging = None
    bench.judge(1)
    assert bench.kept() == {DROPPED: 1}


def test_trace_is_judged_sooner_when_its_root_is_there() -> None:
    bench = Bench(ERRORS_AND_A_TENTH + "decision_wait_after_root_received: 2s\n")
    bench.store(Trace(KEPT, (Span(parent=9),)), Trace(KEPT + 1))
    bench.judge(1)
    assert bench.kept() == {}
    bench.judge(3)
    assert bench.kept() == {KEPT + 1: 1}
    bench.judge(WAIT_S)
    assert bench.kept() == {KEPT: 1, KEPT + 1: 1}


def test_guarantee_keeps_one_trace_of_each_combination_over_rounds() -> None:
    bench = Bench("""
decision_wait: 10s
guarantee: true
policies:
  - {name: slow, type: latency, latency: {threshold_ms: 9000}}
""")
    bench.store(Trace(1), Trace(2), Trace(3, (Span("rare"),)))
    bench.judge(WAIT_S)
    bench.store(*(Trace(10 + number, second=WAIT_S + 1) for number in range(5)))
    bench.judge(2 * WAIT_S + 1)
    assert bench.kept() == {2: 1, 3: 1}


def test_sampler_that_is_far_behind_judges_some_seconds_after_the_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceo.sampling.sampler.MOST_SPANS", 3)
    bench.store(*(Trace(KEPT + second, (Span(), Span("b")), second=second * 7) for second in range(4)))
    for judged in (1, 2, 3, 4, 4):
        bench.judge(100)
        assert len(bench.kept()) == judged
    assert bench.ledger() == {"kept": (4, 8)}


def test_trouble_of_one_tenant_is_not_the_others(bench: Bench) -> None:
    store_traces("a-troubled-tenant", [Trace(KEPT)], recent=True)
    read_round = bench.rounds.read_round

    def fail_for_one(tenant: str, host: str) -> Round | None:
        if tenant == "a-troubled-tenant":
            raise StoreUnavailable("the state database does not answer")
        return read_round(tenant, host)

    bench.rounds.read_round = fail_for_one  # type: ignore[method-assign]
    bench.store(Trace(KEPT))
    bench.judge(WAIT_S)
    assert bench.kept() == {KEPT: 1}


def test_clock_that_goes_back_leaves_no_trace_out(bench: Bench) -> None:
    """Another replica takes over, or another node answers, whose clock is seconds behind."""
    bench.store(Trace(KEPT))
    bench.judge(WAIT_S + 20)
    for second in range(1, 25, 3):
        bench.store(Trace(KEPT + second, second=second), Trace(DROPPED + second, second=second))
        bench.judge(WAIT_S + second)
    bench.judge(WAIT_S + 26)
    assert bench.kept() == {KEPT: 1} | {KEPT + second: 1 for second in range(1, 25, 3)}
    assert bench.ledger() == {"kept": (9, 9), "dropped": (8, 8)}
    numbers = [judged.number for judged in bench.rounds.written if judged.done and judged.tenant == bench.tenant]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("stopped", ["TRUNCATE TABLE verdicts", "INSERT INTO verdicts", "INSERT INTO spans"])
def test_replica_that_lost_its_lease_within_a_round_changes_nothing_any_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    bench.store(Trace(KEPT), Trace(FAILED, (Span(status=2), Span())))
    successor = OwnSampler(engine(), bench.rounds, bench._find, {bench.tenant})
    execute_on, overtaken = engine().execute_on, []

    async def be_overtaken(host: str, sql: str, params: Any = None) -> None:
        if sql.startswith(stopped) and not overtaken:
            overtaken.append(sql)
            await successor.run_once(ARRIVAL_S + 2 + WAIT_S)
            await store_later()
            await successor.run_once(ARRIVAL_S + 2 + 3 * WAIT_S)
        await execute_on(host, sql, params)

    async def store_later() -> None:
        await insert(engine(), bench.tenant, [Trace(KEPT + 1, second=WAIT_S)], recent=True)

    with monkeypatch.context() as patched:
        patched.setattr(engine(), "execute_on", be_overtaken)
        asyncio.run(bench.sampler.run_once(ARRIVAL_S + 1 + WAIT_S, lambda: not overtaken))
    assert overtaken
    bench.judge(4 * WAIT_S)
    assert bench.kept() == {KEPT: 1, KEPT + 1: 1, FAILED: 2}
    assert bench.ledger() == {"kept": (3, 4)}


def test_policies_that_the_engine_refuses_lose_nothing_and_hold_nobody_up(bench: Bench) -> None:
    broken = Bench()
    unchecked = StringAttribute("k", ("(unclosed",), enabled_regex_matching=True)
    broken.judging = Judging(PolicySet((Policy("broken", unchecked),), decision_wait=Seconds(WAIT_S)), 7)
    both = {broken.tenant: broken, bench.tenant: bench}
    sampler = OwnSampler(engine(), MemoryRounds(), lambda tenant, version: both[tenant]._find(tenant, version), both)
    for one in both.values():
        one.store(Trace(KEPT, (Span(attributes={"k": "v"}),)), Trace(DROPPED))
    asyncio.run(sampler.run_once(ARRIVAL_S + 1 + WAIT_S))
    assert (bench.kept(), broken.kept()) == ({KEPT: 1}, {})
    for second in (2, 3, 4):
        asyncio.run(sampler.run_once(ARRIVAL_S + second + WAIT_S))
    assert broken.kept() == {KEPT: 1, DROPPED: 1}
    assert broken.ledger() == {"kept": (2, 2)}
    assert broken.rows("SELECT DISTINCT kept_by FROM spans WHERE tenant = {tenant:String}") == [
        {"kept_by": "policies failed"}
    ]
    broken.judging = Judging(parse_policies(ERRORS_AND_A_TENTH).policies, 8)
    broken.store(Trace(FAILED, (Span(status=2),), second=9), Trace(DROPPED + 1, second=9))
    asyncio.run(sampler.run_once(ARRIVAL_S + 10 + WAIT_S))
    assert broken.kept() == {KEPT: 1, DROPPED: 1, FAILED: 1}


def test_bytes_a_second_hold_over_rounds_although_bursts_may_come_at_once() -> None:
    """A round each second, and a burst of two seconds' bytes: no round may take it for itself."""
    limit = "bytes_limiting: {bytes_per_second: 500}"
    bench = Bench(f"decision_wait: 10s\npolicies: [{{name: limit, type: bytes_limiting, {limit}}}]")
    for second in range(8):
        bench.store(*(Trace(share((number + 0.5) / 20) + second, second=second) for number in range(20)))
        bench.judge(WAIT_S + second - 1)
    bench.judge(WAIT_S + 8)
    (row,) = bench.rows("SELECT sumIf(bytes, keep) AS kept, count() AS n FROM decisions WHERE tenant = {tenant:String}")
    assert row["n"] == 160
    assert 0.7 * 8 * 500 < row["kept"] <= 8 * 500


def test_minimum_of_a_key_holds_for_an_interval_and_not_for_each_round() -> None:
    bench = Bench("""
decision_wait: 10s
policies:
  - name: by-name
    type: dynamic
    dynamic: {keys: [root.name], target_rate: 1000000, minimum_per_key: 1, adjustment_interval: 30s}
""")
    for second in range(0, 60, 4):
        bench.store(Trace(DROPPED + second, second=second))
        bench.judge(second + WAIT_S)
    assert sorted(trace - DROPPED for trace in bench.kept()) == [0, 32]
