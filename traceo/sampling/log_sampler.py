"""The loop that lets log records follow their traces' verdicts, on each node, for each tenant whose records rest.

Nothing waits for it: a record is found by every search from its arrival on. So its rounds are few. As with the
sampler's, what a round covers is written down before it begins, and whoever goes on after a crash repeats it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from traceo.errors import TraceoError
from traceo.sampling.log_round import LogRound, LogRoundSql
from traceo.sampling.sampler import BEGINNING, END_OF_TIME_S, KEEP_ALL, Judging, Rounds
from traceo.store.base import Store

logger = logging.getLogger(__name__)

LONGEST_INTERVAL_S = 30.0
INTERVALS_IN_WINDOW = 8
SPANS_FOLLOW = 4  # a record waits for spans, and their verdict, a quarter of the window longer than spans do
CLOCKS_AGREE_S = 60  # those of the machines that take records and of the one that judges

TENANTS = """
SELECT tenant, toUnixTimestamp(min(received_at)) AS earliest FROM logs_recent{local} GROUP BY tenant ORDER BY tenant
"""
BLOCKS = """
SELECT max(max_block_number) AS newest, toUnixTimestamp(minIf(min_time, max_block_number > {blocks_from})) AS new_from
FROM system.parts WHERE active AND database = currentDatabase() AND table = 'logs_recent{local}'
"""


class LogRounds(Protocol):
    """Where rounds are written down."""

    def read_log_round(self, tenant: str, host: str) -> LogRound | None:
        """The last round, done or not."""

    def write_log_round(self, covered: LogRound) -> None:
        """In place of the last one. It MUST be there when this returns."""


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
        for host in await self._store.hosts():
            for row in (await self._store.query_on(host, TENANTS.format(local=local))).to_pylist():
                if not may_work():
                    return
                try:
                    await self._follow(host, local, row["tenant"], row["earliest"], now_s or time.time())
                except TraceoError as error:  # one tenant's trouble is not the others'
                    shown = {"tenant": row["tenant"], "host": host, "error": str(error)}
                    logger.warning("a tenant's log records wait, trying again", extra={"fields": shown})

    async def _follow(self, host: str, local: str, tenant: str, earliest: int, now_s: float) -> None:
        last = await asyncio.to_thread(self._rounds.read_log_round, tenant, host)
        if last and not last.done:
            last = await self._finish(last, local)
        planned = await self._plan(host, local, tenant, last, earliest, now_s)
        await asyncio.to_thread(self._rounds.write_log_round, planned)
        await self._finish(planned, local)

    async def _plan(
        self, host: str, local: str, tenant: str, last: LogRound | None, earliest: int, now_s: float
    ) -> LogRound:
        """Of the sampler's round that is under way, no verdict counts yet."""
        judged = await asyncio.to_thread(self._rounds.read_round, tenant, host)
        decided_to = judged.number - (not judged.done) if judged else 0
        newest, _ = await self._blocks(host, local, 0)
        judging = self._judging(tenant, None) or Judging(KEEP_ALL)
        waits_s = judging.policies.decision_wait + self._window_s / SPANS_FOLLOW
        arrived_to = datetime.fromtimestamp(int(now_s - waits_s) - 1, UTC)  # the last whole one
        if last is None:
            return LogRound(
                tenant, host, int(now_s * 1000), 0, newest, 0, decided_to, BEGINNING, max(BEGINNING, arrived_to), False
            )
        # What rested at the last round has gone, or an engine that started with an empty window counts anew.
        all_new = earliest > last.number / 1000 + CLOCKS_AGREE_S or last.blocks_to > newest
        return LogRound(
            tenant,
            host,
            max(int(now_s * 1000), last.number + 1),
            0 if all_new else last.blocks_to,
            newest,
            last.decided_to,
            max(last.decided_to, decided_to),
            last.arrived_to,
            max(last.arrived_to, arrived_to),
            False,
        )

    async def _finish(self, covered: LogRound, local: str) -> LogRound:
        """All that the round has to do; the same again, when it is repeated."""
        _, new_from = await self._blocks(covered.host, local, covered.blocks_from)
        sql = LogRoundSql(covered, local=local, new_from=new_from)
        for statement in (sql.mark_orphans(), sql.copy_kept(), sql.enter_ledger()):
            used = {name: value for name, value in sql.params.items() if f"{{{name}:" in statement}
            await self._store.execute_on(covered.host, statement, used)
        done = replace(covered, done=True)
        await asyncio.to_thread(self._rounds.write_log_round, done)
        return done

    async def _blocks(self, host: str, local: str, blocks_from: int) -> tuple[int, int]:
        """The number of the newest block, and when the first row of those after `blocks_from` arrived, or earlier."""
        found = await self._store.query_on(host, BLOCKS.format(local=local, blocks_from=blocks_from))
        row: dict[str, Any] = found.to_pylist()[0]
        return row["newest"], row["new_from"] or END_OF_TIME_S
