"""Answers LogQL: lines of streams, or series. The entry points of the package."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from traceo.errors import LimitExceeded
from traceo.query.log_streams import Sources, find_sources
from traceo.query.logql.ast import Both, Choose, Compare, LineFilter, MetricQuery, Pipeline
from traceo.query.logql.extract import KEPT
from traceo.query.logql.parser import parse_logql
from traceo.query.logql.pipeline import PipelineSql, rename_taken
from traceo.query.logql.ranges import Steps, lower, read_range
from traceo.query.promql import evaluate as promql
from traceo.query.promql.annotations import Annotations
from traceo.query.promql.ast import Aggregate, unwrap
from traceo.query.promql.context import Context, new_budget
from traceo.query.promql.durations import Window
from traceo.query.promql.options import Options
from traceo.query.promql.values import Grid, Series, single_row, without_names
from traceo.query.run import Queries, Row
from traceo.query.search import LOG_WINDOWS_NS, windows
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text, decode_value

MAX_STEPS = 11_000
MS = 1_000_000
# A record whose body is no text is shown as JSON; filters of lines do not see it.
SHOWN = (
    "time_ns, stream, scope_id, {line} AS line, body_value, {metadata} AS metadata, {parsed} AS parsed, "
    "{error} AS error, {details} AS details"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its stream's labels, its structured metadata, the labels that stages set, and those they took away."""

    time_ns: int
    text: str
    labels: dict[str, str]
    metadata: dict[str, str]
    parsed: dict[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """Lines in order, or series."""

    kind: Literal["streams", "matrix", "vector", "scalar"]
    lines: list[Line] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


async def query_logs(
    queries: Queries,
    tenant: str,
    text: str,
    between: TimeRange,
    *,
    limit: int = 100,
    forward: bool = False,
    step_ns: int = 0,
    instant: bool = False,
) -> LogAnswer:
    """Answer a query over a time range; of an instant one, metric queries are evaluated at its end.

    Raises ParseError and UnsupportedQuery with positions, QueryError, LimitExceeded.
    """
    query = parse_logql(text)
    if isinstance(query, Pipeline):
        return LogAnswer("streams", await read_lines(queries, tenant, query, between, limit, forward=forward))
    if instant:
        return await _metrics(queries, tenant, text, query, Steps(between.end_ns, between.end_ns, 0))
    if step_ns <= 0 or (between.end_ns - between.start_ns) // step_ns >= MAX_STEPS:
        raise LimitExceeded(
            f"exceeded maximum resolution of {MAX_STEPS:,} points per time series: choose a longer step"
        )
    return await _metrics(queries, tenant, text, query, Steps(between.start_ns, between.end_ns, step_ns))


async def read_lines(
    queries: Queries, tenant: str, query: Pipeline, between: TimeRange, limit: int, *, forward: bool = False
) -> list[Line]:
    """Lines in order of their times, at most `limit`: the newest first, or (`forward`) the oldest."""
    sources = await find_sources(queries, tenant, query.matchers)
    if not sources.streams:
        return []
    only_kept = any(isinstance(stage, Choose) and stage.name == "keep" for stage in query.stages)

    async def read(recent: frozenset[str]) -> list[Line]:
        """Times are found first, so that labels are read and lines are parsed in full of these lines only."""
        times: list[int] = []
        for window in [between] if forward else windows(between, reaches=LOG_WINDOWS_NS):
            scope = Scope(tenant, window, recent=recent)
            rows = await queries.rows(scope, compile_times(scope, query, sources, limit, forward))
            times = [row["time_ns"] for row in rows]
            if len(times) >= limit:
                break
        if not times:
            return []
        scope = Scope(tenant, TimeRange(min(times), max(times) + 1), recent=recent)
        rows = await queries.rows(scope, compile_lines(scope, query, sources, limit, forward))
        return [_line(row, sources, only_kept=only_kept) for row in rows]

    return await queries.over_recent(["logs_recent"], read)


def compile_times(scope: Scope, query: Pipeline, sources: Sources, limit: int, forward: bool) -> str:
    """SQL of the times of a log query's lines: of the stages only those that filter, and what these need."""
    filters = [place for place, stage in enumerate(query.stages, 1) if isinstance(stage, LineFilter | Compare | Both)]
    sql = PipelineSql(scope, sources)
    sql.add(query.stages[: max(filters, default=0)])
    order = "ASC" if forward else "DESC"
    return f"SELECT time_ns FROM ({sql.rows()}) ORDER BY time_ns {order} LIMIT {int(limit)}"


def compile_lines(scope: Scope, query: Pipeline, sources: Sources, limit: int, forward: bool) -> str:
    """SQL of a log query."""
    sql = PipelineSql(scope, sources, shows_empty=True)
    sql.add(query.stages)
    rows = sql.rows()
    columns = SHOWN.format(
        line=sql.line, metadata=sql.metadata(), parsed=sql.parsed, error=sql.error, details=sql.details
    )
    order = "ASC" if forward else "DESC"
    return f"SELECT {columns} FROM ({rows}) ORDER BY time_ns {order}, line {order} LIMIT {int(limit)}"


def _line(row: Row, sources: Sources, *, only_kept: bool) -> Line:
    stream = sources.kinds[row["stream"]]
    metadata, set_by_stages = (
        {decode_text(name): decode_text(value) for name, value in row[column].items()}
        for column in ("metadata", "parsed")
    )
    if not only_kept:
        metadata |= stream.metadata | sources.scopes.get(row["scope_id"], {})
    parsed = {name: "" if value == KEPT else value for name, value in set_by_stages.items() if value}
    for name, column in (("__error__", "error"), ("__error_details__", "details")):
        if row[column]:
            parsed[name] = decode_text(row[column])
    text = decode_text(row["line"])
    if not text and row["body_value"]:
        value = decode_value(row["body_value"])
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = rename_taken({name: value for name, value in metadata.items() if value}, stream.labels)
    return Line(row["time_ns"], text, stream.labels, shown, parsed, frozenset(set_by_stages.keys() - parsed.keys()))


async def _metrics(queries: Queries, tenant: str, text: str, query: MetricQuery, steps: Steps) -> LogAnswer:
    node, wanted = lower(query)
    options = Options(lookback_ms=1, timeout_s=queries.limits.timeout_s or math.inf)
    reads = [read_range(queries, tenant, one, steps) for one in wanted.values()]
    points = dict(zip(wanted, await asyncio.gather(*reads), strict=True))
    times = steps.times_ms
    window = Window(int(times[0]), int(times[-1]), steps.step_ns // MS)
    context = Context(times, window.step_ms, window, points, Annotations(text), new_budget(options), options)
    value = await asyncio.to_thread(promql.evaluate, node, context)
    if not isinstance(value, Grid):
        return LogAnswer("scalar" if steps.instant else "matrix", series=_series(single_row({}, value), context))
    grid = without_names(value)
    inner = unwrap(node)
    ranked = isinstance(inner, Aggregate) and inner.op in ("topk", "bottomk") and steps.instant
    if not ranked and not (steps.instant and getattr(inner, "function", "") in ("sort", "sort_desc")):
        order = sorted(range(len(grid.labels)), key=lambda row: sorted(grid.labels[row].items()))
        grid = grid.rows(np.array(order, dtype=np.int64))
    return LogAnswer("vector" if steps.instant else "matrix", series=_series(grid, context))


def _series(grid: Grid, context: Context) -> list[Series]:
    made = []
    for row, labels in enumerate(grid.labels):
        there = grid.present[row]
        if there.any():
            made.append(Series(labels, context.times[there], grid.values[row][there]))
    return made
