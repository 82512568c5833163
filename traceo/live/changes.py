"""`Changes.follow`: that something arrived, how fast, and services whose health is another one; for open pages.

One loop a tenant, however many pages it has open; it ends with the last. A page that does not keep up gets what it
missed in one frame: what waits for it never grows beyond one frame.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from traceo.errors import LimitExceeded, TraceoError
from traceo.query.run import Queries, Row
from traceo.query.service_map import health_of
from traceo.query.services import list_services
from traceo.query.sql import MINUTE_NS, Scope, TimeRange
from traceo.store.attributes import decode_text

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
HEALTH_EVERY_S, HEALTH_OVER_NS = 15.0, 5 * MINUTE_NS
COUNTED_MINUTES = 3  # of arrival; an older one is complete
MAX_PAGES = 200  # of one tenant
MAX_SERVICES = 1000  # in one frame
ARRIVED = "signal, toUnixTimestamp(minute) AS at, sum(items) AS arrived"
Counts = Mapping[tuple[str, int], int]


@dataclass(slots=True)
class Change:
    """What is new since the last frame.

    `items`: signal -> how many arrived. `services`: service -> (its health before, and now). `within_s`: none of it
    is older than that, as the server saw it.
    """

    items: dict[str, int] = field(default_factory=dict)
    services: dict[str, tuple[str, str]] = field(default_factory=dict)
    within_s: float = 0.0

    def add(self, other: Change) -> None:
        """Both as one; of a service's health the first before and the last now."""
        for signal, items in other.items.items():
            self.items[signal] = self.items.get(signal, 0) + items
        for service, (before, now) in other.services.items():
            first = self.services.get(service, (before, now))[0]
            self.services[service] = (first, now)
        while len(self.services) > MAX_SERVICES:
            self.services.pop(next(iter(self.services)))
        self.within_s = max(self.within_s, other.within_s)


class Changes:
    """All open pages of one process. Belongs to one event loop."""

    def __init__(self, queries: Queries, *, interval_s: float = INTERVAL_S) -> None:
        self._queries = queries
        self._interval_s = interval_s
        self._loops: dict[str, _Loop] = {}

    async def follow(self, tenant: str) -> AsyncGenerator[Change, None]:
        """What changes from now on, until the caller stops; the first is empty: what comes later will be seen.

        Raises LimitExceeded when the tenant has too many pages open. Close it (`contextlib.aclosing`).
        """
        loop = self._loops.get(tenant) or _Loop(self._queries, tenant, self._interval_s)
        if len(loop.pages) >= MAX_PAGES:
            raise LimitExceeded(f"{MAX_PAGES} pages follow this tenant already: they are read every ten seconds")
        self._loops[tenant] = loop
        page = _Page()
        loop.pages.append(page)
        try:
            await loop.begun.wait()
            yield Change()
            while True:
                yield await page.next()
        finally:
            loop.pages.remove(page)
            if not loop.pages:
                loop.stop()
                self._loops.pop(tenant, None)


class _Page:
    """One frame that waits."""

    def __init__(self) -> None:
        self._waiting: Change | None = None
        self._since = 0.0
        self._ready = asyncio.Event()

    def put(self, change: Change) -> None:
        if self._waiting is None:
            self._waiting, self._since = Change(), time.monotonic()
        self._waiting.add(change)
        self._ready.set()

    async def next(self) -> Change:
        await self._ready.wait()
        self._ready.clear()
        change, self._waiting = self._waiting or Change(), None
        change.within_s += time.monotonic() - self._since
        return change


class _Loop:
    """Looks once a second at what one tenant was sent."""

    def __init__(self, queries: Queries, tenant: str, interval_s: float) -> None:
        self.pages: list[_Page] = []
        self.begun = asyncio.Event()
        self._queries = queries
        self._tenant = tenant
        self._interval_s = interval_s
        self._counts: Counts = {}
        self._health: dict[str, str] | None = None
        self._looked = self._judged = 0.0
        self._task = asyncio.create_task(self._run(), name="changes")

    def stop(self) -> None:
        """The last page has gone."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._round()
            except TraceoError as error:
                logger.warning("changes were not read, trying again: %s", error)
            except Exception:  # the edge of a task: pages are read every ten seconds without it
                logger.exception("changes were not read, trying again")
            self.begun.set()
            await asyncio.sleep(self._interval_s)

    async def _round(self) -> None:
        before, self._looked = self._looked, time.monotonic()
        counts = await self._count()
        first = not self.begun.is_set()
        known, self._counts = self._counts, counts
        items: dict[str, int] = {}
        for (signal, minute), count in counts.items():
            if not first and count > known.get((signal, minute), 0):
                items[signal] = items.get(signal, 0) + count - known.get((signal, minute), 0)
        services = await self._judge() if self._looked - self._judged >= HEALTH_EVERY_S else {}
        if items or services:
            change = Change(items, services, time.monotonic() - before)
            for page in self.pages:
                page.put(change)

    async def _count(self) -> Counts:
        scope = Scope(self._tenant)
        since = int(time.time()) - 60 * COUNTED_MINUTES
        where = [f"minute >= toDateTime({scope.bind(since)}, 'UTC')"]
        rows = await self._queries.rows(scope, scope.select("usage", ARRIVED, where, "GROUP BY signal, minute"))
        return {(decode_text(row["signal"]), row["at"]): row["arrived"] for row in rows}

    async def _judge(self) -> dict[str, tuple[str, str]]:
        """Services whose health is not what it was; of those that are new or gone nothing is said."""
        self._judged = self._looked
        now = time.time_ns()
        rows: list[Row] = await list_services(self._queries, self._tenant, TimeRange(now - HEALTH_OVER_NS, now))
        health = {row["service"]: health_of(row["requests"], row["error_ratio"]) for row in rows}
        known, self._health = self._health or {}, health
        return {name: (known[name], now) for name, now in health.items() if name in known and known[name] != now}
