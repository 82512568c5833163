"""The new rows of one filter, each once.

What is new is told by seconds of arrival: a block keeps the second in which it was begun, so that a second whose number
of rows has changed is read again, and what was seen of it is left out. Blocks that commit late are found like that, on
one node and on a cluster. Two rows that are alike in every column count as two.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from traceo.live.watch import COLUMNS, Watch
from traceo.query.run import Queries, Row
from traceo.query.sql import Scope

MAX_ROWS = 1000  # of one round; what is more is counted, not shown
BASELINE_S = 3  # a block that was begun earlier than this before a feed is not new to it
LONGEST_BACK_S = 900  # how far a tail that goes on looks back
WINDOWS = {"logs": "logs_recent", "spans": "spans_recent"}


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a tail goes on: what arrived since this second, and not those of its rows that were seen."""

    since: int
    seen: Counter[tuple[int, int]]  # by second and place


@dataclass(slots=True)
class _Second:
    """What is known of the matching rows that arrived in one second."""

    seen: Counter[int] = field(default_factory=Counter)
    total: int = 0  # seen or counted
    full: bool = False  # too many to tell apart: from now on they are only counted


class Feed:
    """One tenant's rows for one watch. `since`: the first second that it looks at, once it has begun."""

    def __init__(self, queries: Queries, tenant: str, watch: Watch, resume: Resume | None = None) -> None:
        self._queries = queries
        self._tenant = tenant
        self._watch = watch
        self._resume = resume
        self._seconds: dict[int, _Second] = {}
        self.since: int | None = None

    async def begin(self, now: int) -> tuple[list[Row], int]:
        """From now on, or from where it is resumed: then what arrived meanwhile, as `read` returns it.

        Raises QueryError for conditions that cannot be asked.
        """
        since = now - BASELINE_S
        if self._resume:
            since = min(now, max(self._resume.since, now - LONGEST_BACK_S))
            for (second, place), rows in self._resume.seen.items():
                known = self._seconds.setdefault(second, _Second())
                known.seen[place] += rows
                known.total += rows
        found = await self.read(range(since, now + 2))
        self.since = since
        return found if self._resume else ([], 0)

    async def read(self, seconds: Collection[int]) -> tuple[list[Row], int]:
        """New rows of these seconds, oldest first, and how many more there are that are not shown."""
        chosen = sorted(second for second in seconds if self.since is None or second >= self.since)
        if not chosen:
            return [], 0
        known = {second: self._seconds.setdefault(second, _Second()) for second in chosen}
        open_ = [second for second in chosen if not known[second].full]
        limit = MAX_ROWS + sum(known[second].total for second in open_)
        rows = await self._read(open_, limit) if open_ else []
        if len(rows) == limit:  # of the oldest second, and of those before it, some are missing
            for second in open_:
                known[second].full = second <= rows[-1]["second"]
        fresh = self._leave_out_seen(rows)
        full = [second for second in chosen if known[second].full]
        return fresh[::-1], await self._count_rest(full) if full else 0

    def forget(self, before: int) -> None:
        """Seconds in which nothing arrives any more."""
        for second in [second for second in self._seconds if second < before]:
            del self._seconds[second]

    def _leave_out_seen(self, rows: list[Row]) -> list[Row]:
        """What is new of them, which is seen from now on. Of rows that are alike, as many as were seen are left out."""
        before = {row["second"]: self._seconds[row["second"]].seen.copy() for row in rows}
        fresh = []
        for row in rows:
            second, place = row["second"], row["place"]
            if before[second][place] > 0:
                before[second][place] -= 1
                continue
            self._seconds[second].seen[place] += 1
            self._seconds[second].total += 1
            fresh.append(row)
        return fresh

    async def _read(self, seconds: list[int], limit: int) -> list[Row]:
        columns, shown = COLUMNS[self._watch.signal]
        order = f"ORDER BY second DESC, time_ns DESC, place LIMIT {limit}"
        return await self._ask(columns, seconds, f"SELECT {shown} FROM ({{found}}) {order}")

    async def _count_rest(self, seconds: list[int]) -> int:
        """How many rows there are beyond those that are known, which are known from now on."""
        counted = "SELECT second, count() AS rows FROM ({found}) GROUP BY second"
        more = 0
        for row in await self._ask("toUnixTimestamp(received_at) AS second", seconds, counted):
            known = self._seconds[row["second"]]
            more += max(0, row["rows"] - known.total)
            known.total = max(known.total, row["rows"])
        return more

    async def _ask(self, columns: str, seconds: list[int], statement: str) -> list[Row]:
        async def read(recent: frozenset[str]) -> list[Row]:
            scope = Scope(self._tenant, recent=recent)
            return await self._queries.rows(scope, statement.format(found=self._select(scope, columns, seconds)))

        return await self._queries.over_recent([WINDOWS[self._watch.signal]], read)

    def _select(self, scope: Scope, columns: str, seconds: list[int]) -> str:
        first, chosen = min(seconds), ", ".join(map(str, seconds))
        where = [f"received_at >= toDateTime({first})", f"toUnixTimestamp(received_at) IN ({chosen})"]
        where += self._watch.conditions(scope)
        return scope.select_logs(columns, where) if self._watch.signal == "logs" else scope.select_spans(columns, where)
