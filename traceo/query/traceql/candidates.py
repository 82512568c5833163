"""Traces that may be meant: those with a span that meets a necessary condition."""

from __future__ import annotations

from collections.abc import Iterator

from traceo.errors import LimitExceeded
from traceo.query.run import Queries
from traceo.query.search import windows
from traceo.query.sql import Scope, TimeRange
from traceo.query.traceql.ast import Query
from traceo.query.traceql.fields import Fields
from traceo.query.traceql.reading import necessary

MAX_CANDIDATES = 100_000


def compile_candidates(scope: Scope, query: Query, limit: int) -> str:
    """SQL: traces that may be meant, newest first."""
    where = [necessary(query, Fields(scope, possible=True))]
    return (
        "SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS at_ns "
        f"FROM ({scope.select_spans('trace_id, start_time', where)}) "
        f"GROUP BY trace_id ORDER BY at_ns DESC, trace_id DESC LIMIT {int(limit)}"
    )


async def find_candidates(queries: Queries, scope: Scope, query: Query) -> list[bytes]:
    """All of them. Raises LimitExceeded."""
    ids = [row["trace_id"] for row in await queries.rows(scope, compile_candidates(scope, query, MAX_CANDIDATES + 1))]
    if len(ids) > MAX_CANDIDATES:
        raise LimitExceeded(f"more than {MAX_CANDIDATES:,} traces may be meant: choose a shorter range")
    return ids


def slices(between: TimeRange) -> Iterator[TimeRange]:
    """The range in parts that grow, the newest first."""
    end = between.end_ns
    for window in windows(between):
        yield TimeRange(window.start_ns, end)
        end = window.start_ns
