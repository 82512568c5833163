"""Leases: of the replicas that could do a background job, the one that holds its lease does it.

The time is the database's, read inside the statement once that has its lock. Replicas have clocks that differ, and
waiting for the lock takes time: by a caller's clock, one that is ahead would take a lease that still runs. The database
has one clock. How long a holder may rely on its lease without asking is counted by its own steady clock, from before it
asked.
"""

import asyncio
import logging
import time
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func

from traceo.errors import StoreUnavailable
from traceo.state.database import begin, insert_into
from traceo.state.tables import UtcDateTime, leases

logger = logging.getLogger(__name__)

RENEWALS_PER_TTL = 3
# As UtcDateTime stores it; SQLite's own clock has milliseconds.
SQLITE_TIME = "%Y-%m-%d %H:%M:%f000"


class Lease:
    """One replica's claim to a job. `name` is the job's, `holder` MUST differ between processes.

    A holder that no longer renews is replaced after `ttl_s`. It MUST look at `is_held()` before each piece of work; a
    piece that takes longer than what is left of the lease may run beside the next holder's.
    """

    def __init__(self, engine: Engine, name: str, holder: str, ttl_s: float) -> None:
        self._engine = engine.execution_options(sqlite_begin="IMMEDIATE")
        self._name = name
        self._holder = holder
        self._ttl_s = ttl_s
        self._held_until = 0.0

    def acquire(self) -> bool:
        """Take the lease, or renew it: True if it is this holder's for `ttl_s` from now. Raises StoreUnavailable."""
        asked_at = time.monotonic()
        now, until = self._clock(0), self._clock(self._ttl_s)
        claim = insert_into(self._engine, leases).values(name=self._name, holder=self._holder, expires_at=until)
        claim = claim.on_conflict_do_update(
            index_elements=[leases.c.name],
            set_={"holder": self._holder, "expires_at": until},
            where=(leases.c.holder == self._holder) | (leases.c.expires_at <= now),
        )
        with begin(self._engine) as connection:
            taken = connection.execute(claim.returning(leases.c.name)).first() is not None
        self._held_until = asked_at + self._ttl_s if taken else 0.0
        return taken

    def release(self) -> None:
        """Let others have it at once; nothing happens if it is not this holder's. Raises StoreUnavailable."""
        self._held_until = 0.0
        mine = (leases.c.name == self._name) & (leases.c.holder == self._holder)
        with begin(self._engine) as connection:
            connection.execute(delete(leases).where(mine))

    def is_held(self) -> bool:
        """Whether the last `acquire` still counts; asks nobody."""
        return time.monotonic() < self._held_until

    async def renew_forever(self) -> None:
        """Take the lease when it is free and keep it, until cancelled; a silent database is asked again."""
        while True:
            try:
                await asyncio.to_thread(self.acquire)
            except StoreUnavailable as error:
                logger.warning("the lease %s was not renewed: %s", self._name, error)
            await asyncio.sleep(self._ttl_s / RENEWALS_PER_TTL)

    def _clock(self, ahead_s: float) -> ColumnElement[Any]:
        """The database's time when the statement runs, and some seconds."""
        if self._engine.dialect.name == "postgresql":
            return func.clock_timestamp(type_=UtcDateTime) + func.make_interval(0, 0, 0, 0, 0, 0, ahead_s)
        return func.strftime(SQLITE_TIME, "now", f"{ahead_s:+.3f} seconds")
