"""Spans counted by labels, step and bucket: in the engine, or trace by trace for what asks spans together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from traceo.query.run import Queries, as_bytes
from traceo.query.sql import Scope
from traceo.query.traceql.ast import Metrics, Query, Static
from traceo.query.traceql.candidates import find_candidates
from traceo.query.traceql.fields import Fields, is_local
from traceo.query.traceql.reading import (
    READ,
    compile_spans,
    fill_places,
    is_single,
    known,
    make_table,
    necessary,
    select_from,
    weight_of,
)
from traceo.query.traceql.structure import evaluate

MAX_ROWS = 1_000_000
BATCH = 5000
PER_DOUBLING = {"quantile_over_time": 16, "histogram_over_time": 1}  # buckets
ONE = Static("float", 1.0)
START_NS = "toUnixTimestamp64Nano(start_time)"
EXEMPLAR = ("trace_id", "span_id", "start_ns", "value")

Columns = Callable[[Fields], list[str]]


def is_counted_by_engine(query: Query) -> bool:
    """Whether each span alone tells all: then no trace has to be read whole."""
    assert query.metrics is not None
    metrics = query.metrics
    fields = [*metrics.by, *([metrics.expr] if metrics.expr is not None else [])]
    chosen = metrics.chosen is None or is_local(metrics.chosen.condition)
    return is_single(query) and chosen and all(is_local(each) for each in fields)


def keys_of(metrics: Metrics) -> list[str]:
    """Names of the columns that have the labels."""
    return [f"b{number}" for number in range(len(metrics.by))]


def compile_counts(scope: Scope, query: Query, step_ns: int) -> str:
    """SQL: for each combination of the labels (b0...), step and bucket: spans, and the sum, least and largest value."""
    assert query.metrics is not None
    keys = ", ".join([*keys_of(query.metrics), "step", "bucket"])
    more = [f"{_bucket(query.metrics, 'value')} AS bucket", f"{weight_of(scope)} AS weight"]
    return (
        f"SELECT {keys}, sum(weight) AS spans, sum(value * weight) AS total, min(value) AS least, max(value) AS most "
        f"FROM ({compile_values(scope, query, step_ns, lambda _: more)}) "
        f"WHERE isNotNull(value) GROUP BY {keys} LIMIT {MAX_ROWS + 1}"
    )


def compile_exemplars(scope: Scope, query: Query, count: int) -> str:
    """SQL: spans spread over labels and time, chosen by a hash."""
    assert query.metrics is not None and scope.between is not None
    step_ns = max(1, (scope.between.end_ns - scope.between.start_ns) // count)
    keys = keys_of(query.metrics)
    more = ["trace_id", "span_id", f"{START_NS} AS start_ns"]
    values = compile_values(scope, query, step_ns, lambda _: more)
    made = ", ".join(f"found.{place} AS {name}" for place, name in enumerate(EXEMPLAR, 1))
    return (
        f"SELECT {', '.join([*keys, made])} FROM (SELECT {', '.join([*keys, 'step'])}, "
        f"argMin(({', '.join(EXEMPLAR)}), cityHash64(trace_id, span_id)) AS found FROM ({values}) "
        f"WHERE isNotNull(value) GROUP BY {', '.join([*keys, 'step'])}) "
        f"ORDER BY cityHash64(trace_id, span_id) LIMIT {int(count)}"
    )


def compile_values(scope: Scope, query: Query, step_ns: int, more: Columns) -> str:
    """SQL: a row for each span: labels, step, value (NULL: none) and further columns."""
    assert query.metrics is not None and scope.between is not None
    metrics, fields = query.metrics, Fields(scope)
    where = [necessary(query, fields)]
    step = f"intDiv({START_NS} - {scope.between.start_ns}, {step_ns}) AS step"
    columns = [*_labels_and_value(metrics, fields), step, *more(fields)]
    return f"SELECT {', '.join(columns)} FROM {select_from(scope, fields, scope.select_spans(READ, where))}"


def _labels_and_value(metrics: Metrics, fields: Fields) -> list[str]:
    value = fields.number(known(metrics.expr or ONE))
    labels = [f"{fields.text(known(each))} AS {key}" for key, each in zip(keys_of(metrics), metrics.by, strict=True)]
    return [*labels, f"toNullable({value}) AS value"]


def _bucket(metrics: Metrics, value: str) -> str:
    if metrics.op not in PER_DOUBLING:
        return "toInt32(0)"
    per = PER_DOUBLING[metrics.op]
    place = f"{per} * log2(greatest({value}, 1e-300))"
    return f"toInt32({'floor' if per > 1 else 'ceil'}(ifNull({place}, 0)))"


async def read_members(queries: Queries, scope: Scope, query: Query, more: Columns) -> AsyncIterator[pa.Table]:
    """The spans that are meant, some thousand traces at a time: `compile_spans`, labels, value, weight and more.

    Raises LimitExceeded.
    """
    assert scope.between is not None and query.metrics is not None
    metrics, between = query.metrics, scope.between

    def columns(fields: Fields) -> list[str]:
        return [*_labels_and_value(metrics, fields), f"{weight_of(scope)} AS weight", *more(fields)]

    ids = await find_candidates(queries, scope, query)
    for first in range(0, len(ids), BATCH):
        part = Scope(scope.tenant, between, recent=scope.recent)
        sql = compile_spans(part, query, ids[first : first + BATCH], columns)
        found = as_bytes(await queries.table(sql, dict(part.params)))
        table, places = make_table(query, found)
        labels = dict(zip(keys_of(metrics), metrics.by, strict=True))
        found = fill_places(found, places, {**labels, "value": metrics.expr or ONE})
        starts = found["start_ns"].to_numpy()
        inside = (starts >= between.start_ns) & (starts < between.end_ns) & pc.is_valid(found["value"]).to_numpy()
        if metrics.chosen is not None:
            found = found.append_column("chosen", pa.array(table.filters[metrics.chosen.condition]))
        yield found.filter(pa.array(evaluate(query.pipeline, table).member & inside))


async def count_members(
    queries: Queries, scope: Scope, query: Query, step_ns: int, exemplars: int
) -> tuple[pa.Table, pa.Table]:
    """What `compile_counts` and `compile_exemplars` find, for what needs whole traces."""
    assert query.metrics is not None and scope.between is not None
    metrics = query.metrics
    names = [*keys_of(metrics), *EXEMPLAR, "weight"]
    parts = [part.select(names) async for part in read_members(queries, scope, query, lambda _: [])]
    keys = [*keys_of(metrics), "step", "bucket"]
    if not parts:
        nothing = pa.table({name: pa.array([], pa.int64()) for name in [*keys, "spans", "total", "least", "most"]})
        return nothing, nothing
    rows = pa.concat_tables(parts, promote_options="permissive")
    value = rows["value"].to_numpy().astype(np.float64)
    per = PER_DOUBLING.get(metrics.op)
    places = np.zeros(len(value)) if per is None else per * np.log2(np.maximum(value, 1e-300))
    rows = rows.append_column("step", pa.array((rows["start_ns"].to_numpy() - scope.between.start_ns) // step_ns))
    rows = rows.append_column("bucket", pa.array((np.ceil if per == 1 else np.floor)(places).astype(np.int64)))
    rows = rows.append_column("weighted", pa.array(value * rows["weight"].to_numpy()))
    made = rows.group_by(keys).aggregate([("weight", "sum"), ("weighted", "sum"), ("value", "min"), ("value", "max")])
    renamed = {"weight_sum": "spans", "weighted_sum": "total", "value_min": "least", "value_max": "most"}
    spread = np.linspace(0, rows.num_rows - 1, min(exemplars, rows.num_rows)).astype(np.int64)
    return made.rename_columns(renamed), rows.take(spread)
