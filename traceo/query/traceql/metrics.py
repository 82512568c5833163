"""Functions over time: spans counted by the step of their start; a kept span counts for those dropped.

Durations are seconds in answers, as in Tempo. `series.py` has what is done with series: arithmetic, topk, thresholds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from traceo.errors import InvalidRequest, LimitExceeded
from traceo.query.run import Queries, as_bytes
from traceo.query.sql import Scope, TimeRange
from traceo.query.traceql.arrays import over_arrays
from traceo.query.traceql.ast import Attribute, Calculated, Metrics, Query, Series
from traceo.query.traceql.compare import compare
from traceo.query.traceql.counting import (
    MAX_ROWS,
    PER_DOUBLING,
    compile_counts,
    compile_exemplars,
    count_members,
    is_counted_by_engine,
    keys_of,
)
from traceo.query.traceql.parser import parse_series
from traceo.query.traceql.search import attribute_name, show_value
from traceo.query.traceql.series import Exemplar, MetricSeries, calculate, leave

MAX_STEPS = 11_000
MAX_SERIES = 10_000
DURATIONS = ("span:duration", "trace:duration", "event:timeSinceStart")
EXEMPLARS, MAX_EXEMPLARS = 100, 1000


@dataclass(frozen=True, slots=True)
class MetricAnswer:
    """`times_ms` are the beginnings of the steps."""

    times_ms: npt.NDArray[np.int64]
    series: list[MetricSeries]


async def query_metrics(
    queries: Queries, tenant: str, text: str, between: TimeRange, step_ns: int, exemplars: int = 0
) -> MetricAnswer:
    """Series over a range, with about so many exemplars. Raises ParseError, InvalidRequest, LimitExceeded."""
    query = parse_series(text)
    if isinstance(query, Query) and query.metrics is None:
        raise InvalidRequest("the query finds traces: a metrics query ends in a function such as | rate()")
    if step_ns <= 0 or (between.end_ns - between.start_ns) // step_ns >= MAX_STEPS:
        raise LimitExceeded(f"more than {MAX_STEPS:,} steps: choose a longer one")
    wanted = min(_hinted(query, exemplars), MAX_EXEMPLARS)

    async def run(recent: frozenset[str]) -> list[MetricSeries]:
        work = _Evaluation(queries, Scope(tenant, between, recent=recent), step_ns, wanted)
        return await over_arrays(queries, Scope(tenant, recent=recent), partial(parse_series, text), work.series)

    series = await queries.over_recent(["spans_recent"], run)
    count = -(-(between.end_ns - between.start_ns) // step_ns)
    times = (between.start_ns + np.arange(count, dtype=np.int64) * step_ns) // 10**6
    return MetricAnswer(times, series)


def _hinted(query: Series, exemplars: int) -> int:
    """`with(exemplars=true)`, or how many."""
    hint = dict(query.hints).get("exemplars")
    if isinstance(hint, bool):
        return exemplars or EXEMPLARS if hint else 0
    return max(0, hint) if isinstance(hint, int) else exemplars


def is_duration(metrics: Metrics) -> bool:
    """Whether its values are seconds."""
    return isinstance(metrics.expr, Attribute) and metrics.expr.name in DURATIONS


@dataclass(frozen=True, slots=True)
class _Evaluation:
    queries: Queries
    scope: Scope
    step_ns: int
    exemplars: int

    async def series(self, query: Series) -> list[MetricSeries]:
        if isinstance(query, Calculated):
            sides = [await self.series(side) for side in (query.left, query.right)]
            return leave(query.rest, calculate(query.op, sides[0], sides[1]))
        assert query.metrics is not None and self.scope.between is not None
        between = self.scope.between
        count = -(-(between.end_ns - between.start_ns) // self.step_ns)
        if query.metrics.op == "compare":
            return leave(query.rest, await compare(self.queries, self._fresh(), query, count, self.step_ns))
        found, samples = await self._count(query)
        if found.num_rows > MAX_ROWS:
            raise LimitExceeded("the query has too many series: group by fewer attributes")
        return leave(query.rest, _series(query.metrics, found, samples, (count, self.step_ns, between.start_ns)))

    async def _count(self, query: Query) -> tuple[pa.Table, pa.Table]:
        if not is_counted_by_engine(query):
            return await count_members(self.queries, self._fresh(), query, self.step_ns, self.exemplars)
        scope = self._fresh()
        found = await self._table(scope, compile_counts(scope, query, self.step_ns))
        if not self.exemplars:
            return found, found.slice(0, 0)
        scope = self._fresh()
        sql = compile_exemplars(scope, query, self.exemplars)
        return found, await self._table(scope, sql)

    async def _table(self, scope: Scope, sql: str) -> pa.Table:
        return as_bytes(await self.queries.table(sql, dict(scope.params)))

    def _fresh(self) -> Scope:
        return Scope(self.scope.tenant, self.scope.between, recent=self.scope.recent)


Steps = tuple[int, int, int]  # how many, nanoseconds of one, start of the first


def _series(metrics: Metrics, found: pa.Table, samples: pa.Table, steps: Steps) -> list[MetricSeries]:
    rows_of = _rows_by_key(metrics, found)
    if len(rows_of) > MAX_SERIES:
        raise LimitExceeded(f"the query has {len(rows_of):,} series: group by fewer attributes")
    arrays = {
        name: found[name].to_numpy().astype(np.float64)
        for name in ("step", "bucket", "spans", "total", "least", "most")
    }
    exemplars_of = _rows_by_key(metrics, samples) if samples.num_rows else {}
    made: list[MetricSeries] = []
    for key, places in rows_of.items():
        labels = {attribute_name(each): show_value(each, raw) for each, raw in zip(metrics.by, key, strict=True)}
        part = {name: values[places] for name, values in arrays.items()}
        series = _computed(metrics, labels, part, steps)
        if key in exemplars_of:
            _attach(metrics, series, samples.take(exemplars_of[key]), steps)
        made += series
    made.sort(key=lambda each: [str(value) for value in each.labels.values()])
    return made


def _rows_by_key(metrics: Metrics, found: pa.Table) -> dict[tuple[Any, ...], list[int]]:
    columns = [found[name].to_pylist() for name in keys_of(metrics)]
    rows_of: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(zip(*columns, strict=True) if columns else [()] * found.num_rows):
        rows_of.setdefault(key, []).append(row)
    return rows_of


def _attach(metrics: Metrics, series: list[MetricSeries], samples: pa.Table, steps: Steps) -> None:
    """Exemplars to the first of the series, or to that of their bucket; without a value of their own, at its height."""
    scale = 1e-9 if is_duration(metrics) else 1.0
    for row in samples.select(["trace_id", "span_id", "start_ns", "value"]).to_pylist():
        value, place = row["value"] * scale, (row["start_ns"] - steps[2]) // steps[1]
        home = series[0]
        if metrics.op == "histogram_over_time":
            home = next((each for each in series if value <= each.labels["__bucket"]), series[-1])
        if metrics.expr is None and 0 <= place < len(home.values):
            value = float(home.values[place])
        home.exemplars.append(Exemplar(row["trace_id"].hex(), row["span_id"].hex(), row["start_ns"], value))


def _computed(metrics: Metrics, labels: dict[str, Any], part: dict[str, Any], steps_: Steps) -> list[MetricSeries]:
    count, step_ns, _ = steps_
    scale = 1e-9 if is_duration(metrics) else 1.0
    steps = part["step"].astype(np.int64)
    inside = (steps >= 0) & (steps < count)
    steps, part = steps[inside], {name: values[inside] for name, values in part.items()}
    if metrics.op == "histogram_over_time":
        made = []
        for bucket in np.unique(part["bucket"]):
            chosen = part["bucket"] == bucket
            values = _sums(steps[chosen], part["spans"][chosen], count)
            made.append(MetricSeries({**labels, "__bucket": float(2.0**bucket * scale)}, values))
        return made
    if metrics.op == "quantile_over_time":
        return [
            MetricSeries({**labels, "p": quantile}, _quantiles(quantile, steps, part, count) * scale)
            for quantile in metrics.numbers
        ]
    labels = labels or {"__name__": metrics.op}
    spans = _sums(steps, part["spans"], count)
    match metrics.op:
        case "rate":
            return [MetricSeries(labels, spans / (step_ns / 1e9))]
        case "count_over_time":
            return [MetricSeries(labels, spans)]
        case "sum_over_time" | "avg_over_time":
            totals = _sums(steps, part["total"], count) * scale
            with np.errstate(all="ignore"):
                values = totals / spans if metrics.op == "avg_over_time" else np.where(spans > 0, totals, np.nan)
            return [MetricSeries(labels, values)]
        case _:
            least = metrics.op == "min_over_time"
            values = np.full(count, math.inf if least else -math.inf)
            (np.minimum if least else np.maximum).at(values, steps, part["least" if least else "most"])
            return [MetricSeries(labels, np.where(np.isinf(values), np.nan, values * scale))]


def _sums(steps: Any, values: Any, count: int) -> npt.NDArray[np.float64]:
    return np.bincount(steps, weights=values, minlength=count).astype(np.float64)


def _quantiles(quantile: float, steps: Any, part: dict[str, Any], count: int) -> npt.NDArray[np.float64]:
    """From the middle of the first bucket that the counts up to it reach: within 2.2 %."""
    made = np.full(count, np.nan)
    for step in np.unique(steps):
        chosen = np.flatnonzero(steps == step)
        chosen = chosen[np.argsort(part["bucket"][chosen])]
        reached = np.cumsum(part["spans"][chosen])
        place = min(int(np.searchsorted(reached, quantile * reached[-1])), len(chosen) - 1)
        middle = 2.0 ** ((part["bucket"][chosen][place] + 0.5) / PER_DOUBLING["quantile_over_time"])
        made[step] = min(max(middle, part["least"][chosen].min()), part["most"][chosen].max())
    return made
