"""Evaluates PromQL: reads the points of all selectors, then computes in a thread. The entry points of the package."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from traceo.errors import InvalidRequest, QueryError
from traceo.query.promql import (
    aggregate,
    histogram_functions,
    instant_functions,
    label_functions,
    range_functions,
    rates,
)
from traceo.query.promql.annotations import Annotations
from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Type,
    Unary,
    unwrap,
)
from traceo.query.promql.check import SET_OPERATORS, type_of
from traceo.query.promql.context import Context, new_budget
from traceo.query.promql.durations import Window, resolve
from traceo.query.promql.extended import check_extension, extended, smooth
from traceo.query.promql.fetch import Read, fetch
from traceo.query.promql.functions import FUNCTIONS as SIGNATURES
from traceo.query.promql.histogram import Hint
from traceo.query.promql.info_function import add_info_labels
from traceo.query.promql.matching import combine_sets, combine_vectors
from traceo.query.promql.operators import Cells, compute, operate
from traceo.query.promql.options import Options
from traceo.query.promql.parser import parse_promql
from traceo.query.promql.past_steps import Steps, find_past, join_steps, keep_past, shows_running_sums, still_holds
from traceo.query.promql.plan import moments_of, plan_reads, subquery_times
from traceo.query.promql.presence import Presence
from traceo.query.promql.values import (
    Answer,
    Floats,
    Grid,
    Ints,
    Points,
    Series,
    empty_grid,
    object_array,
    points_of,
    single_row,
    stack,
    without_names,
)
from traceo.query.promql.windows import Range
from traceo.query.run import Queries

FUNCTIONS: dict[str, Any] = {
    **range_functions.FUNCTIONS,
    **rates.FUNCTIONS,
    **instant_functions.FUNCTIONS,
    **label_functions.FUNCTIONS,
    **histogram_functions.FUNCTIONS,
}
MAX_STEPS = 1_000_000
READS_AT_ONCE = 2  # of one query, so that it does not take all places of its tenant


async def query_instant(queries: Queries, tenant: str, text: str, time_ms: int, options: Options) -> Answer:
    """The value of an expression at a moment. Raises ParseError, QueryError, LimitExceeded."""
    node, window = parse_promql(text), Window(time_ms, time_ms, 0)
    if type_of(node) is Type.STRING:
        literal = unwrap(node)
        assert isinstance(literal, String)
        return Answer("string", string=literal.value)
    if type_of(node) is Type.MATRIX:
        return await _instant_matrix(queries, tenant, text, _resolve(node, window), window, options)
    value, context = await _run(queries, tenant, text, _resolve(node, window), window, _times_of(window), options)
    notes = context.notes.warnings, context.notes.infos
    if isinstance(value, Grid):
        return Answer("vector", _series_of(without_names(_in_order(node, value)), context.times), None, *notes)
    return Answer("scalar", _series_of(single_row({}, value), context.times), None, *notes)


async def query_range(
    queries: Queries, tenant: str, text: str, start_ms: int, end_ms: int, step_ms: int, options: Options
) -> Answer:
    """The values of an expression from `start_ms` to `end_ms`. Raises ParseError, QueryError, LimitExceeded."""
    node = parse_promql(text)
    if (kind := type_of(node)) not in (Type.SCALAR, Type.VECTOR):
        message = f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector'
        raise InvalidRequest(message)
    if step_ms <= 0 or end_ms < start_ms:
        raise InvalidRequest("the step must be positive and the end may not lie before the start")
    if (end_ms - start_ms) // step_ms >= MAX_STEPS:
        raise InvalidRequest(f"more than {MAX_STEPS} steps: choose a longer step")
    window = Window(start_ms, end_ms, step_ms)
    steps = await _compute_steps(queries, tenant, text, _resolve(node, window), window, options)
    order = sorted(range(len(steps.grid.labels)), key=lambda row: sorted(steps.grid.labels[row].items()))
    grid = steps.grid.rows(np.array(order, dtype=np.int64))
    return Answer("matrix", _series_of(grid, _times_of(window)), None, list(steps.warnings), list(steps.infos))


async def _compute_steps(
    queries: Queries, tenant: str, text: str, node: Node, window: Window, options: Options
) -> Steps:
    """All steps: those of the past may be known, the others are computed."""
    asked = tenant, text, window.step_ms, window.start_ms % window.step_ms, options
    read_s, times = time.time(), _times_of(window)
    known = find_past(queries, asked, node, window) if options.use_kept else None
    rest = times if known is None else times[times > known.last_ms]
    work = _compute_some(queries, tenant, text, node, window, rest, options)
    if known is None:
        made, keeps = await work
    else:
        (made, keeps), holds = await asyncio.gather(work, still_holds(queries, tenant, known))
        if not keeps or not holds:
            queries.kept_answers.drop(asked)
            return await _compute_steps(queries, tenant, text, node, window, options)
        made = join_steps(known, window, made, len(times))
    steps = replace(made, first_ms=window.start_ms, last_ms=int(times[-1]), read_s=read_s)
    if keeps and len(rest) and options.use_kept:
        keep_past(queries, asked, window, options, steps)
    return steps


async def _compute_some(
    queries: Queries, tenant: str, text: str, node: Node, window: Window, times: Ints, options: Options
) -> tuple[Steps, bool]:
    """Some steps, and whether they are the same whatever steps are computed with them."""
    if not len(times):
        return Steps(node, empty_grid(0)), True
    value, context = await _run(queries, tenant, text, node, window, times, options)
    grid = without_names(value if isinstance(value, Grid) else single_row({}, value))
    notes = tuple(context.notes.warnings), tuple(context.notes.infos)
    made = Steps(node, grid, *notes, points=_count(context.points))
    return made, not shows_running_sums(node, context.points)


def _times_of(window: Window) -> Ints:
    return np.arange(window.start_ms, window.end_ms + 1, max(window.step_ms, 1), dtype=np.int64)


def _resolve(node: Node, window: Window) -> Node:
    try:
        return resolve(node, window)
    except ValueError as error:
        raise QueryError(str(error)) from error


async def _run(
    queries: Queries, tenant: str, text: str, node: Node, window: Window, times: Ints, options: Options
) -> tuple[Any, Context]:
    """The value of a tree, which MUST be resolved, at some steps of the window."""
    points = await _read(queries, tenant, node, times, options)
    context = Context(times, window.step_ms, window, points, Annotations(text), new_budget(options), options)
    context.budget.spend(_count(points))
    try:
        return await asyncio.to_thread(evaluate, node, context), context
    except asyncio.CancelledError:  # the thread stops at its next look at the clock
        context.budget.deadline = 0.0
        raise


def _count(points: Mapping[int, Points | Presence]) -> int:
    """Points of all selectors; what several of them read, once."""
    return sum(each.size for each in {id(each): each for each in points.values()}.values())


async def _read(
    queries: Queries, tenant: str, node: Node, times: Ints, options: Options
) -> dict[int, Points | Presence]:
    """The points of every selector, a few at a time; the same ones are read once."""
    wanted = plan_reads(node, moments_of(times), options)
    reads = list(dict.fromkeys(wanted.values()))
    places = asyncio.Semaphore(READS_AT_ONCE)

    async def read_one(read: Read) -> Points | Presence:
        async with places:
            return await fetch(queries, tenant, read, options)

    tasks = [asyncio.ensure_future(read_one(read)) for read in reads]
    try:
        by_read = dict(zip(reads, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
    return {selector: by_read[read] for selector, read in wanted.items()}


async def _instant_matrix(
    queries: Queries, tenant: str, text: str, node: Node, window: Window, options: Options
) -> Answer:
    """A range vector at one moment: its points as they are."""
    value, context = await _run(queries, tenant, text, node, window, _times_of(window), options)
    points, lo, hi = value.points, value.lo[:, 0], value.hi[:, 0]
    series = []
    for row in np.flatnonzero(hi > lo).tolist():
        part = slice(lo[row], hi[row])
        histograms = None if points.histograms is None else list(points.histograms[part])
        series.append(Series(points.labels[row], points.times[part], points.values[part], histograms))
    series.sort(key=lambda each: sorted(each.labels.items()))
    return Answer("matrix", series, None, context.notes.warnings, context.notes.infos)


def _in_order(node: Node, grid: Grid) -> Grid:
    """The order of series that an instant query promises: topk and bottomk sort."""
    inner = unwrap(node)
    if isinstance(inner, Aggregate) and inner.op in ("topk", "bottomk"):
        return aggregate.sort_selected(inner.op, inner, grid)
    return grid


def _series_of(grid: Grid, times: Ints) -> list[Series]:
    series = []
    all_present = np.asarray(grid.present.all(axis=1))
    for row, labels in enumerate(grid.labels):
        there = slice(None) if all_present[row] else np.flatnonzero(grid.present[row])
        histograms = None if grid.histograms is None else list(grid.histograms[row][there])
        if histograms is not None and all(each is None for each in histograms):
            histograms = None
        if len(times[there]):
            series.append(Series(labels, times[there], grid.values[row][there], histograms))
    return series


def evaluate(node: Node, context: Context) -> Any:
    """The value of a tree at all steps: an array for a scalar, a text, a Grid or a Range."""
    context.budget.spend(0)
    match node:
        case Number(value=value):
            return np.full(context.steps, value)
        case String(value=text):
            return text
        case Paren(expr=inner):
            return evaluate(inner, context)
        case Unary():
            return _unary(node, context)
        case Binary():
            return _binary(node, context)
        case Selector():
            return _select(node, context)[0]
        case Matrix():
            return _range(node, context)
        case Subquery():
            return _subquery(node, context)
        case Aggregate():
            param = None if node.param is None else evaluate(node.param, context)
            return aggregate.aggregate(node, evaluate(node.expr, context), param, context)
        case Call():
            return _call(node, context)


def _call(node: Call, context: Context) -> Any:
    if node.function == "timestamp" and isinstance(selector := unwrap(node.args[0]), Selector):
        grid, times = _select(selector, context)
        drop = np.ones(len(grid.labels), dtype=bool)
        return Grid(grid.labels, times / 1000, grid.present, drop).compact()
    if node.function == "info":
        info, written = _select(node.args[1], context)  # type: ignore[arg-type]
        return add_info_labels(evaluate(node.args[0], context), info, written, node.args[1])
    if node.function == "timestamp":
        grid = evaluate(node.args[0], context)
        there = np.broadcast_to(context.times / 1000, grid.present.shape)
        return Grid(grid.labels, there, grid.present, np.ones(len(grid.labels), dtype=bool))
    arguments = [evaluate(argument, context) for argument in node.args]
    if SIGNATURES[node.function].result is Type.VECTOR and node.args:
        context.budget.spend(sum(value.present.size for value in arguments if isinstance(value, Grid)))
    function = _function(node)
    window = next((value for value in arguments if isinstance(value, Range)), None)
    if window is None or node.function == "absent_over_time":
        return function(arguments, node, context)
    made = []
    for block in window.blocks():
        context.budget.spend(0)
        made.append(function([block if value is window else value for value in arguments], node, context))
    return made[0] if len(made) == 1 else stack(made)


def _function(node: Call) -> Any:
    matrix = next((inner for arg in node.args if isinstance(inner := unwrap(arg), Matrix)), None)
    extension = matrix.selector.extension if matrix is not None else ""
    if not extension:
        return FUNCTIONS[node.function]
    check_extension(node.function, extension)
    return extended(node.function, extension == "smoothed")


def _unary(node: Unary, context: Context) -> Any:
    value = evaluate(node.expr, context)
    if node.op == "+":
        return value
    if not isinstance(value, Grid):
        return -value
    histograms = None
    if value.histograms is not None:
        negated = [None if h is None else h.scaled(-1.0) for h in value.histograms.ravel()]
        histograms = object_array(negated).reshape(value.present.shape)
    return Grid(value.labels, -value.values, value.present, np.ones(len(value.labels), dtype=bool), histograms)


def _binary(node: Binary, context: Context) -> Any:
    left, right = evaluate(node.lhs, context), evaluate(node.rhs, context)
    if isinstance(left, Grid) and isinstance(right, Grid):
        if node.op in SET_OPERATORS:
            return combine_sets(node, left, right)
        return combine_vectors(node, left, right, context)
    if not isinstance(left, Grid) and not isinstance(right, Grid):
        return compute(node.op, left, right)
    grid: Grid = left if isinstance(left, Grid) else right
    if not grid.labels:
        return empty_grid(context.steps)
    sides = [_side(value, context) for value in (left, right)]
    made = operate(node, sides[0], sides[1], context, keep_right=grid is right)
    keeps = not node.return_bool and node.op not in ("+", "-", "*", "/", "%", "^", "atan2")
    drop = grid.drop_name if keeps else np.ones(len(grid.labels), dtype=bool)
    return Grid(grid.labels, made.values, made.present, drop, made.histograms).compact()


def _side(value: Grid | Floats, context: Context) -> Cells:
    if isinstance(value, Grid):
        return Cells(value.values, value.present, value.histograms)
    return Cells(value[None, :], np.ones((1, context.steps), dtype=bool))


def _moments(node: Selector | Subquery, context: Context) -> Ints:
    """Which moment each step looks at."""
    when = node.when
    base = context.times if when.at_ms is None else np.full(context.steps, when.at_ms, dtype=np.int64)
    return base - when.offset.ms


def _select(node: Selector, context: Context) -> tuple[Grid, Ints]:
    """The newest point of each series at each step, and when it was."""
    read, ends = context.points[id(node)], _moments(node, context)
    if isinstance(read, Presence):
        return read.grid(ends, context.options.lookback_ms), np.zeros(0, dtype=np.int64)
    points = read
    if not points.labels or not len(points.times):
        return empty_grid(context.steps), np.zeros((0, context.steps), dtype=np.int64)
    context.budget.spend(len(points.labels) * context.steps)
    if node.extension:
        values, present, histograms = smooth(points.without_stale(), ends, context, node.span)
        return Grid(points.labels, values, present, points.drop_name, histograms).compact(), np.zeros(0, dtype=np.int64)
    starts = ends - context.options.lookback_ms
    windows = Range(points, starts, ends, context.options.lookback_ms, node.span)
    made = [_newest(block) for block in windows.blocks()]
    return stack([grid for grid, _ in made]), np.concatenate([times for _, times in made])


def _newest(window: Range) -> tuple[Grid, Ints]:
    points, (lo, hi) = window.points, window.bounds
    if not len(points.times):
        return empty_grid(lo.shape[1]), np.zeros((0, lo.shape[1]), dtype=np.int64)
    present = hi > lo
    place = np.where(present, hi - 1, 0)
    if points.stale is not None:
        present &= ~points.stale[place]
    histograms = None if points.histograms is None else points.histograms[place]
    grid = Grid(points.labels, points.values[place], present, points.drop_name, histograms)
    kept = present.any(axis=1)
    return grid.compact(), points.times[place][kept]


def _range(node: Matrix, context: Context) -> Range:
    points = context.points[id(node.selector)]
    assert isinstance(points, Points)
    points = points.without_stale()
    return _windows(points, _moments(node.selector, context), node.range.ms, node)


def _windows(points: Points, ends: Ints, length_ms: int, node: Matrix | Subquery) -> Range:
    starts = ends - length_ms
    return Range(points, starts, ends, length_ms, node.span)


def _subquery(node: Subquery, context: Context) -> Range:
    ends = _moments(node, context)
    times = subquery_times(node, int(ends[0]), int(ends[-1]), context.options)
    inner = replace(context, times=times, step_ms=int(times[1] - times[0]) if len(times) > 1 else context.step_ms)
    grid = evaluate(node.expr, inner) if len(times) else empty_grid(0)
    points = points_of(grid, times)
    if points.histograms is not None:  # between its steps there may have been a reset
        unsure = [h if h is None or h.hint == Hint.GAUGE else h.with_hint(Hint.UNKNOWN) for h in points.histograms]
        points = replace(points, histograms=object_array(unsure))
    return _windows(points, ends, node.range.ms, node)


__all__ = ["Answer", "Options", "Series", "query_instant", "query_range"]
