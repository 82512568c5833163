"""Aggregations: sums and the like over groups of series, selections within groups, counts of values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xxhash

from traceo.errors import QueryError
from traceo.query.promql import kernels
from traceo.query.promql.ast import Aggregate
from traceo.query.promql.context import Context
from traceo.query.promql.histogram import Histogram, IncompatibleSchemas, align
from traceo.query.promql.histogram_stats import combine
from traceo.query.promql.numbers import format_float, format_short
from traceo.query.promql.quoting import quote
from traceo.query.promql.selectors import is_label_name
from traceo.query.promql.values import (
    METADATA,
    Bools,
    Floats,
    Grid,
    Ints,
    Labels,
    distinct_labels,
    empty_grid,
    group_rows,
    key_of,
)
from traceo.query.promql.windows import BLOCK

FLOATS_ONLY = frozenset(("min", "max", "stddev", "stdvar", "quantile", "topk", "bottomk"))
MAX_INT = float(1 << 63)
KERNELS: dict[str, Callable[[Floats, Ints, Ints], Floats]] = {
    "sum": kernels.sums,
    "avg": kernels.means,
    "stdvar": kernels.variances,
    "stddev": lambda values, lo, hi: np.sqrt(kernels.variances(values, lo, hi)),
}


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows in order of their group; group g begins at `starts[g]` of `order`."""

    labels: list[Labels]
    order: Ints
    starts: Ints
    of_row: Ints
    drop_name: Bools


def aggregate(node: Aggregate, grid: Grid, param: Any, context: Context) -> Grid:
    """The aggregation of a grid. `param`: a scalar at every step, or count_values' label. Raises QueryError."""
    if param is not None:
        param = _check_param(node, param, context)
    if node.op in FLOATS_ONLY and grid.histograms is not None:
        if grid.is_histogram.any():
            context.notes.info(f"ignored histogram in {node.op} aggregation", node.expr.span)
        grid = grid.floats()
    grid = grid.compact()
    if not grid.labels:
        return empty_grid(context.steps)
    if node.op == "count_values":
        return _count_values(node, grid, param)
    groups = _groups(node, grid)
    if node.op in ("topk", "bottomk", "limitk", "limit_ratio"):
        return replace(grid, present=grid.present & _selected(node.op, grid, groups, param)).compact()
    if node.op in ("sum", "avg") and grid.histograms is not None:
        return _with_histograms(node, grid, groups, context)
    values, present = _reduce(node.op, grid, groups, param)
    return Grid(groups.labels, values, present, groups.drop_name)


def _check_param(node: Aggregate, param: Any, context: Context) -> Any:
    assert node.param is not None
    if node.op == "count_values":
        if not is_label_name(param):
            raise QueryError(f"invalid label name {quote(param)}")
    elif node.op == "quantile":
        for share in np.unique(param):
            context.notes.check_quantile(float(share), node.param.span)
    elif np.isnan(param).any():
        raise QueryError("Ratio value is NaN" if node.op == "limit_ratio" else "Parameter value is NaN")
    elif node.op == "limit_ratio":
        for ratio in np.unique(param[np.abs(param) > 1]):
            capped = format_short(float(np.sign(ratio)))
            message = f"ratio value should be between -1 and 1, got {format_short(float(ratio))}, capping to {capped}"
            context.notes.warn(message, node.param.span)
    elif (np.abs(param) >= MAX_INT).any():
        worst = format_short(float(param[np.abs(param) >= MAX_INT][0]))
        side = "overflows" if worst[0] != "-" else "underflows"
        raise QueryError(f"Scalar value {worst} {side} int64")
    return param


def _group_labels(node: Aggregate, labels: Labels) -> Labels:
    if node.without:
        return {name: value for name, value in labels.items() if name not in node.grouping and name != "__name__"}
    return {name: labels[name] for name in node.grouping if labels.get(name)}


def _groups(node: Aggregate, grid: Grid) -> Groups:
    keys: list[Hashable]
    labels_of_row, rows = distinct_labels(grid.labels)
    distinct = [grid.labels[row] for row in rows]
    if node.without:
        keys = [key_of(_group_labels(node, labels)) for labels in distinct]
    else:
        keys = [tuple(labels.get(name, "") for name in node.grouping) for labels in distinct]
    of_labels, firsts = group_rows(keys)
    of_row, firsts = of_labels[labels_of_row], rows[firsts]
    order = np.argsort(of_row, kind="stable")
    starts = np.searchsorted(of_row[order], np.arange(len(firsts)))
    drop = np.logical_or.reduceat(grid.drop_name[order], starts)
    return Groups([_group_labels(node, grid.labels[row]) for row in firsts], order, starts, of_row, drop)


def _reduce(op: str, grid: Grid, groups: Groups, param: Any) -> tuple[Floats, Bools]:
    """(groups x steps): the value of floats, and where there is one. In portions of groups that fit into the cache."""
    portions = groups.starts * grid.present.shape[1] // BLOCK
    edges = [0, *(np.flatnonzero(np.diff(portions)) + 1).tolist(), len(groups.starts)]
    bounds = np.append(groups.starts, len(groups.order))
    made = [
        _reduce_some(op, grid, groups.order[bounds[some] : bounds[end]], bounds[some:end] - bounds[some], param)
        for some, end in itertools.pairwise(edges)
    ]
    values, present = zip(*made, strict=True)
    return np.concatenate(values), np.concatenate(present)


def _reduce_some(op: str, grid: Grid, rows: Ints, starts: Ints, param: Any) -> tuple[Floats, Bools]:
    """The groups of these rows, which begin at `starts`."""
    present = grid.present[rows]
    counts = np.add.reduceat(present, starts, axis=0, dtype=np.int64)
    if op in ("count", "group"):
        return np.minimum(counts, 1.0 if op == "group" else np.inf), counts > 0
    values = grid.values[rows]
    if op in ("min", "max"):
        function = np.fmin if op == "min" else np.fmax
        return function.reduceat(np.where(present, values, np.nan), starts, axis=0), counts > 0
    if op in ("sum", "avg") and (quick := _quick_sums(values, present, starts)) is not None:
        return (quick if op == "sum" else quick / np.maximum(counts, 1)), counts > 0
    hi = np.cumsum(counts.T.ravel())
    lo = hi - counts.T.ravel()
    flat = values.T[present.T]
    with np.errstate(all="ignore"):
        if op == "quantile":
            reduced = kernels.quantiles(np.repeat(param, len(starts)), flat, lo, hi)
        else:
            reduced = KERNELS[op](flat, lo, hi)
    return reduced.reshape(counts.T.shape).T, counts > 0


def _quick_sums(values: Floats, present: Bools, starts: Ints) -> Floats | None:
    """Plain sums, where they are as exact as compensated ones; otherwise None."""
    cells = values if present.all() else np.where(present, values, 0.0)
    if not np.isfinite(cells).all():
        return None
    with np.errstate(over="ignore"):
        totals = np.add.reduceat(cells, starts, axis=0)
        if not np.isfinite(totals).all():
            return None
        if cells.min() >= 0:
            return totals
        sizes = np.add.reduceat(np.abs(cells), starts, axis=0)
    return totals if (sizes <= kernels.SAFE_CANCELLATION * np.abs(totals)).all() else None


def _with_histograms(node: Aggregate, grid: Grid, groups: Groups, context: Context) -> Grid:
    """sum and avg where some cells are histograms: groups of both kinds at a step have no result."""
    floats = grid.floats()
    values, present = _reduce(node.op, floats, groups, None)
    are = grid.is_histogram
    counts = np.add.reduceat(are[groups.order], groups.starts, axis=0, dtype=np.int64)
    histograms = np.full(values.shape, None)
    if (present & (counts > 0)).any():
        context.notes.warn("encountered a mix of histograms and floats for aggregation", node.expr.span)
    for group, step in zip(*np.nonzero(counts), strict=True):
        if present[group, step]:
            present[group, step] = False
            continue
        rows = np.flatnonzero((groups.of_row == group) & are[:, step])
        assert grid.histograms is not None
        metric = grid.labels[rows[0]].get("__name__", "")
        made = _combine(list(grid.histograms[rows, step]), node, metric, context)
        histograms[group, step], present[group, step] = made, made is not None
    return Grid(groups.labels, values, present, groups.drop_name, histograms).compact()


def _combine(found: list[Histogram], node: Aggregate, metric: str, context: Context) -> Histogram | None:
    span = node.expr.span
    try:
        aligned = align(found)
    except IncompatibleSchemas:
        context.notes.mixed_schemas(span, metric)
        return None
    if aligned.reconciled:
        context.notes.reconciled("aggregation", span)
    if aligned.collision:
        context.notes.collision("aggregation", span)
    return combine(aligned, average=node.op == "avg").compact()


def _selected(op: str, grid: Grid, groups: Groups, param: Floats) -> Bools:
    """Which cells topk, bottomk, limitk or limit_ratio keep."""
    if op == "limit_ratio":
        return _sampled(grid, param)
    limits = np.trunc(param)
    if op == "limitk":
        inside = grid.present[groups.order]
        seen = np.cumsum(inside, axis=0)
        before = np.where(groups.starts[:, None] > 0, seen[np.maximum(groups.starts - 1, 0)], 0)
        kept = np.zeros_like(grid.present)
        kept[groups.order] = seen - before[groups.of_row[groups.order]] <= limits
        return kept
    keys = grid.values if op == "bottomk" else -grid.values
    keys = np.minimum(keys, np.finfo(float).max)  # NaN comes after all numbers, and nothing after that
    keys = np.where(grid.present, np.where(np.isnan(keys), np.inf, keys), np.nan)
    order = np.argsort(keys, axis=0, kind="stable")
    if len(groups.starts) > 1:
        by_group = np.argsort(groups.of_row[order], axis=0, kind="stable")
        order = np.take_along_axis(order, by_group, axis=0)
    ranks = np.zeros(order.shape, dtype=np.int64)
    places = np.broadcast_to(np.arange(len(order))[:, None], order.shape)
    np.put_along_axis(ranks, order, places, axis=0)
    return np.asarray(ranks - groups.starts[groups.of_row][:, None] < limits)


def sort_selected(op: str, node: Aggregate, grid: Grid) -> Grid:
    """topk and bottomk of one step: group by group, best first."""
    groups = _groups(node, grid) if grid.labels else None
    if groups is None:
        return grid
    keys = grid.values[:, 0] if op == "bottomk" else -grid.values[:, 0]
    return grid.rows(np.lexsort((keys, groups.of_row)))


def _sampled(grid: Grid, ratios: Floats) -> Bools:
    """The same series for the same ratio, always, and those of Prometheus; `r` and `-(1 - r)` divide them."""
    named = zip(grid.labels, grid.drop_name.tolist(), strict=True)
    places = np.array([_place(labels, METADATA if drop else ()) for labels, drop in named])[:, None]
    return np.where(ratios >= 0, places < ratios, places >= 1.0 + ratios)


def _place(labels: Labels, without: Sequence[str]) -> float:
    """Between 0 and 1: xxHash64 of the labels as Prometheus holds them (its build tag `stringlabels`, the default)."""
    pairs = sorted((_bytes(name), _bytes(value)) for name, value in labels.items() if name not in without)
    return xxhash.xxh64_intdigest(b"".join(_sized(text) for pair in pairs for text in pair)) / 2**64


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _sized(text: bytes) -> bytes:
    """After its length: a byte, or 255 and three bytes."""
    size = len(text)
    return (bytes([size]) if size < 255 else b"\xff" + size.to_bytes(3, "little")) + text


def _count_values(node: Aggregate, grid: Grid, label: str) -> Grid:
    """A series for each group and value, which is the label's text: how many had it."""
    texts = np.full(grid.present.shape, None)
    unique, which = np.unique(grid.values, return_inverse=True)
    texts[...] = np.array([format_float(float(value)) for value in unique], dtype=object)[which].reshape(texts.shape)
    if grid.histograms is not None:
        for cell in zip(*np.nonzero(grid.is_histogram), strict=True):
            texts[cell] = grid.histograms[cell].text()
    made: dict[Hashable, int] = {}
    labels: list[Labels] = []
    by = replace(node, grouping=node.grouping if node.without else (*node.grouping, label))
    rows, steps = np.nonzero(grid.present)
    found = np.empty(len(rows), dtype=np.int64)
    for place, (row, step) in enumerate(zip(rows.tolist(), steps.tolist(), strict=True)):
        key = (row, texts[row, step])
        if key not in made:
            group = _group_labels(by, {**grid.labels[row], label: texts[row, step]})
            number = made.setdefault(key_of(group), len(labels))
            if number == len(labels):
                labels.append(group)
            made[key] = number
        found[place] = made[key]
    counts = np.zeros((len(labels), grid.present.shape[1]))
    np.add.at(counts, (found, steps), 1.0)
    return Grid(labels, counts, counts > 0, np.zeros(len(labels), dtype=bool))
