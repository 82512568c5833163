"""Keeps each tenant within `limits`: the engine refuses what is beyond, and goes on with all else.

What a label may be is judged by the views. How many series there are is counted here every LOOK_S: a tenant that has as
many as it may is entered as full, with the series that it has, and the views refuse those that are new. By then it may
have a few more. At midnight everybody begins anew.
"""

import asyncio
import logging
from dataclasses import asdict
from datetime import UTC, datetime

from traceo.config import Limits
from traceo.errors import TraceoError
from traceo.store.base import Store

logger = logging.getLogger(__name__)

LOOK_S = 10.0
EMPTY = ("TRUNCATE TABLE full_tenants", "TRUNCATE TABLE known_series")
FIND_FULL = """
SELECT tenant FROM label_sets WHERE day = today() GROUP BY tenant HAVING uniq(series_id) >= {allowed:UInt64}
"""
ENTER_SERIES = """
INSERT INTO known_series
SELECT DISTINCT arrayJoin([cityHash64(series_id, today()), cityHash64(source_id, today())])
FROM label_sets WHERE tenant = {tenant:String} AND day = today()
"""
ENTER_TENANT = "INSERT INTO full_tenants SELECT cityHash64({tenant:String}, today())"


class SeriesGuard:
    """Knows which tenants are full today."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._full: frozenset[str] = frozenset()
        self._day = datetime.now(UTC).date()

    def is_full(self, tenant: str) -> bool:
        """Whether new series of the tenant are refused: its requests are judged before they are answered."""
        return tenant in self._full

    async def begin(self) -> None:
        """Tell every node the limits. Raises StoreError."""
        values = ", ".join(f"('{name}', {int(value)})" for name, value in asdict(self._limits).items())
        for statement in (f"INSERT INTO limits VALUES {values}", *EMPTY):
            await self._everywhere(statement)

    async def look(self) -> None:
        """Count, and enter who is full. Raises TraceoError."""
        found = await self._store.query(FIND_FULL, {"allowed": self._limits.max_series})
        full = frozenset(found["tenant"].to_pylist())
        for tenant in sorted(full):
            # Twice for a tenant that has just become full: a series may have come between the two statements.
            for statement in (ENTER_SERIES, ENTER_TENANT, *(() if tenant in self._full else (ENTER_SERIES,))):
                await self._everywhere(statement, tenant)
            if tenant not in self._full:
                logger.warning("a tenant is full", extra={"fields": {"tenant": tenant}})
        self._full = full

    async def watch(self) -> None:
        """Look every LOOK_S."""
        while True:
            try:
                await self.look()
            except TraceoError as error:
                logger.warning("series were not counted, trying again: %s", error)
            await asyncio.sleep(LOOK_S)

    async def _everywhere(self, statement: str, tenant: str = "") -> None:
        for host in await self._store.hosts():
            await self._store.execute_on(host, statement, {"tenant": tenant} if tenant else None)
