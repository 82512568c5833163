"""Functions over time: spans counted by the step of their start, in the engine; a kept span counts for those dropped.

Queries that ask spans together (structure, groups, parents) are answered trace by trace first, and counted in Arrow.
Durations are seconds in answers, as in Tempo.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from traceo.errors import InvalidRequest, LimitExceeded
from traceo.query.run import Queries, as_bytes
from traceo.query.sql import RECENT_SINCE, Scope, TimeRange, adjusted_count_of
from traceo.query.traceql.ast import Attribute, Field, Metrics, Query
from traceo.query.traceql.fields import Fields, is_local
from traceo.query.traceql.parser import parse_traceql
from traceo.query.traceql.reading import READ, compile_spans, is_single, make_table, necessary, numbers_of, select_from
from traceo.query.traceql.search import compile_candidates, show_value
from traceo.query.traceql.structure import evaluate

MAX_STEPS = 11_000
MAX_ROWS = 1_000_000
MAX_SERIES = 10_000
MAX_CANDIDATES = 100_000
BATCH = 5000
DURATIONS = ("span:duration", "trace:duration", "event:timeSinceStart")
NUMBERS = ("step", "bucket", "spans", "total", "least", "most")
PER_DOUBLING = {"quantile_over_time": 16, "histogram_over_time": 1}  # buckets


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """A series: typed labels, and a value for each step (NaN: none)."""

    labels: dict[str, Any]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricAnswer:
    """`times_ms` are the beginnings of the steps."""

    times_ms: npt.NDArray[np.int64]
    series: list[MetricSeries]


async def query_metrics(queries: Queries, tenant: str, text: str, between: TimeRange, step_ns: int) -> MetricAnswer:
    """Series over a range. Raises ParseError, InvalidRequest, LimitExceeded."""
    query = parse_traceql(text)
    if query.metrics is None:
        raise InvalidRequest("the query finds traces: a metrics query ends in a function such as | rate()")
    if step_ns <= 0 or (between.end_ns - between.start_ns) // step_ns >= MAX_STEPS:
        raise LimitExceeded(f"more than {MAX_STEPS:,} steps: choose a longer one")

    async def run(recent: frozenset[str]) -> pa.Table:
        scope = Scope(tenant, between, recent=recent)
        if is_single(query) and all(is_local(each) for each in _fields_of(query.metrics)):
            return as_bytes(await queries.table(compile_metrics(scope, query, step_ns), dict(scope.params)))
        return await _by_traces(queries, scope, query, step_ns)

    found = await queries.over_recent(["spans_recent"], run)
    if found.num_rows > MAX_ROWS:
        raise LimitExceeded("the query has too many series: group by fewer attributes")
    count = -(-(between.end_ns - between.start_ns) // step_ns)
    times = (between.start_ns + np.arange(count, dtype=np.int64) * step_ns) // 10**6
    return MetricAnswer(times, _series(query, found, count, step_ns))


def is_duration(metrics: Metrics) -> bool:
    """Whether its values are seconds."""
    return isinstance(metrics.expr, Attribute) and metrics.expr.name in DURATIONS


def _fields_of(metrics: Metrics | None) -> list[Field]:
    assert metrics is not None
    return [*metrics.by, *([metrics.expr] if metrics.expr is not None else [])]


def compile_metrics(scope: Scope, query: Query, step_ns: int) -> str:
    """SQL: for each combination of the labels (b0...), step and bucket: spans, and the sum, least and largest value."""
    metrics = query.metrics
    assert metrics is not None
    fields = Fields(scope)
    where = [necessary(query, fields)]
    value = fields.number(metrics.expr) if metrics.expr is not None else "toNullable(1.)"
    labels = [f"{fields.text(each)} AS b{number}" for number, each in enumerate(metrics.by)]
    base = scope.select_spans(READ, where)
    weight = adjusted_count_of("threshold")
    if "spans_recent" in scope.recent:  # all of what it stands for is there, too
        weight = f"if(received_at >= ({RECENT_SINCE}), 1, {weight})"
    start = scope.between.start_ns if scope.between else 0
    columns = [
        *labels,
        f"intDiv(toUnixTimestamp64Nano(start_time) - {start}, {step_ns}) AS step",
        f"{value} AS value",
        f"{_bucket(metrics, 'value')} AS bucket",
        f"toFloat64({weight}) AS weight",
    ]
    keys = ", ".join([*(f"b{number}" for number in range(len(metrics.by))), "step", "bucket"])
    return (
        f"SELECT {keys}, sum(weight) AS spans, sum(value * weight) AS total, min(value) AS least, max(value) AS most "
        f"FROM (SELECT {', '.join(columns)} FROM {select_from(scope, fields, base)}) WHERE isNotNull(value) "
        f"GROUP BY {keys} LIMIT {MAX_ROWS + 1}"
    )


def _bucket(metrics: Metrics, value: str) -> str:
    if metrics.op not in PER_DOUBLING:
        return "toInt32(0)"
    per = PER_DOUBLING[metrics.op]
    place = f"{per} * log2(greatest({value}, 1e-300))"
    return f"toInt32({'floor' if per > 1 else 'ceil'}(ifNull({place}, 0)))"


async def _by_traces(queries: Queries, scope: Scope, query: Query, step_ns: int) -> pa.Table:
    """The same table for what needs whole traces."""
    metrics, between = query.metrics, scope.between
    assert metrics is not None and between is not None
    parts: list[pa.Table] = []
    looked = 0
    while True:
        fresh = Scope(scope.tenant, between, recent=scope.recent)
        sql = compile_candidates(fresh, query, BATCH, looked)
        ids = [row["trace_id"] for row in await queries.rows(fresh, sql)]
        if ids:
            parts.append(await _counted(queries, Scope(scope.tenant, between, recent=scope.recent), query, ids))
        looked += len(ids)
        if looked >= MAX_CANDIDATES:
            raise LimitExceeded(f"more than {MAX_CANDIDATES:,} traces may be meant: choose a shorter range")
        if len(ids) < BATCH:
            break
    return _group(query, parts, between, step_ns)


async def _counted(queries: Queries, scope: Scope, query: Query, ids: Sequence[bytes]) -> pa.Table:
    """A row for each span that is meant: start, weight, value, labels."""
    metrics = query.metrics
    assert metrics is not None
    extra = [metrics.expr] if metrics.expr is not None else []
    found = as_bytes(await queries.table(compile_spans(scope, query, ids, extra, metrics.by), dict(scope.params)))
    chosen = found.filter(pa.array(evaluate(query.pipeline, make_table(query, found)).member))
    value = chosen[f"n{len(numbers_of(query))}"] if extra else pa.array(np.ones(chosen.num_rows))
    columns = {f"b{number}": chosen[f"b{number}"] for number in range(len(metrics.by))}
    return pa.table({**columns, "start_ns": chosen["start_ns"], "weight": chosen["weight"], "value": value})


def _group(query: Query, parts: list[pa.Table], between: TimeRange, step_ns: int) -> pa.Table:
    metrics = query.metrics
    assert metrics is not None
    keys = [*(f"b{number}" for number in range(len(metrics.by))), "step", "bucket"]
    if not parts:
        return pa.table({name: pa.array([], pa.int64()) for name in [*keys, "spans", "total", "least", "most"]})
    rows = pa.concat_tables(parts, promote_options="permissive")
    starts = rows["start_ns"].to_numpy()
    inside = (starts >= between.start_ns) & (starts < between.end_ns) & pc.is_valid(rows["value"]).to_numpy()
    rows = rows.filter(pa.array(inside))
    value = rows["value"].to_numpy().astype(np.float64)
    per = PER_DOUBLING.get(metrics.op)
    places = np.zeros(len(value)) if per is None else per * np.log2(np.maximum(value, 1e-300))
    rows = rows.append_column("step", pa.array((rows["start_ns"].to_numpy() - between.start_ns) // step_ns))
    rows = rows.append_column("bucket", pa.array((np.ceil if per == 1 else np.floor)(places).astype(np.int64)))
    rows = rows.append_column("weighted", pa.array(value * rows["weight"].to_numpy()))
    made = rows.group_by(keys).aggregate([("weight", "sum"), ("weighted", "sum"), ("value", "min"), ("value", "max")])
    return made.rename_columns(
        {"weight_sum": "spans", "weighted_sum": "total", "value_min": "least", "value_max": "most"}
    )


def _series(query: Query, found: pa.Table, count: int, step_ns: int) -> list[MetricSeries]:
    metrics = query.metrics
    assert metrics is not None
    scale = 1e-9 if is_duration(metrics) else 1.0
    columns = [found[f"b{number}"].to_pylist() for number in range(len(metrics.by))]
    rows_of: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(zip(*columns, strict=True) if columns else [()] * found.num_rows):
        rows_of.setdefault(key, []).append(row)
    if len(rows_of) > MAX_SERIES:
        raise LimitExceeded(f"the query has {len(rows_of):,} series: group by fewer attributes")
    arrays = {
        name: found[name].to_numpy().astype(np.float64)
        for name in ("step", "bucket", "spans", "total", "least", "most")
    }
    made: list[MetricSeries] = []
    for key, places in rows_of.items():
        labels = {
            f"{each.scope}.{each.name}" if each.scope else each.name if each.intrinsic else f".{each.name}": show_value(
                each, raw
            )
            for each, raw in zip(metrics.by, key, strict=True)
        }
        part = {name: values[places] for name, values in arrays.items()}
        made += _computed(metrics, labels, part, count, step_ns, scale)
    made.sort(key=lambda each: [str(value) for value in each.labels.values()])
    return _ranked(query, made)


def _computed(
    metrics: Metrics, labels: dict[str, Any], part: dict[str, Any], count: int, step_ns: int, scale: float
) -> list[MetricSeries]:
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


def _ranked(query: Query, made: list[MetricSeries]) -> list[MetricSeries]:
    """topk and bottomk keep series at each step; those that are kept nowhere are left out."""
    if query.ranked is None or not made:
        return made
    values = np.stack([each.values for each in made])
    keys = np.where(np.isnan(values), np.inf, -values if query.ranked.op == "topk" else values)
    ranks = np.argsort(np.argsort(keys, axis=0, kind="stable"), axis=0, kind="stable")
    kept = np.where((ranks < query.ranked.count) & np.isfinite(keys), values, np.nan)
    return [MetricSeries(each.labels, row) for each, row in zip(made, kept, strict=True) if not np.isnan(row).all()]
