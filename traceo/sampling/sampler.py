"""The loop that judges traces: every second or so, on each node, for each tenant that has spans in the recent window.

It holds nothing: what a round covers is written down before the round begins (`Rounds`), so that a crash, or another
replica that takes over, repeats it with the same result. See `round.py` for what a round does.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from traceo.errors import LimitExceeded, QueryError, StoreUnavailable, TraceoError
from traceo.sampling.budgets import Budget, Terms
from traceo.sampling.model import AlwaysSample, Policy, PolicySet
from traceo.sampling.round import KEPT_BYTES, Round, RoundSql
from traceo.sampling.steering import Steered, steer
from traceo.sampling.window import Window, find_host, read_window
from traceo.settings import Seconds
from traceo.store.base import Store

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
AFTER_SECOND_S = 0.05  # arrivals are known by the second: just after one has ended, there is news
LONGEST_INTERVAL_S = 30.0
WAITS_PER_INTERVAL = 60  # a round reads all spans since its first: with a longer wait there are fewer rounds
SENDING_S = 120  # a tenant that sent nothing for so long is looked for once a minute only
ALL_TENANTS_S = 60.0
IDLE_S = 5.0  # without traces that are due, late spans and wishes wait so long for a round
MOST_SPANS = 500_000  # of one round, where many are due because none was judged for a while
BEHIND_S = 3  # from when on they are counted first
BEGINNING = datetime.fromtimestamp(0, UTC)
TERMS = Terms()
# What is left in the window when a tenant's sampling was switched off is kept.
KEEP_ALL = PolicySet((Policy("sampling is off", AlwaysSample()),), decision_wait=Seconds(0))
# The same when the engine refuses a tenant's policies, again and again.
TRIES = 3
KEEP_UNJUDGED = PolicySet((Policy("policies failed", AlwaysSample()),), decision_wait=Seconds(0))

TENANTS = "SELECT DISTINCT tenant FROM spans_recent{local}"
SENDING = "SELECT DISTINCT tenant FROM usage WHERE signal = 'traces' AND minute >= toDateTime({since})"
COHORT_SIZE = "SELECT total_rows FROM system.tables WHERE database = currentDatabase() AND name = 'cohort'"
# How many spans arrived in each second that is due.
BEHIND = """
SELECT toUnixTimestamp(received_at) AS second, count() AS spans FROM spans_recent{local}
WHERE tenant = {{tenant:String}} AND received_at > toDateTime({{arrived_from:Int64}})
AND received_at <= toDateTime({{arrived_to:Int64}}) GROUP BY second ORDER BY second
"""


@dataclass(frozen=True, slots=True)
class Judging:
    """What a tenant's traces are judged by. `dry_run`: all are kept, and what would have been dropped is counted.

    `shared`: budgets of all tenants, beside those of the policies.
    """

    policies: PolicySet
    version: int | None = None
    dry_run: bool = False
    shared: tuple[Budget, ...] = ()


class PoliciesFailed(TraceoError):
    """The engine refused the statement that a tenant's policies became."""


class Rounds(Protocol):
    """Where rounds are written down."""

    def read_round(self, tenant: str, host: str) -> Round | None:
        """The last round, done or not."""

    def write_round(self, judged: Round, after: Round | None) -> None:
        """In place of `after`, which MUST be the last one still. It MUST be there when this returns."""


class Sampler:
    """Judges traces on every node of a store.

    `judging`: a tenant's policies of a version (None: the current one); None when it has none any more.
    """

    def __init__(
        self,
        store: Store,
        rounds: Rounds,
        judging: Callable[[str, int | None], Judging | None],
        terms: Terms = TERMS,
        on_steered: Callable[[str, tuple[Steered, ...]], None] = lambda tenant, found: None,
    ) -> None:
        self._store = store
        self._rounds = rounds
        self._judging = judging
        self._terms = terms
        self._on_steered = on_steered
        self._due: dict[tuple[str, str], float] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._all_again: dict[str, float] = {}
        self._shards = 1
        self._may_work: Callable[[], bool] = lambda: True

    async def run_forever(self, may_work: Callable[[], bool]) -> None:
        """Until cancelled. `may_work` says before each round whether the work is this replica's."""
        while True:
            try:
                if may_work():
                    await self.run_once(may_work=may_work)
            except TraceoError as error:
                logger.warning("sampling made no progress, trying again: %s", error)
            except Exception:  # the edge of the process: the next round may do better, none at all never does
                logger.exception("sampling failed, trying again")
            await asyncio.sleep(INTERVAL_S + AFTER_SECOND_S - time.time() % INTERVAL_S)

    async def run_once(self, now_s: float | None = None, may_work: Callable[[], bool] = lambda: True) -> None:
        """One round for each node and tenant that is due. `now_s`: the time, for tests; every tenant is due then."""
        local = "_local" if (await self._store.layout()).cluster else ""
        shards = await self._store.shards()
        self._shards, self._may_work = len(shards), may_work
        ended = await asyncio.gather(
            *(self._judge_shard(shard, local, now_s) for shard in shards), return_exceptions=True
        )
        for error in ended:  # when all have ended: no shard has two rounds at once
            if error:
                raise error

    async def _judge_shard(self, replicas: Sequence[str], local: str, now_s: float | None) -> None:
        """Shards work side by side; what one of them, or one tenant, has trouble with is not the others'."""
        host = replicas[0]
        try:
            host = await find_host(self._store, replicas)
            tenants = await self._tenants(host, local, now_s)
            window = await read_window(self._store, replicas, host, local, "spans_recent", now_s)
        except TraceoError as error:
            logger.warning("a node was not asked for traces, trying again: %s", error, extra={"fields": {"host": host}})
            return
        for tenant in tenants:
            if now_s is None and self._due.get((host, tenant), 0.0) > time.monotonic():
                continue
            if not self._may_work():
                return
            started = time.monotonic()
            try:
                judging = self._judging(tenant, None) or Judging(KEEP_ALL)
                more_is_due = await self._judge(window, tenant, judging, may_idle=now_s is None)
                wait = min(judging.policies.decision_wait / WAITS_PER_INTERVAL, LONGEST_INTERVAL_S)
                ended = time.monotonic()
                pause = 0 if more_is_due else max(wait, min(ended - started, INTERVAL_S))  # for the engine's other work
                self._due[host, tenant] = ended + pause
            except TraceoError as error:
                logger.warning("a tenant was not judged, trying again: %s", error, extra=_fields(tenant, host))
            except Exception:  # whatever it is: the other tenants' turn
                logger.exception("a tenant was not judged, trying again", extra=_fields(tenant, host))

    async def _tenants(self, host: str, local: str, now_s: float | None) -> list[str]:
        """Those with spans in the window; all of them once a minute, in between those that send."""
        everybody = now_s is not None or self._all_again.get(host, 0.0) < time.monotonic()
        asked = TENANTS.format(local=local) if everybody else SENDING.format(since=int(time.time()) - SENDING_S)
        found = await self._store.query_on(host, asked)
        if everybody:
            self._all_again[host] = time.monotonic() + ALL_TENANTS_S
        return sorted(found["tenant"].to_pylist())

    async def _judge(self, window: Window, tenant: str, judging: Judging, may_idle: bool) -> bool:
        """Returns whether more is due than a round takes. `may_idle`: one with nothing due may be left out."""
        last = await asyncio.to_thread(self._rounds.read_round, tenant, window.shard)
        if last and not last.done:  # with the policies that it began with: half of it may be there
            began = last.policy_version and self._judging(tenant, last.policy_version)
            last = await self._complete(last, window, began or Judging(KEEP_ALL))
        planned = _plan(window, tenant, judging, last)
        if may_idle and last and _may_idle(window, judging, last, planned):
            return False
        bounded = await self._bounded(planned, window)
        steered = await self._steer(bounded, judging, last)
        await asyncio.to_thread(self._rounds.write_round, steered, last)
        await self._complete(steered, window, judging)
        return bounded.arrived_to < planned.arrived_to

    async def _bounded(self, planned: Round, window: Window) -> Round:
        """The round, ending before seconds that would be more than `MOST_SPANS`: they are the next one's."""
        first, last = int(planned.arrived_from.timestamp()), int(planned.arrived_to.timestamp())
        if last - first <= BEHIND_S:
            return planned
        params = {"tenant": planned.tenant, "arrived_from": first, "arrived_to": last}
        seconds = await self._store.query_on(window.host, BEHIND.format(local=window.local), params)
        spans = seconds["spans"].to_numpy().cumsum()
        over = int((spans <= MOST_SPANS).sum())
        if over == len(spans):
            return planned
        until = datetime.fromtimestamp(seconds["second"][max(over - 1, 0)].as_py(), UTC)
        return replace(planned, arrived_to=until)

    async def _steer(self, planned: Round, judging: Judging, last: Round | None) -> Round:
        """With its budgets' factors; the last round's, when a shard does not answer: others need not wait for it."""
        budgets = (*judging.policies.budgets, *judging.shared)
        if not budgets:
            return planned
        try:
            steered = await steer(self._store, planned.tenant, budgets, self._terms, planned.arrived_from)
        except StoreUnavailable as error:
            logger.warning("budgets go on with their factors: %s", error, extra=_fields(planned.tenant, planned.host))
            return replace(planned, steering=last.steering if last else ())
        self._on_steered(planned.tenant, steered)
        return replace(planned, steering=tuple(item.steering for item in steered))

    async def _complete(self, judged: Round, window: Window, judging: Judging) -> Round:
        """Do what the round has to do. What its policies cannot judge is kept: it would be lost with the window."""
        key = (judged.host, judged.tenant)
        try:
            await self._work(judged, window, judging)
        except PoliciesFailed as error:
            self._failures[key] = self._failures.get(key, 0) + 1
            if self._failures[key] < TRIES:
                raise
            logger.error("sampling policies fail, all is kept: %s", error, extra=_fields(judged.tenant, judged.host))
            failed, judged = judged, replace(judged, policy_version=None)  # so that it is repeated without them
            await asyncio.to_thread(self._rounds.write_round, judged, failed)
            await self._work(judged, window, Judging(KEEP_UNJUDGED))
        self._failures.pop(key, None)
        done = replace(judged, done=True)
        await asyncio.to_thread(self._rounds.write_round, done, judged)
        return done

    async def _work(self, judged: Round, window: Window, judging: Judging) -> None:
        """All that the round has to do; the same again, when it is repeated."""
        new_from = window.new_from(judged.blocks_from)
        sql = RoundSql(
            judged,
            judging.policies,
            local=window.local,
            new_from=new_from,
            dry_run=judging.dry_run,
            shards=self._shards,
        )
        for table in ("cohort", "verdicts"):
            await self._execute(window, sql, f"TRUNCATE TABLE {table}")
        await self._execute(window, sql, sql.fill_cohort())
        if (await self._read(window, sql, COHORT_SIZE))["total_rows"]:
            try:
                await self._execute(window, sql, sql.fill_verdicts())
            except (QueryError, LimitExceeded) as error:
                raise PoliciesFailed(str(error)) from error
        to_do = await self._read(window, sql, sql.to_do())
        if to_do["wishes"]:
            for statement in (sql.fill_rescued(), sql.enter_rescued()):
                await self._execute(window, sql, statement)
        statements = []
        if to_do["verdicts"] or to_do["wishes"]:
            kept = await self._read(window, sql, KEPT_BYTES)
            statements += [sql.store_decisions(), *sql.copy_kept(kept["kept_bytes"]), sql.enter_ledger()]
        if to_do["verdicts"] and judged.steering:
            statements += [sql.enter_charges()]
        if to_do["late"]:
            statements += [sql.copy_late(), sql.enter_late()]
        for statement in statements:
            await self._execute(window, sql, statement)

    async def _execute(self, window: Window, sql: RoundSql, text: str) -> None:
        if not self._may_work():  # its tables in memory are another replica's now
            raise StoreUnavailable("the lease ran out within a round, which its next holder repeats")
        await self._store.execute_on(window.host, text, _used(text, sql.params))

    async def _read(self, window: Window, sql: RoundSql, text: str) -> dict[str, int]:
        """The one row of a SELECT."""
        row: dict[str, int]
        (row,) = (await self._store.query_on(window.host, text, _used(text, sql.params))).to_pylist()
        return row


def _plan(window: Window, tenant: str, judging: Judging, last: Round | None) -> Round:
    arrived_from = last.arrived_to if last else BEGINNING
    over, period_s = int(window.now_s - judging.policies.decision_wait), judging.policies.period_s
    arrived_to = datetime.fromtimestamp(over - over % period_s - 1, UTC)  # the last second of a whole period
    return Round(
        tenant=tenant,
        host=window.shard,
        number=max(int(window.now_s * 1000), last.number + 1 if last else 0),
        blocks_from=window.still_known(last.blocks_to) if last else {},
        blocks_to=window.newest_blocks(),
        arrived_from=arrived_from,
        arrived_to=max(arrived_from, arrived_to),
        policy_version=judging.version,
        done=False,
    )


def _may_idle(window: Window, judging: Judging, last: Round, planned: Round) -> bool:
    """Nothing can be due, and there was a round a moment ago: blocks that are new can wait for the next one."""
    sooner = max(0, judging.policies.decision_wait - judging.policies.decision_wait_after_root_received)
    due_until = planned.arrived_to.timestamp() + (sooner if judging.policies.decision_wait_after_root_received else 0)
    due = any(part.since_s <= due_until and part.until_s > last.arrived_to.timestamp() for part in window.parts)
    return not due and planned.number < last.number + IDLE_S * 1000


def _fields(tenant: str, host: str) -> dict[str, Any]:
    return {"fields": {"tenant": tenant, "host": host}}


def _used(text: str, params: dict[str, Any]) -> dict[str, Any]:
    """The values that a statement names."""
    return {name: value for name, value in params.items() if f"{{{name}:" in text}
