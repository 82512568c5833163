"""Log records that follow their traces, on the real engine: what is kept, once, and what may never be dropped."""

import asyncio
import random
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.query.engine import engine
from tests.query.telemetry import logs
from tests.sampling.test_sampler import DROPPED, ERRORS_AND_A_TENTH, FAILED, KEPT, WAIT_S, Bench, MemoryRounds, want
from tests.sampling.traces import ARRIVAL_S, START_NS, Span, Trace
from traceo.config import Query as QuerySettings
from traceo.query.logs import LogSearch, search_logs
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.query.userquery import run_user_query
from traceo.sampling.log_round import LogRound
from traceo.sampling.log_sampler import LogSampler
from traceo.store.base import Batch, Request, Signal

WINDOW_S = 200
ORPHANED_S = WAIT_S + WINDOW_S // 4
INFO, WARN = 9, 13
RANGE = TimeRange(START_NS, START_NS + 10**9)


class LogMemoryRounds(MemoryRounds):
    """With those over log records."""

    def __init__(self) -> None:
        super().__init__()
        self.last_of_logs: dict[tuple[str, str], LogRound] = {}

    def read_log_round(self, tenant: str, host: str) -> LogRound | None:
        return self.last_of_logs.get((tenant, host))

    def write_log_round(self, covered: LogRound, after: LogRound | None) -> None:
        self.last_of_logs[covered.tenant, covered.host] = covered


class LogBench(Bench):
    """A tenant whose log records follow its traces; bodies are their names."""

    def __init__(self, document: str = ERRORS_AND_A_TENTH, *, dry_run: bool = False) -> None:
        super().__init__(document + "thin_logs: true\n", dry_run=dry_run)
        self.rounds: LogMemoryRounds = LogMemoryRounds()
        self.sampler._rounds = self.rounds
        self.log_sampler = LogSampler(engine(), self.rounds, self._find, WINDOW_S)

    def log(self, body: str, trace: int | None, second: int = 0, **fields: Any) -> None:
        trace_id = Trace(trace).trace_id if trace is not None else b""
        record = {"body": body, "trace_id": trace_id, "time_unix_nano": START_NS, "severity_number": INFO, **fields}
        batch = Batch(((ARRIVAL_S + second) * 1000) << 22 | secrets.randbits(22), secrets.token_hex(16))
        request = Request(self.tenant, logs("shop", [record]), recent=True)
        asyncio.run(engine().insert(Signal.LOGS, [request], batch))

    def follow(self, second: int) -> None:
        """A round over log records, so many seconds after the end of second ARRIVAL_S."""
        asyncio.run(self.log_sampler.run_once(ARRIVAL_S + 1 + second))

    def work(self, second: int) -> None:
        self.judge(second)
        self.follow(second)

    def stored(self, table: str = "logs") -> list[str]:
        sql = f"SELECT body FROM {table} WHERE tenant = {{tenant:String}} ORDER BY body"
        return [row["body"] for row in self.rows(sql)]

    def found(self) -> list[str]:
        """What a search shows; SQL users see as many."""

        async def read() -> tuple[list[str], int]:
            queries = Queries(engine(), QuerySettings())
            page = await search_logs(queries, self.tenant, LogSearch(RANGE))
            counted = await run_user_query(queries, self.tenant, "SELECT count() FROM logs", {})
            return sorted(record["body"] for record in page.records), counted["rows"][0][0]

        found, counted = asyncio.run(read())
        assert counted == len(found)
        return found

    def log_ledger(self) -> dict[tuple[str, str], int]:
        """(Verdict, policy) -> log records."""
        sql = (
            "SELECT verdict, policy, sum(logs) AS n, sum(log_bytes) AS size FROM sampling_ledger "
            "WHERE tenant = {tenant:String} GROUP BY verdict, policy HAVING n > 0"
        )
        rows = self.rows(sql)
        assert all(row["size"] > 64 * row["n"] for row in rows)
        return {(row["verdict"], row["policy"]): row["n"] for row in rows}

    def clean(self) -> None:
        for table in ("spans_recent", "logs_recent"):
            asyncio.run(engine().execute(f"TRUNCATE TABLE {table}"))


@pytest.fixture
def bench() -> Iterator[LogBench]:
    made = LogBench()
    yield made
    made.clean()


def test_only_what_is_known_to_be_below_warn_and_of_a_trace_may_be_thinned(bench: LogBench) -> None:
    texts = ["", "INFO", "debug", "Trace2", "info4", "WARN", "Error", "fatal", "information", "infos", "notice", "none"]
    cases = [(number, "") for number in range(-1, 26)] + [(0, text) for text in texts] + [(9, "ERROR"), (13, "INFO")]
    for trace in (DROPPED, None):
        records = [
            {"body": f"{trace} {number} {text}", "severity_number": number, "severity_text": text}
            | ({"trace_id": Trace(trace).trace_id} if trace else {"span_id": b"\1" * 8, "trace_id": bytes(16)})
            for number, text in cases
        ]
        body = logs("shop", records)
        asyncio.run(engine().insert(Signal.LOGS, [Request(bench.tenant, body, recent=True)]))
    thinned = [f"{DROPPED} {number} " for number in range(1, 13)] + [f"{DROPPED} 9 ERROR"]
    thinned += [f"{DROPPED} 0 {text}" for text in ("INFO", "debug", "Trace2", "info4")]
    assert bench.stored("logs_recent") == sorted(thinned)
    assert len(bench.stored()) == 2 * len(cases) - len(thinned)


def test_records_rest_for_the_tenants_that_thin_only(bench: LogBench) -> None:
    record = {"body": "stays", "trace_id": Trace(DROPPED).trace_id, "severity_number": INFO}
    asyncio.run(engine().insert(Signal.LOGS, [Request(bench.tenant, logs("shop", [record]))]))
    assert (bench.stored(), bench.stored("logs_recent")) == (["stays"], [])


def test_records_follow_their_trace_whenever_they_come(bench: LogBench) -> None:
    bench.log("kept, before", KEPT, second=0)
    bench.log("dropped, before", DROPPED, second=0)
    bench.log("no trace", None)
    bench.log("warning", DROPPED, severity_number=WARN)
    bench.store(Trace(KEPT, second=1), Trace(DROPPED, second=1))
    bench.log("kept, with", KEPT, second=1)
    bench.follow(1)
    everything = ["dropped, before", "kept, before", "kept, with", "no trace", "warning"]
    assert bench.found() == everything
    assert bench.stored() == ["no trace", "warning"]
    bench.work(WAIT_S + 1)
    assert bench.found() == everything
    assert bench.stored() == everything[1:]
    for second in (2, WAIT_S + 2, WAIT_S + 30):  # the first of them was replayed from a journal
        bench.log(f"kept, late {second}", KEPT, second)
        bench.log(f"dropped, late {second}", DROPPED, second)
        bench.work(WAIT_S + 3 + second)
    late = [f"kept, late {second}" for second in (2, WAIT_S + 2, WAIT_S + 30)]
    assert bench.stored() == sorted([*everything[1:], *late])
    assert len(bench.found()) == len(everything) + 6
    assert bench.log_ledger() == {("kept", "some"): 5, ("dropped", ""): 4}


def test_records_that_are_alike_are_not_taken_for_one(bench: LogBench) -> None:
    bench.store(Trace(KEPT))
    for _ in range(3):
        bench.log("again", KEPT)
    bench.work(WAIT_S)
    bench.log("again", KEPT, second=WAIT_S)
    assert (bench.stored(), bench.found()) == (["again"] * 3, ["again"] * 4)
    bench.work(WAIT_S + 2)
    assert (bench.stored(), bench.found()) == (["again"] * 4, ["again"] * 4)


@pytest.mark.parametrize("trace", [KEPT, DROPPED])
def test_records_without_spans_are_kept_once_and_only_then_follow_nothing(bench: LogBench, trace: int) -> None:
    bench.log("alone", trace)
    bench.work(ORPHANED_S - 1)
    assert bench.stored() == []
    bench.work(ORPHANED_S)
    assert bench.stored() == ["alone"]
    bench.log("more", trace, second=ORPHANED_S)
    bench.store(Trace(trace, second=ORPHANED_S))
    bench.work(ORPHANED_S + 1)
    bench.work(ORPHANED_S + WAIT_S + 1)
    bench.log("late", trace, second=ORPHANED_S + WAIT_S)
    bench.work(2 * ORPHANED_S + WAIT_S)
    assert bench.stored() == ["alone", "late", "more"] == bench.found()
    assert bench.log_ledger() == {("kept", "no spans"): 3}


def test_record_that_is_stored_after_its_wait_is_an_orphan_at_once(bench: LogBench) -> None:
    bench.log("in time", KEPT, second=ORPHANED_S)
    bench.work(2 * ORPHANED_S)
    bench.log("replayed", DROPPED, second=5)
    bench.work(2 * ORPHANED_S + 1)
    assert bench.stored() == ["in time", "replayed"]


def test_records_of_rescued_traces_come_back(bench: LogBench) -> None:
    bench.store(Trace(DROPPED), Trace(FAILED))
    bench.log("early", DROPPED)
    bench.log("other", FAILED)
    bench.work(WAIT_S)
    bench.log("late", DROPPED, second=WAIT_S)
    bench.work(3 * ORPHANED_S)
    assert bench.stored() == []
    want(bench, Trace(DROPPED), 3 * ORPHANED_S)
    bench.work(3 * ORPHANED_S + 5)
    bench.log("later", DROPPED, second=3 * ORPHANED_S + 5)
    bench.work(3 * ORPHANED_S + 7)
    assert bench.stored() == ["early", "late", "later"]
    assert bench.log_ledger() == {("dropped", ""): 3, ("rescued", "on demand"): 2, ("forced", "on demand"): 1}


def test_dry_run_keeps_all_and_counts_what_it_would_have_dropped() -> None:
    bench = LogBench(dry_run=True)
    bench.store(Trace(DROPPED))
    bench.log("would go", DROPPED)
    bench.work(WAIT_S)
    assert (bench.stored(), bench.log_ledger()) == (["would go"], {("would_drop", "dry run"): 1})


def test_what_rests_when_sampling_is_switched_off_is_kept(bench: LogBench) -> None:
    bench.store(Trace(DROPPED))
    bench.log("with spans", DROPPED)
    bench.log("alone", KEPT)
    bench.judging = None
    bench.work(1)
    bench.work(WINDOW_S // 4 + 1)
    assert bench.stored() == ["alone", "with spans"]


def test_verdicts_of_a_round_that_is_under_way_wait(bench: LogBench) -> None:
    bench.store(Trace(KEPT))
    bench.log("line", KEPT)
    bench.judge(WAIT_S)
    (key,) = [key for key in bench.rounds.last if key[0] == bench.tenant]
    done = bench.rounds.last[key]
    bench.rounds.last[key] = replace(done, done=False)
    bench.follow(WAIT_S)
    assert bench.stored() == []
    bench.rounds.last[key] = done
    bench.follow(WAIT_S + 1)
    assert bench.stored() == ["line"]


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("stored_first", [False, True], ids=["killed before it ran", "killed after it ran"])
def test_round_that_was_interrupted_is_repeated_without_loss_or_double(
    bench: LogBench, monkeypatch: pytest.MonkeyPatch, after: int, stored_first: bool
) -> None:
    bench.store(Trace(KEPT), Trace(DROPPED), Trace(FAILED, second=ORPHANED_S))
    for trace in (KEPT, DROPPED, FAILED, KEPT + 1):
        bench.log(f"{trace}", trace)
    bench.work(WAIT_S)
    bench.log("late", KEPT, second=WAIT_S)

    class Killed(BaseException):
        pass

    steps = iter(range(100))

    async def execute_on(host: str, sql: str, params: Any = None) -> None:
        killed = (params or {}).get("tenant") == bench.tenant and next(steps) >= after
        if not killed or stored_first:
            await engine().execute(sql, params)
        if killed:
            raise Killed

    bench.judge(ORPHANED_S + WAIT_S)
    with monkeypatch.context() as patched:
        patched.setattr(engine(), "execute_on", execute_on)
        if after < 3:
            with pytest.raises(Killed):
                bench.follow(ORPHANED_S)
        else:
            bench.follow(ORPHANED_S)
    bench.log("later", KEPT, second=ORPHANED_S)
    bench.follow(ORPHANED_S + 1)
    bench.follow(ORPHANED_S + 2)
    assert bench.stored() == sorted([f"{KEPT}", f"{KEPT + 1}", "late", "later"])
    assert bench.log_ledger() == {("kept", "some"): 3, ("kept", "no spans"): 1, ("dropped", ""): 2}


def test_numbers_of_blocks_that_begin_anew_neither_lose_nor_repeat(bench: LogBench) -> None:
    bench.store(Trace(KEPT))
    bench.log("before", KEPT)
    bench.work(WAIT_S)
    for key, last in bench.rounds.last_of_logs.items():
        bench.rounds.last_of_logs[key] = replace(last, blocks_to=dict.fromkeys(last.blocks_to, 1 << 40))
    bench.log("after", KEPT, second=WAIT_S)
    bench.work(WAIT_S + 1)
    bench.work(WAIT_S + 2)
    assert bench.stored() == ["after", "before"] == bench.found()


def test_tenants_do_not_follow_each_others_verdicts(bench: LogBench) -> None:
    other = LogBench(ERRORS_AND_A_TENTH.replace("sampling_percentage: 10", "sampling_percentage: 100"))
    for each in (bench, other):
        each.store(Trace(DROPPED))
        each.log(each.tenant, DROPPED)
        each.judge(WAIT_S)
    for each in (bench, other):
        each.follow(WAIT_S)
    assert (bench.stored(), other.stored()) == ([], [other.tenant])
    other.clean()


@pytest.mark.parametrize("seed", range(2))
def test_in_any_order_each_record_of_a_kept_trace_is_stored_once(bench: LogBench, seed: int) -> None:
    chance = random.Random(seed)
    with_spans, alone = ([chance.getrandbits(56) for _ in range(number)] for number in (6, 2))
    arrivals = [(chance.randrange(36), trace, True) for trace in with_spans]
    arrivals += [(chance.randrange(36), trace, False) for trace in (with_spans + alone) * 2]
    names = [f"{trace} {number}" for number, (_, trace, is_span) in enumerate(arrivals) if not is_span]
    wanted, wanted_at = with_spans[0], chance.randrange(6, 60, 6)
    for second in range(0, 60, 6):
        for number, (at, trace, is_span) in enumerate(arrivals):
            if second <= at < second + 6 and is_span:
                bench.store(Trace(trace, (Span(f"{number}"),), second=at))
            elif second <= at < second + 6:  # some come out of a journal
                bench.log(f"{trace} {number}", trace, second=max(0, at - chance.choice([0, 0, 20])))
        if second == wanted_at:
            want(bench, Trace(wanted), second)
        for work in chance.sample([bench.judge, bench.follow], chance.randrange(3)):
            work(second + 5)
        if second % 18 == 0:
            assert len(set(bench.found())) == len(bench.found())
    for second in (60, 60 + ORPHANED_S, 62 + ORPHANED_S):
        bench.work(second)
    dropped = set(with_spans) - set(bench.kept())
    stored = [name for name in names if int(name.split()[0]) not in dropped]
    assert dropped and set(stored) <= set(bench.stored())
    assert len(set(bench.stored())) == len(bench.stored())
    assert bench.found() == sorted(names)
