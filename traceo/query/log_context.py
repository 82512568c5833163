"""The lines around a log record: what the same resource said before and after it."""

import asyncio
from collections.abc import Iterator

from traceo.query.logs import COLUMNS, show_record
from traceo.query.run import Queries, Row
from traceo.query.search import WINDOWS_NS, windows
from traceo.query.sql import Scope, TimeRange


async def read_context(
    queries: Queries, tenant: str, resource_id: int, time_ns: int, *, before: int, after: int, reach_ns: int
) -> dict[str, list[Row]]:
    """`{"before", "at", "after"}`, each oldest first: so many records of the resource at most, within the reach.

    `at`: all records of that very nanosecond, the one that was asked for among them. Raises InvalidRequest for a time
    that is out of range.
    """
    moment = TimeRange(time_ns, time_ns + 1)
    earlier = windows(TimeRange(time_ns - reach_ns, time_ns))
    later = _forward(time_ns + 1, reach_ns)
    parts = await asyncio.gather(
        _read(queries, tenant, resource_id, earlier, before, "DESC"),
        _read(queries, tenant, resource_id, iter([moment]), before + after + 1, "ASC"),
        _read(queries, tenant, resource_id, later, after, "ASC"),
    )
    return {"before": parts[0][::-1], "at": parts[1], "after": parts[2]}


def _forward(start_ns: int, reach_ns: int) -> Iterator[TimeRange]:
    """Ranges with the same start that reach further and further."""
    for reach in (*(reach for reach in WINDOWS_NS if reach < reach_ns), reach_ns):
        yield TimeRange(start_ns, start_ns + reach)


async def _read(
    queries: Queries, tenant: str, resource_id: int, ranges: Iterator[TimeRange], limit: int, order: str
) -> list[Row]:
    """The first records in this order; ranges are tried until one has enough."""
    rows: list[Row] = []
    for between in ranges if limit else ():

        async def read(recent: frozenset[str], between: TimeRange = between) -> list[Row]:
            scope = Scope(tenant, between, recent=recent)
            found = scope.select_logs(COLUMNS, [f"resource_id = toUInt64({scope.bind(str(resource_id))})"])
            sql = f"SELECT * FROM ({found}) ORDER BY time_ns {order}, place {order} LIMIT {int(limit)}"
            return await queries.rows(scope, sql)

        rows = await queries.over_recent(["logs_recent"], read)
        if len(rows) >= limit:
            break
    return [show_record(row) for row in rows]
