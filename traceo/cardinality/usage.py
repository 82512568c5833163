"""Which metrics queries select: counted in memory, added to the state database now and then."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from traceo.errors import StoreUnavailable
from traceo.state.database import begin, begin_writing
from traceo.state.tables import metric_usage

logger = logging.getLogger(__name__)

FLUSH_S = 30.0
MAX_PENDING = 50_000  # names of all tenants between two flushes
MAX_METRICS = 100_000  # names of one tenant in the database: a name in a query need not be that of any series
MAX_NAME = 500


@dataclass(frozen=True, slots=True)
class MetricUse:
    """How often queries selected a metric, and when they last did."""

    metric: str
    queries: int
    first_at: datetime
    last_at: datetime


class MetricUsage:
    """Counts the metrics that queries select. Threads may share it."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._now = now
        self._pending: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def record(self, tenant: str, metrics: Iterable[str]) -> None:
        """One query of a tenant selected these metrics. Costs no look-up."""
        with self._lock:
            for metric in metrics:
                if len(self._pending) < MAX_PENDING and 0 < len(metric) <= MAX_NAME:
                    self._pending[tenant, metric] += 1

    def flush(self) -> None:
        """Add what was counted to the database. Raises StoreUnavailable; nothing is lost then."""
        with self._lock:
            pending, self._pending = self._pending, Counter()
        if not pending:
            return
        try:
            with begin_writing(self._engine) as connection:
                for tenant in {tenant for tenant, _ in pending}:
                    self._add(
                        connection, tenant, {name: count for (of, name), count in pending.items() if of == tenant}
                    )
        except StoreUnavailable:
            with self._lock:
                self._pending.update(pending)
            raise

    async def flush_forever(self) -> None:
        """Every FLUSH_S, and when it is cancelled."""
        try:
            while True:
                await asyncio.sleep(FLUSH_S)
                await asyncio.to_thread(self._flush_or_log)
        finally:
            self._flush_or_log()

    def read(self, tenant: str) -> dict[str, MetricUse]:
        """By metric; what was not yet flushed counts as well. Raises StoreUnavailable."""
        self.flush()
        table = metric_usage.c
        with begin(self._engine) as connection:
            rows = connection.execute(select(metric_usage).where(table.tenant == tenant))
            return {row.metric: MetricUse(row.metric, row.queries, row.first_at, row.last_at) for row in rows}

    def _flush_or_log(self) -> None:
        try:
            self.flush()
        except StoreUnavailable as error:
            logger.warning("which metrics were queried was not noted, trying again: %s", error)

    def _add(self, connection: Connection, tenant: str, counts: dict[str, int]) -> None:
        table, now = metric_usage.c, self._now()
        known = connection.execute(select(func.count()).where(table.tenant == tenant)).scalar_one()
        for metric, count in sorted(counts.items()):  # in one order, so that two replicas never wait for each other
            mine = (table.tenant == tenant) & (table.metric == metric)
            change = update(metric_usage).where(mine).values(queries=table.queries + count, last_at=now)
            if connection.execute(change).rowcount == 0 and known < MAX_METRICS:
                row = {"tenant": tenant, "metric": metric, "queries": count, "first_at": now, "last_at": now}
                known += 1
                try:
                    with connection.begin_nested():
                        connection.execute(insert(metric_usage).values(row))
                except IntegrityError:  # another replica was faster
                    connection.execute(change)
