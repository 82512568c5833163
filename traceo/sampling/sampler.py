"""The loop that judges traces: every second or so, on each node, for each tenant that has spans in the recent window.

It holds nothing: what a round covers is written down before the round begins (`Rounds`), so that a crash, or another
replica that takes over, repeats it with the same result. See `round.py` for what a round does.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from traceo.errors import LimitExceeded, QueryError, StoreUnavailable, TraceoError
from traceo.sampling.model import AlwaysSample, Policy, PolicySet
from traceo.sampling.round import Round, RoundSql
from traceo.settings import Seconds
from traceo.store.base import Store

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
AFTER_SECOND_S = 0.05  # arrivals are known by the second: just after one has ended, there is news
LONGEST_INTERVAL_S = 30.0
WAITS_PER_INTERVAL = 60  # a round reads all spans since its first: with a longer wait there are fewer rounds
SENDING_S = 120  # a tenant that sent nothing for so long is looked for once a minute only
ALL_TENANTS_S = 60.0
END_OF_TIME_S = (1 << 32) - 1  # of a DateTime
BEGINNING = datetime.fromtimestamp(0, UTC)
# What is left in the window when a tenant's sampling was switched off is kept.
KEEP_ALL = PolicySet((Policy("sampling is off", AlwaysSample()),), decision_wait=Seconds(0))
# The same when the engine refuses a tenant's policies, again and again.
TRIES = 3
KEEP_UNJUDGED = PolicySet((Policy("policies failed", AlwaysSample()),), decision_wait=Seconds(0))

TENANTS = "SELECT DISTINCT tenant FROM spans_recent{local} WHERE received_at >= toDateTime({since})"
# Parts know when the first of their rows arrived. A new block may have been merged with older ones: the answer is then
# too early, which costs reading and nothing else.
EARLIEST_NEW = """
SELECT toUnixTimestamp(min(min_time)) AS since FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'spans_recent{local}' AND max_block_number > {blocks_from}
"""
COHORT_SIZE = "SELECT total_rows FROM system.tables WHERE database = currentDatabase() AND name = 'cohort'"
# By the node's clock, which stays when another replica takes over.
NEWEST_BLOCK = "SELECT max(_block_number) AS number, toUnixTimestamp64Milli(now64(3)) AS ms FROM spans_recent{local}"


@dataclass(frozen=True, slots=True)
class Judging:
    """What a tenant's traces are judged by. `dry_run`: all are kept, and what would have been dropped is counted."""

    policies: PolicySet
    version: int | None = None
    dry_run: bool = False


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

    def __init__(self, store: Store, rounds: Rounds, judging: Callable[[str, int | None], Judging | None]) -> None:
        self._store = store
        self._rounds = rounds
        self._judging = judging
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
        hosts = await self._store.hosts()
        self._shards, self._may_work = len(hosts), may_work
        ended = await asyncio.gather(*(self._judge_host(host, local, now_s) for host in hosts), return_exceptions=True)
        for error in ended:  # when all have ended: no node has two rounds at once
            if error:
                raise error

    async def _judge_host(self, host: str, local: str, now_s: float | None) -> None:
        """Nodes work side by side; what one of them, or one tenant, has trouble with is not the others'."""
        try:
            tenants = await self._tenants(host, local, now_s)
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
                await self._judge(host, local, tenant, judging, now_s)
                wait = min(judging.policies.decision_wait / WAITS_PER_INTERVAL, LONGEST_INTERVAL_S)
                ended = time.monotonic()
                self._due[host, tenant] = ended + max(wait, ended - started)  # half of the time is for the others
            except TraceoError as error:
                logger.warning("a tenant was not judged, trying again: %s", error, extra=_fields(tenant, host))
            except Exception:  # whatever it is: the other tenants' turn
                logger.exception("a tenant was not judged, trying again", extra=_fields(tenant, host))

    async def _tenants(self, host: str, local: str, now_s: float | None) -> list[str]:
        """Those with spans in the window; all of them once a minute, in between those that send."""
        everybody = now_s is not None or self._all_again.get(host, 0.0) < time.monotonic()
        since = 0 if everybody else int(time.time()) - SENDING_S
        found = await self._store.query_on(host, TENANTS.format(local=local, since=since))
        if everybody:
            self._all_again[host] = time.monotonic() + ALL_TENANTS_S
        return sorted(found["tenant"].to_pylist())

    async def _judge(self, host: str, local: str, tenant: str, judging: Judging, now_s: float | None) -> None:
        last = await asyncio.to_thread(self._rounds.read_round, tenant, host)
        if last and not last.done:  # with the policies that it began with: half of it may be there
            began = last.policy_version and self._judging(tenant, last.policy_version)
            last = await self._complete(last, local, began or Judging(KEEP_ALL))
        planned = await self._plan(host, local, tenant, judging, last, now_s)
        await asyncio.to_thread(self._rounds.write_round, planned, last)
        await self._complete(planned, local, judging)

    async def _plan(
        self, host: str, local: str, tenant: str, judging: Judging, last: Round | None, now_s: float | None
    ) -> Round:
        (found,) = (await self._store.query_on(host, NEWEST_BLOCK.format(local=local))).to_pylist()
        newest, now_s = found["number"] or 0, now_s or found["ms"] / 1000
        arrived_from = last.arrived_to if last else BEGINNING
        over, period_s = int(now_s - judging.policies.decision_wait), judging.policies.period_s
        arrived_to = datetime.fromtimestamp(over - over % period_s - 1, UTC)  # the last second of a whole period
        blocks_from = last.blocks_to if last else 0
        return Round(
            tenant,
            host,
            max(int(now_s * 1000), last.number + 1 if last else 0),
            blocks_from if blocks_from <= newest else 0,  # an engine that started with an empty window counts anew
            newest,
            arrived_from,
            max(arrived_from, arrived_to),
            judging.version,
            False,
        )

    async def _complete(self, judged: Round, local: str, judging: Judging) -> Round:
        """Do what the round has to do. What its policies cannot judge is kept: it would be lost with the window."""
        key = (judged.host, judged.tenant)
        try:
            await self._work(judged, local, judging)
        except PoliciesFailed as error:
            self._failures[key] = self._failures.get(key, 0) + 1
            if self._failures[key] < TRIES:
                raise
            logger.error("sampling policies fail, all is kept: %s", error, extra=_fields(judged.tenant, judged.host))
            failed, judged = judged, replace(judged, policy_version=None)  # so that it is repeated without them
            await asyncio.to_thread(self._rounds.write_round, judged, failed)
            await self._work(judged, local, Judging(KEEP_UNJUDGED))
        self._failures.pop(key, None)
        done = replace(judged, done=True)
        await asyncio.to_thread(self._rounds.write_round, done, judged)
        return done

    async def _work(self, judged: Round, local: str, judging: Judging) -> None:
        """All that the round has to do; the same again, when it is repeated."""
        new_from = END_OF_TIME_S
        if judged.blocks_to > judged.blocks_from:
            earliest = EARLIEST_NEW.format(local=local, blocks_from=judged.blocks_from)
            new_from = (await self._store.query_on(judged.host, earliest))["since"][0].as_py()
        sql = RoundSql(
            judged, judging.policies, local=local, new_from=new_from, dry_run=judging.dry_run, shards=self._shards
        )
        for table in ("cohort", "verdicts"):
            await self._execute(judged, sql, f"TRUNCATE TABLE {table}")
        await self._execute(judged, sql, sql.fill_cohort())
        if await self._count(judged, sql, COHORT_SIZE):
            try:
                await self._execute(judged, sql, sql.fill_verdicts())
            except (QueryError, LimitExceeded) as error:
                raise PoliciesFailed(str(error)) from error
        if await self._count(judged, sql, sql.wishes()):
            await self._execute(judged, sql, sql.fill_rescued())
        if await self._count(judged, sql, "SELECT count() FROM verdicts"):
            for statement in (sql.store_decisions(), sql.copy_kept(), sql.enter_ledger()):
                await self._execute(judged, sql, statement)
        if judged.blocks_to > judged.blocks_from and await self._count(judged, sql, sql.late()):
            for statement in (sql.copy_late(), sql.enter_late()):
                await self._execute(judged, sql, statement)

    async def _execute(self, judged: Round, sql: RoundSql, text: str) -> None:
        if not self._may_work():  # its tables in memory are another replica's now
            raise StoreUnavailable("the lease ran out within a round, which its next holder repeats")
        await self._store.execute_on(judged.host, text, _used(text, sql.params))

    async def _count(self, judged: Round, sql: RoundSql, text: str) -> int:
        found = await self._store.query_on(judged.host, text, _used(text, sql.params))
        return int(found.column(0)[0].as_py() or 0)


def _fields(tenant: str, host: str) -> dict[str, Any]:
    return {"fields": {"tenant": tenant, "host": host}}


def _used(text: str, params: dict[str, Any]) -> dict[str, Any]:
    """The values that a statement names."""
    return {name: value for name, value in params.items() if f"{{{name}:" in text}
