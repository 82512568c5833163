"""The loop that lets log records follow their traces' verdicts, on each node, for each tenant whose records rest.

Nothing waits for it: a record is found by every search from its arrival on. So its rounds are few. As with the
sampler's, what a round covers is written down before it begins, and whoever goes on after a crash repeats it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from traceo.errors import TraceoError
from traceo.sampling.log_round import LogRound, LogRoundSql
from traceo.sampling.round import Round
from traceo.sampling.sampler import BEGINNING, KEEP_ALL, Judging, Rounds
from traceo.sampling.window import Window, find_host, read_window
from traceo.store.base import Store

logger = logging.getLogger(__name__)

LONGEST_INTERVAL_S = 30.0
INTERVALS_IN_WINDOW = 8
SPANS_FOLLOW = 4  # a record waits for spans, and their verdict, a quarter of the window longer than spans do

TENANTS = "SELECT DISTINCT tenant FROM logs_recent{local} ORDER BY tenant"


class LogRounds(Protocol):
    """Where rounds are written down."""

    def read_log_round(self, tenant: str, host: str) -> LogRound | None:
        """The last round, done or not."""

    def write_log_round(self, covered: LogRound, after: LogRound | None) -> None:
        """In place of `after`, the last one. It MUST be there when this returns. Raises StoreUnavailable otherwise."""


class AllRounds(Rounds, LogRounds, Protocol):
    """Those of the sampler, too."""


class LogSampler:
    """Lets records follow on every node of a store. `judging` is the sampler's, `window_s` how long records rest."""

    def __init__(
        self, store: Store, rounds: AllRounds, judging: Callable[[str, int | None], Judging | None], window_s: float
    ) -> None:
        self._store = store
        self._rounds = rounds
        self._judging = judging
        self._window_s = window_s

    async def run_forever(self, may_work: Callable[[], bool]) -> None:
        """Until cancelled. `may_work` says before each round whether the work is this replica's."""
        while True:
            await asyncio.sleep(min(LONGEST_INTERVAL_S, self._window_s / INTERVALS_IN_WINDOW))
            try:
                await self.run_once(may_work=may_work)
            except TraceoError as error:
                logger.warning("log records did not follow their traces, trying again: %s", error)
            except Exception:  # the edge of the process: the next round may do better, none at all never does
                logger.exception("log records did not follow their traces, trying again")

    async def run_once(self, now_s: float | None = None, may_work: Callable[[], bool] = lambda: True) -> None:
        """One round for each node and tenant. `now_s`: the time, for tests."""
        if not may_work():
            return
        local = "_local" if (await self._store.layout()).cluster else ""
        for replicas in await self._store.shards():
            host = await find_host(self._store, replicas)
            tenants = (await self._store.query_on(host, TENANTS.format(local=local)))["tenant"].to_pylist()
            for tenant in tenants:
                if not may_work():
                    return
                try:
                    await self._follow(replicas, host, local, tenant, now_s)
                except TraceoError as error:  # one tenant's trouble is not the others'
                    shown = {"tenant": tenant, "host": host, "error": str(error)}
                    logger.warning("a tenant's log records wait, trying again", extra={"fields": shown})

    async def _follow(self, replicas: Sequence[str], host: str, local: str, tenant: str, now_s: float | None) -> None:
        window = await read_window(self._store, replicas, host, local, "logs_recent", now_s)
        last = await asyncio.to_thread(self._rounds.read_log_round, tenant, window.shard)
        if last and not last.done:
            await self._work(last, window)
            last = await self._finish(last)
        judged = await asyncio.to_thread(self._rounds.read_round, tenant, window.shard)
        planned = self._plan(window, tenant, last, judged)
        await asyncio.to_thread(self._rounds.write_log_round, planned, last)
        await self._work(planned, window)
        await self._finish(planned)

    def _plan(self, window: Window, tenant: str, last: LogRound | None, judged: Round | None) -> LogRound:
        """`judged`: the sampler's last round; while it is under way, no verdict of it counts."""
        decided_from, decided_to = last.decided_to if last else 0, judged.number - (not judged.done) if judged else 0
        arrived_from = last.arrived_to if last else BEGINNING
        judging = self._judging(tenant, None) or Judging(KEEP_ALL)
        waits_s = judging.policies.decision_wait + self._window_s / SPANS_FOLLOW
        arrived_to = datetime.fromtimestamp(int(window.now_s - waits_s) - 1, UTC)  # the last whole one
        return LogRound(
            tenant=tenant,
            host=window.shard,
            number=max(int(window.now_s * 1000), last.number + 1 if last else 0),
            blocks_from=window.still_known(last.blocks_to) if last else {},
            blocks_to=window.newest_blocks(),
            decided_from=decided_from,
            decided_to=max(decided_from, decided_to),
            arrived_from=arrived_from,
            arrived_to=max(arrived_from, arrived_to),
            done=False,
        )

    async def _work(self, covered: LogRound, window: Window) -> None:
        """All that the round has to do; the same again, when it is repeated."""
        sql = LogRoundSql(covered, local=window.local, new_from=window.new_from(covered.blocks_from))
        for statement in (sql.mark_orphans(), sql.copy_kept(), sql.enter_ledger()):
            used = {name: value for name, value in sql.params.items() if f"{{{name}:" in statement}
            await self._store.execute_on(window.host, statement, used)

    async def _finish(self, covered: LogRound) -> LogRound:
        done = replace(covered, done=True)
        await asyncio.to_thread(self._rounds.write_log_round, done, covered)
        return done
