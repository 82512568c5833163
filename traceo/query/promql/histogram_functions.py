"""Functions over histograms, native and classic: counts, sums, spread, quantiles, fractions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from traceo.query.promql import classic_histograms
from traceo.query.promql.annotations import MONOTONICITY
from traceo.query.promql.ast import Call, Span
from traceo.query.promql.context import Context
from traceo.query.promql.histogram import Histogram
from traceo.query.promql.histogram_stats import fraction, quantile, variance
from traceo.query.promql.numbers import format_float
from traceo.query.promql.quoting import quote
from traceo.query.promql.values import Floats, Grid, Labels, empty_grid, key_of, stack


def of_native(compute: Callable[[Histogram], float]) -> Callable[[Sequence[Any], Call, Context], Grid]:
    """A number for each native histogram; floats are left out."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        grid: Grid = arguments[0]
        values, present = np.zeros(grid.present.shape), grid.is_histogram
        if grid.histograms is not None:
            for cell in zip(*np.nonzero(present), strict=True):
                values[cell] = compute(grid.histograms[cell])
        return Grid(grid.labels, values, present, np.ones(len(grid.labels), dtype=bool)).compact()

    return function


def _average(h: Histogram) -> float:
    with np.errstate(all="ignore"):
        return float(np.float64(h.sum) / np.float64(h.count))


@dataclass(slots=True)
class Classic:
    """Classic histograms: rows of buckets that differ in `le` only."""

    labels: Labels
    bounds: list[float]
    rows: list[int]


def _classics(grid: Grid, context: Context, span: Span) -> list[Classic]:
    """Series with a bucket's bound, by histogram. Those without are warned of."""
    found: dict[Any, Classic] = {}
    has_floats = np.asarray((grid.present & ~grid.is_histogram).any(axis=1))
    for row, labels in enumerate(grid.labels):
        if not has_floats[row]:
            continue
        bound = _bound(labels.get("le", ""))
        if bound is None:
            label = quote(labels.get("le", ""))
            message = f'bucket label "le" is missing or has a malformed value of {label}'
            context.notes.warn(message, span, labels.get("__name__", ""))
            continue
        rest = {name: value for name, value in labels.items() if name != "le"}
        key = (key_of(rest), bool(grid.drop_name[row]))
        classic = found.setdefault(key, Classic(rest, [], []))
        classic.bounds.append(bound)
        classic.rows.append(row)
    return list(found.values())


def _bound(text: str) -> float | None:
    try:
        return float(text) if text and "_" not in text and text == text.strip() else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Batch:
    """Histograms with the same bounds present: counts (buckets x columns)."""

    bounds: Floats
    counts: Floats
    owners: np.ndarray[Any, np.dtype[np.int64]]
    steps: np.ndarray[Any, np.dtype[np.int64]]


def _batches(grid: Grid, classics: list[Classic]) -> Iterator[Batch]:
    """Columns of all histograms, those together that have the same buckets."""
    alike: dict[tuple[float, ...], list[int]] = defaultdict(list)
    orders = []
    for number, classic in enumerate(classics):
        order = np.argsort(classic.bounds, kind="stable")
        orders.append(np.array(classic.rows)[order])
        alike[tuple(np.array(classic.bounds)[order])].append(number)
    floats = grid.present & ~grid.is_histogram
    for bounds, numbers in alike.items():
        rows = np.stack([orders[number] for number in numbers], axis=1)
        present = floats[rows].reshape(len(bounds), -1)
        counts = grid.values[rows].reshape(len(bounds), -1)
        steps = grid.present.shape[1]
        owners = np.repeat(np.array(numbers), steps)
        patterns, which = np.unique(present, axis=1, return_inverse=True)
        for pattern in range(patterns.shape[1]):
            used, chosen = patterns[:, pattern], np.flatnonzero(which.ravel() == pattern)
            if used.any():
                yield Batch(np.array(bounds)[used], counts[np.ix_(used, chosen)], owners[chosen], chosen % steps)


def _conflicts(grid: Grid, classics: list[Classic], context: Context, span: Span) -> set[tuple[int, int]]:
    """Cells (native row, step) of histograms that are also there as classic ones: neither has a result."""
    if grid.histograms is None:
        return set()
    natives = {key_of(labels): row for row, labels in enumerate(grid.labels)}
    conflicts: set[tuple[int, int]] = set()
    for classic in classics:
        row = natives.get(key_of(classic.labels))
        if row is None:
            continue
        both = grid.is_histogram[row] & grid.present[classic.rows].any(axis=0)
        if both.any():
            context.notes.warn(
                "vector contains a mix of classic and native histograms", span, grid.labels[row].get("__name__", "")
            )
            conflicts.update((row, int(step)) for step in np.flatnonzero(both))
    return conflicts


def _evaluate(
    grid: Grid,
    context: Context,
    span: Span,
    native: Callable[[Histogram, int, str], float],
    classic: Callable[[Batch, list[Classic]], Floats],
) -> Grid:
    """A number for every histogram: `native` for each cell, `classic` for whole batches."""
    classics = _classics(grid, context, span)
    conflicts = _conflicts(grid, classics, context, span)
    steps, rows = context.steps, len(grid.labels)
    values, present = np.zeros((rows + len(classics), steps)), np.zeros((rows + len(classics), steps), dtype=bool)
    if grid.histograms is not None:
        for row, step in zip(*np.nonzero(grid.is_histogram), strict=True):
            if (row, step) not in conflicts:
                values[row, step] = native(grid.histograms[row, step], step, grid.labels[row].get("__name__", ""))
                present[row, step] = True
    for batch in _batches(grid, classics):
        owners = rows + batch.owners
        values[owners, batch.steps], present[owners, batch.steps] = classic(batch, classics), True
    if conflicts:
        _remove(present, grid, classics, conflicts)
    labels = [*grid.labels, *(classic.labels for classic in classics)]
    return Grid(labels, values, present, np.ones(len(labels), dtype=bool)).compact()


def _remove(present: Any, grid: Grid, classics: list[Classic], conflicts: set[tuple[int, int]]) -> None:
    places = {key_of(classic.labels): len(grid.labels) + number for number, classic in enumerate(classics)}
    for row, step in conflicts:
        present[places[key_of(grid.labels[row])], step] = False


def _quantile_grid(grid: Grid, shares: Floats, context: Context, span: Span, share_span: Span) -> Grid:
    for share in np.unique(shares):
        context.notes.check_quantile(float(share), share_span)

    def native(h: Histogram, step: int, metric: str) -> float:
        value, nans = quantile(float(shares[step]), h)
        if nans:
            what = "is NaN" if nans == "NaN" else "is skewed higher"
            message = f"input to histogram_quantile has NaN observations, result {what}"
            context.notes.info(message, span, metric)
        return value

    def classic(batch: Batch, classics: list[Classic]) -> Floats:
        values, forced = classic_histograms.quantiles(shares[batch.steps], batch.bounds, batch.counts)
        for owner in np.unique(batch.owners[forced]):
            metric = classics[owner].labels.get("__name__", "")
            context.notes.info(MONOTONICITY, span, metric)
        return values

    return _evaluate(grid, context, span, native, classic)


def histogram_quantile(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """The value below which a share of observations lies."""
    return _quantile_grid(arguments[1], arguments[0], context, call.args[1].span, call.args[0].span)


def histogram_quantiles(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Several quantiles; a label says which."""
    grid, label, *shares = arguments
    made = []
    for share, node in zip(shares, call.args[2:], strict=True):
        result = _quantile_grid(grid, share, context, call.args[0].span, node.span)
        text = _share_text(float(share[0]))
        labels = [{**{k: v for k, v in row.items() if k != label}, label: text} for row in result.labels]
        made.append(Grid(labels, result.values, result.present, result.drop_name))
    return stack(made) if made else empty_grid(context.steps)


def _share_text(share: float) -> str:
    """As OpenMetrics writes a number: `1.0`, not `1`."""
    text = format_float(share)
    return f"{text}.0" if math.isfinite(share) and "." not in text else text


def histogram_fraction(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """The share of observations between two bounds."""
    low, high, grid = arguments
    span = call.args[2].span

    def native(h: Histogram, step: int, metric: str) -> float:
        if math.isnan(h.sum) and h.count:
            message = "input to histogram_fraction has NaN observations, which are excluded from all fractions"
            context.notes.info(message, span, metric)
        return fraction(float(low[step]), float(high[step]), h)

    def classic(batch: Batch, classics: list[Classic]) -> Floats:
        return classic_histograms.fractions(low[batch.steps], high[batch.steps], batch.bounds, batch.counts)

    return _evaluate(grid, context, span, native, classic)


FUNCTIONS: dict[str, Callable[[Sequence[Any], Call, Context], Grid]] = {
    "histogram_count": of_native(lambda h: h.count),
    "histogram_sum": of_native(lambda h: h.sum),
    "histogram_avg": of_native(_average),
    "histogram_stdvar": of_native(variance),
    "histogram_stddev": of_native(lambda h: math.sqrt(variance(h)) if variance(h) >= 0 else math.nan),
    "histogram_quantile": histogram_quantile,
    "histogram_quantiles": histogram_quantiles,
    "histogram_fraction": histogram_fraction,
}
