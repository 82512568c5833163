"""`Live.follow`: the tails of all clients of one process.

One loop a tenant and signal counts what arrives, and asks each filter for the seconds that have changed. It begins with
its first client and ends with its last. A client has a buffer of its own: when it is full, its oldest rows are dropped
and counted; nobody waits for a client.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Hashable, Iterator
from dataclasses import dataclass, field

from traceo.errors import InvalidRequest, LimitExceeded, QueryError, TraceoError
from traceo.live.feed import WINDOWS, Feed, Resume
from traceo.live.watch import Watch
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope

logger = logging.getLogger(__name__)

INTERVAL_S = 0.25
LATEST_S = 60  # how long after a block was begun it is still looked for
BUFFER_ROWS, BUFFER_BYTES = 5000, 8 << 20  # of one client
ROW_BYTES = 500  # of a row beside its body


@dataclass(frozen=True, slots=True)
class Batch:
    """New rows in order of arrival, with the columns of `watch.COLUMNS`; `dropped`: how many more there were."""

    rows: list[Row]
    dropped: int = 0


class Live:
    """All tails. Belongs to one event loop. `max_per_tenant`: how many clients may follow at once."""

    def __init__(self, queries: Queries, *, max_per_tenant: int, interval_s: float = INTERVAL_S) -> None:
        self._queries = queries
        self._max_per_tenant = max_per_tenant
        self._interval_s = interval_s
        self._pulses: dict[tuple[str, str], _Pulse] = {}
        self._clients: dict[str, int] = {}

    async def follow(self, tenant: str, watch: Watch, resume: Resume | None = None) -> AsyncGenerator[Batch, None]:
        """What arrives from now on, until the caller stops. The first batch is empty: what comes later will be seen.

        With `resume` the first batch has what arrived since then, but not what was seen.

        Raises LimitExceeded when the tenant has too many tails, QueryError when the conditions cannot be asked.
        Close it (`contextlib.aclosing`) when you stop before it does.
        """
        with self._counted(tenant):
            pulse = self._pulse(tenant, watch.signal)
            key = (watch.key, object()) if resume else watch.key  # what was seen is not shared
            client = pulse.join(key, Feed(self._queries, tenant, watch, resume))
            try:
                while True:
                    yield await client.next()
            finally:
                pulse.leave(key, client)
                if not pulse.feeds:
                    pulse.stop()
                    self._pulses.pop((tenant, watch.signal), None)

    @contextlib.contextmanager
    def _counted(self, tenant: str) -> Iterator[None]:
        taken = self._clients.get(tenant, 0)
        if taken >= self._max_per_tenant:
            raise LimitExceeded(
                f"{taken} tails are open, which is query.max_tails_per_tenant: close one", retry_after_s=5
            )
        self._clients[tenant] = taken + 1
        try:
            yield
        finally:
            self._clients[tenant] -= 1
            if not self._clients[tenant]:
                del self._clients[tenant]

    def _pulse(self, tenant: str, signal: str) -> _Pulse:
        pulse = self._pulses.get((tenant, signal))
        if pulse is None:
            pulse = self._pulses[tenant, signal] = _Pulse(self._queries, tenant, signal, self._interval_s)
        return pulse


class _Client:
    """One tail's buffer."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque()
        self._bytes = 0
        self._dropped = 0
        self._error: TraceoError | None = None
        self._ready = asyncio.Event()

    def begin(self) -> None:
        """Let it know that it follows."""
        self._ready.set()

    def put(self, rows: list[Row], dropped: int) -> None:
        """Without waiting: the oldest make room."""
        self._rows.extend(rows)
        self._bytes += sum(map(_size, rows))
        self._dropped += dropped
        while len(self._rows) > BUFFER_ROWS or self._bytes > BUFFER_BYTES:
            self._bytes -= _size(self._rows.popleft())
            self._dropped += 1
        if rows or dropped:
            self._ready.set()

    def fail(self, error: TraceoError) -> None:
        """The end of this tail."""
        self._error = error
        self._ready.set()

    async def next(self) -> Batch:
        """All that is there, once there is something."""
        await self._ready.wait()
        if self._error:
            raise self._error
        self._ready.clear()
        batch = Batch(list(self._rows), self._dropped)
        self._rows.clear()
        self._bytes = self._dropped = 0
        return batch


@dataclass(slots=True)
class _Shared:
    """A feed and who has it."""

    feed: Feed
    clients: list[_Client] = field(default_factory=list)

    def fail(self, error: TraceoError) -> None:
        """The end of all of its tails."""
        for client in self.clients:
            client.fail(error)


class _Pulse:
    """The loop of one tenant and signal."""

    def __init__(self, queries: Queries, tenant: str, signal: str, interval_s: float) -> None:
        self.feeds: dict[Hashable, _Shared] = {}
        self._queries = queries
        self._tenant = tenant
        self._tables = (signal, WINDOWS[signal])
        self._interval_s = interval_s
        self._counts: dict[tuple[int, int], int] = {}
        self._task = asyncio.create_task(self._run(), name=f"tail {signal}")

    def join(self, key: Hashable, feed: Feed) -> _Client:
        """A new client of the feed of this key, if there is one, else of this one, which begins with the next round."""
        shared = self.feeds.setdefault(key, _Shared(feed))
        client = _Client()
        shared.clients.append(client)
        if shared.feed.since is not None:
            client.begin()
        return client

    def leave(self, key: Hashable, client: _Client) -> None:
        """A feed without clients ends."""
        shared = self.feeds[key]
        shared.clients.remove(client)
        if not shared.clients:
            del self.feeds[key]

    def stop(self) -> None:
        """The last client has gone."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._round(int(time.time()))
            except TraceoError as error:
                logger.warning("a live tail was not read, trying again: %s", error)
            except Exception as error:  # the edge of a task: whoever waits is told
                logger.exception("a live tail has ended")
                for shared in self.feeds.values():
                    shared.fail(TraceoError(f"the tail has ended: {error}"))
                return
            await asyncio.sleep(self._interval_s)

    async def _round(self, now: int) -> None:
        for shared in [shared for shared in self.feeds.values() if shared.feed.since is None]:
            await _begin(shared, now)
        counts = await self._count(now)
        changed = {second for (table, second), rows in counts.items() if self._counts.get((table, second)) != rows}
        for shared in list(self.feeds.values()):
            if shared.feed.since is None:
                continue
            try:
                rows, dropped = await shared.feed.read(changed)
            except QueryError as error:
                shared.fail(error)
                continue
            shared.feed.forget(now - LATEST_S)
            for client in shared.clients:
                client.put(rows, dropped)
        self._counts = counts

    async def _count(self, now: int) -> dict[tuple[int, int], int]:
        """Rows by table and second of arrival."""
        scope = Scope(self._tenant)
        where, tail = [f"received_at >= toDateTime({now - LATEST_S})"], "GROUP BY second"
        parts = [
            scope.select(
                table, f"{place} AS source, toUnixTimestamp(received_at) AS second, count() AS rows", where, tail
            )
            for place, table in enumerate(self._tables)
        ]
        rows = await self._queries.rows(scope, " UNION ALL ".join(parts))
        return {(row["source"], row["second"]): row["rows"] for row in rows}


async def _begin(shared: _Shared, now: int) -> None:
    try:
        rows, dropped = await shared.feed.begin(now)
    except (QueryError, InvalidRequest) as error:
        shared.fail(error)
    else:
        for client in shared.clients:
            client.put(rows, dropped)
            client.begin()


def _size(row: Row) -> int:
    return ROW_BYTES + len(row.get("body", b"")) + len(row.get("body_value", b""))
