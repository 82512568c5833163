"""Range aggregations: counted in buckets by the engine, put together to windows in numpy.

A bucket is as long as range and step allow: their greatest common divisor. What can be put together from buckets
(counts, sums, extremes) is; for the rest a line goes into each of the windows that it belongs to. The window of a step
reaches from a range before it, excluded, to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from traceo.errors import LimitExceeded, QueryError
from traceo.query.log_minutes import is_of_minutes
from traceo.query.log_streams import Sources, find_sources
from traceo.query.logql import extract
from traceo.query.logql.ast import Both, Compare, LabelFormat, LineFormat, MetricQuery, Parser, RangeAggregation
from traceo.query.logql.pipeline import PipelineSql
from traceo.query.promql.ast import Aggregate, Binary, Call, Node, Paren, Selector, Unary
from traceo.query.promql.values import Floats, Ints, Points, key_of
from traceo.query.run import Queries
from traceo.query.sql import MINUTE_NS, Scope, TimeRange
from traceo.store.attributes import decode_text

MS = 1_000_000
MAX_SERIES = 20_000
MAX_BUCKETS = 200_000
MAX_WINDOWS_OF_A_LINE = 1000
# Of lines without stages, what their minutes tell.
OF_MINUTES = {
    "count_over_time": "sum(entries)",
    "rate": "sum(entries)",
    "bytes_over_time": "sum(body_bytes)",
    "bytes_rate": "sum(body_bytes)",
}
# What the engine computes of a bucket, and how buckets make a window.
MERGED: dict[str, tuple[str, str]] = {
    "count_over_time": ("count()", "sum"),
    "rate": ("count()", "sum"),
    "bytes_over_time": ("sum(length({line}))", "sum"),
    "bytes_rate": ("sum(length({line}))", "sum"),
    "absent_over_time": ("count()", "sum"),
    "sum_over_time": ("sum({value})", "sum"),
    "min_over_time": ("min({value})", "min"),
    "max_over_time": ("max({value})", "max"),
}
WHOLE = {
    "avg_over_time": "avg({value})",
    "stdvar_over_time": "varPopStable({value})",
    "stddev_over_time": "stddevPopStable({value})",
    "quantile_over_time": "quantileExactInclusive({param})({value})",
    "first_over_time": "argMin({value}, time_ns)",
    "last_over_time": "argMax({value}, time_ns)",
    # As PromQL's rate without extrapolation: what a counter rose, resets left out.
    "rate_counter": (
        "arraySum((a, b) -> if(b >= a, b - a, b), arrayPopBack(arraySort(groupArray((time_ns, {value}))).2 AS v), "
        "arrayPopFront(v))"
    ),
}
RATES = ("rate", "bytes_rate", "rate_counter")
NO_PAIRS = "CAST([], 'Array(Tuple(String, String))')"
LINEAR = ("rate", "count_over_time", "bytes_rate", "bytes_over_time", "sum_over_time")


@dataclass(frozen=True, slots=True)
class Steps:
    """The moments of an answer, nanoseconds since 1970; a step of 0 is one moment, the end."""

    start_ns: int
    end_ns: int
    step_ns: int

    @property
    def instant(self) -> bool:
        """Whether it is one moment."""
        return not self.step_ns

    @property
    def count(self) -> int:
        """How many moments."""
        return 1 if self.instant else (self.end_ns - self.start_ns) // self.step_ns + 1

    @property
    def first_ns(self) -> int:
        """The first moment."""
        return self.end_ns if self.instant else self.start_ns

    @property
    def times_ms(self) -> Ints:
        """All of them in milliseconds, each later than the one before."""
        times = self.first_ns + np.arange(self.count, dtype=np.int64) * max(self.step_ns, 1)
        return np.maximum.accumulate(times // MS)


def lower(query: MetricQuery) -> tuple[Node, dict[int, RangeAggregation]]:
    """The tree with sums pushed into the ranges below them, and the range of each selector by its identity."""
    wanted: dict[int, RangeAggregation] = {}

    def walk(node: Node) -> Node:
        match node:
            case Aggregate(op="sum", expr=Selector(name=name), without=False):
                one = query.ranges[int(name)]
                if one.op in LINEAR:
                    one = replace(one, grouping=node.grouping, without=False)
                    one = one if node.grouping else _without_parsers(one)
                leaf = Selector(name, ())
                wanted[id(leaf)] = one
                return replace(node, expr=leaf)
            case Selector(name=name):
                leaf = Selector(name, ())
                wanted[id(leaf)] = query.ranges[int(name)]
                return leaf
            case Paren(expr=inner) | Unary(expr=inner):
                return replace(node, expr=walk(inner))
            case Aggregate(expr=inner):
                return replace(node, expr=walk(inner))
            case Binary(lhs=lhs, rhs=rhs):
                return replace(node, lhs=walk(lhs), rhs=walk(rhs))
            case Call(args=args):
                return replace(node, args=tuple(walk(argument) for argument in args))
            case _:
                return node

    return walk(query.node), wanted


def _without_parsers(one: RangeAggregation) -> RangeAggregation:
    """A count that asks for no label parses nothing, so that lines that cannot be parsed count too, as in Loki."""
    stages = one.pipeline.stages
    if one.unwrap or any(isinstance(stage, Compare | Both | LineFormat | LabelFormat) for stage in stages):
        return one
    kept = tuple(stage for stage in stages if not isinstance(stage, Parser) or stage.name == "unpack")
    return replace(one, pipeline=replace(one.pipeline, stages=kept))


async def read_range(queries: Queries, tenant: str, one: RangeAggregation, steps: Steps) -> Points:
    """The points of a range aggregation, one at each step where it has a value."""
    sources = await find_sources(queries, tenant, one.pipeline.matchers)
    absent = one.op == "absent_over_time"
    if not sources.streams:
        return _absent(one, steps, np.zeros(steps.count, dtype=bool)) if absent else _empty()
    first = steps.first_ns - one.offset_ns - one.range_ns
    last = first + one.range_ns + (steps.count - 1) * steps.step_ns
    between = TimeRange(first + 1, last + 1)

    async def read(recent: frozenset[str]) -> tuple[pa.Table, Sequence[dict[str, str]]]:
        scope = Scope(tenant, between, recent=recent)
        compiled = compile_range(scope, one, steps, sources)
        return await queries.table(compiled.sql, dict(scope.params)), compiled.sets

    table, known = await queries.over_recent(["logs_recent"], read)
    if table.num_rows > MAX_SERIES:
        raise LimitExceeded(f"maximum of series ({MAX_SERIES:,}) reached for a single query: sum by fewer labels")
    _check_errors(table, known, one)
    if absent:
        there = np.zeros(steps.count, dtype=bool)
        for row in range(table.num_rows):
            there |= _windows(one, steps, table, row)[1]
        return _absent(one, steps, there)
    return _points(one, steps, table, known)


@dataclass(frozen=True, slots=True)
class Compiled:
    """SQL: a row for each series, with its buckets or windows in order and their values; what its numbers stand for."""

    sql: str
    sets: Sequence[dict[str, str]]


def compile_range(scope: Scope, one: RangeAggregation, steps: Steps, sources: Sources) -> Compiled:
    """A row of `stream_number` (-1: only `labels` count), `labels`, `places`, `found` and `failed`."""
    sets = [kind.labels for kind in sources.kinds]
    of_minutes = _are_minutes_enough(scope, one, steps, sets)
    sql = PipelineSql(scope, sources, of_minutes=of_minutes)
    sql.add(one.pipeline.stages)
    value = sql.unwrap(one.unwrap) if one.unwrap else "0"
    key, labels, known = _key(sql, one, sets)
    expression = MERGED[one.op][0] if one.op in MERGED else WHOLE[one.op]
    if of_minutes:
        expression = OF_MINUTES[one.op]
    elif one.op == "rate" and one.unwrap:
        expression = "sum({value})"
    computed = expression.format(line=sql.line, value=value, param=one.param)
    place = _place(one, steps, scope)
    failed = f"anyIf({sql.error}, {sql.error} != '')" if sql.error != "''" else "''"
    grouped = (
        f"SELECT {', '.join(key)}, {place} AS place, toFloat64({computed}) AS value, {failed} AS error "
        f"FROM ({sql.rows()}) GROUP BY {', '.join(column.rpartition(' AS ')[2] for column in key)}, place"
    )
    if labels != "labels":
        how = MERGED[one.op][1]
        grouped = (
            f"SELECT stream_number, {labels} AS labels, place, {how}(value) AS value, max(error) AS error "
            f"FROM ({grouped}) GROUP BY stream_number, labels, place"
        )
    return Compiled(
        "SELECT stream_number, labels, groupArray(place) AS places, groupArray(value) AS found, max(error) AS failed "
        f"FROM ({grouped}) GROUP BY stream_number, labels ORDER BY stream_number, labels LIMIT {MAX_SERIES + 1}",
        known,
    )


def _are_minutes_enough(scope: Scope, one: RangeAggregation, steps: Steps, sets: Sequence[dict[str, str]]) -> bool:
    """Whether a range can be put together from whole minutes of streams and severities."""
    if one.op not in OF_MINUTES or one.pipeline.stages or one.unwrap or one.without or one.grouping is None:
        return False
    known = all(name == extract.DETECTED_LEVEL or all(labels.get(name) for labels in sets) for name in one.grouping)
    assert scope.between is not None
    return known and is_of_minutes(scope.between) and _width(one, steps) % MINUTE_NS == 0


def _key(
    sql: PipelineSql, one: RangeAggregation, sets: Sequence[dict[str, str]]
) -> tuple[list[str], str, Sequence[dict[str, str]]]:
    """What a series is: columns to group rows by, SQL of its labels from these, and what `stream_number` stands for.

    Numbers are grouped by where they tell all: maps and texts are several times as dear.
    """
    if one.grouping is not None and not one.without:
        fixed = {name: sql.fixed(name) for name in one.grouping}
        if all(values is not None for values in fixed.values()):
            rows = [tuple((values or [])[place] for values in fixed.values()) for place in range(len(sets))]
            numbers = {row: number for number, row in enumerate(dict.fromkeys(rows))}
            number = sql.of_streams([numbers[row] for row in rows])
            known = [dict(zip(fixed, row, strict=True)) for row in numbers]
            return [f"{number} AS stream_number", f"{NO_PAIRS} AS labels"], "labels", known
        pairs = ", ".join(f"({sql.bind(name)}, toString({sql.label(name)}))" for name in one.grouping)
        named = f"arrayFilter(pair -> pair.2 != '', [{pairs}])"
        return ["toInt32(-1) AS stream_number", f"{named} AS labels"], "labels", sets
    sent, known = "" if sql.keeps_only else _sent(sql), sql.described()
    left_out = [*(one.grouping or ()), *([one.unwrap.label] if one.unwrap else ())]
    merged = f"mapUpdate({sent}, {sql.parsed})" if sent else sql.parsed
    if left_out:
        gone = ", ".join(f"toString({sql.bind(name)}), ''" for name in left_out)
        merged = f"mapUpdate({merged}, map({gone}))"
    pairs = f"arraySort(CAST({merged}, 'Array(Tuple(String, String))'))"
    if one.op in MERGED and sql.parsed == extract.NO_LABELS:
        more = ["scope_id"] if sql.of_scope() else []
        return ["toInt32(stream) AS stream_number", "attributes", *more], pairs, known
    return ["toInt32(stream) AS stream_number", f"{pairs} AS labels"], "labels", known


def _sent(sql: PipelineSql) -> str:
    """SQL: the metadata that lines of a stream do not share: the record's attributes, and what is said of the scope."""
    of_scope = sql.of_scope()
    sent = f"mapUpdate({extract.SENT}, {of_scope})" if of_scope else extract.SENT
    return sql.renamed(sent, "toInt32(stream_number)" if sql.parsed == extract.NO_LABELS else "stream")


def _width(one: RangeAggregation, steps: Steps) -> int:
    """Nanoseconds of a bucket."""
    return one.range_ns if steps.instant else math.gcd(one.range_ns, steps.step_ns)


def _place(one: RangeAggregation, steps: Steps, scope: Scope) -> str:
    """SQL: the number of the bucket of a line (the first window begins with 0), or of each of its windows."""
    first = steps.first_ns - one.offset_ns - one.range_ns
    since = f"(time_ns - {first} - 1)"
    if one.op in MERGED:
        width = _width(one, steps)
        if (one.range_ns + (steps.count - 1) * steps.step_ns) // width > MAX_BUCKETS:
            raise LimitExceeded("range and step have too small a common divisor: choose a step that divides the range")
        return f"toUInt32(intDiv({since}, {width}))"
    if steps.instant:
        return "toInt64(0)"
    if one.range_ns // steps.step_ns > MAX_WINDOWS_OF_A_LINE:
        raise LimitExceeded("the range is too many times as long as the step: choose a longer step")
    low = f"greatest(0, intDiv({since} - {one.range_ns} + {steps.step_ns}, {steps.step_ns}))"
    low = f"if({since} < {one.range_ns}, 0, {low})"
    high = f"least({steps.count}, intDiv({since}, {steps.step_ns}) + 1)"
    return f"arrayJoin(range(toInt64({low}), toInt64({high})))"


def _check_errors(table: pa.Table, sets: Sequence[dict[str, str]], one: RangeAggregation) -> None:
    for row, error in enumerate(table["failed"].to_pylist()):
        if error:
            text = decode_text(error) if isinstance(error, bytes) else error
            shown = ", ".join(f'{name}="{value}"' for name, value in sorted(_label_set(table, row, sets).items()))
            raise QueryError(
                f"pipeline error: '{text}' for series: '{{{shown}}}'.\nUse a label filter to intentionally skip this "
                f'error. (e.g | __error__!="{text}").\nTo skip all potential errors you can match empty errors.(e.g '
                '__error__="")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | '
                f'__error__!="{text}" )\n',
                position=one.at,
            )


def _label_set(table: pa.Table, row: int, sets: Sequence[dict[str, str]]) -> dict[str, str]:
    number = table["stream_number"][row].as_py()
    labels = dict(sets[number]) if number >= 0 else {}
    for pair in table["labels"][row].as_py():
        name, value = pair.values() if isinstance(pair, dict) else pair
        labels[_text(name)] = _text(value)
    return {name: value for name, value in labels.items() if value}


def _text(value: Any) -> str:
    return decode_text(value) if isinstance(value, bytes) else str(value)


def _windows(one: RangeAggregation, steps: Steps, table: pa.Table, row: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Values at all steps, and where there are any."""
    places = np.asarray(table["places"][row].values.to_numpy(zero_copy_only=False), dtype=np.int64)
    found = np.asarray(table["found"][row].values.to_numpy(zero_copy_only=False), dtype=np.float64)
    values, there = np.zeros(steps.count), np.zeros(steps.count, dtype=bool)
    if one.op not in MERGED:
        values[places], there[places] = found, True
        return values, there
    width = _width(one, steps)
    stride, length = steps.step_ns // width, one.range_ns // width
    buckets = np.zeros((steps.count - 1) * stride + length, dtype=np.int64)
    inside = places < len(buckets)
    buckets[places[inside]] = 1
    starts = np.arange(steps.count) * stride
    before = np.concatenate([[0], np.cumsum(buckets)])
    there = before[starts + length] > before[starts]
    how = MERGED[one.op][1]
    filler = {"sum": 0.0, "min": np.inf, "max": -np.inf}[how]
    filled = np.full(len(buckets), filler)
    filled[places[inside]] = found[inside]
    if length == 1:
        return filled[starts], there
    if how == "sum" and (filled == np.floor(filled)).all():
        totals = np.concatenate([[0.0], np.cumsum(filled)])
        return totals[starts + length] - totals[starts], there
    view = np.lib.stride_tricks.sliding_window_view(filled, length)[:: max(stride, 1)][: steps.count]
    ufunc = {"sum": np.add, "min": np.minimum, "max": np.maximum}[how]
    return np.asarray(ufunc.reduce(view, axis=1)), there


def _points(one: RangeAggregation, steps: Steps, table: pa.Table, sets: Sequence[dict[str, str]]) -> Points:
    times, seconds = steps.times_ms, one.range_ns / 1e9
    labels, parts_times, parts_values = [], [], []
    seen: dict[Any, int] = {}
    for row in range(table.num_rows):
        values, there = _windows(one, steps, table, row)
        if not there.any():
            continue
        found = _label_set(table, row, sets)
        key = key_of(found)
        if key in seen:
            raise QueryError("two streams have the same labels after label_format, drop or keep: sum by labels")
        seen[key] = row
        labels.append(found)
        parts_times.append(times[there])
        parts_values.append(values[there] / seconds if one.op in RATES else values[there])
    sizes = [len(part) for part in parts_times]
    return Points(
        labels,
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate(parts_times) if parts_times else np.zeros(0, dtype=np.int64),
        np.concatenate(parts_values) if parts_values else np.zeros(0),
        np.zeros(len(labels), dtype=bool),
    )


def _empty() -> Points:
    nothing = np.zeros(0, dtype=np.int64)
    return Points([], np.zeros(1, dtype=np.int64), nothing, np.zeros(0), np.zeros(0, dtype=bool))


def _absent(one: RangeAggregation, steps: Steps, there: npt.NDArray[np.bool_]) -> Points:
    """1 where no line is, with the labels that the selector says exactly."""
    names = [matcher.name for matcher in one.pipeline.matchers]
    labels = {
        matcher.name: matcher.value
        for matcher in one.pipeline.matchers
        if matcher.op == "=" and names.count(matcher.name) == 1
    }
    times = steps.times_ms[~there]
    offsets = np.array([0, len(times)], dtype=np.int64)
    return Points([labels], offsets, times, np.ones(len(times)), np.zeros(1, dtype=bool))
