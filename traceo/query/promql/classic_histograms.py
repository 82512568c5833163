"""Quantiles and fractions of classic histograms: cumulative buckets, many histograms at once.

A column is one histogram at one step; rows are its buckets, ascending. Formulas: Prometheus' `BucketQuantile`.
"""

from __future__ import annotations

import numpy as np

from traceo.query.promql.values import Bools, Floats

TOLERANCE = 1e-12
MIN_NORMAL = 2.2250738585072014e-308


def merge_bounds(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Buckets with the same bound become one; bounds MUST ascend."""
    unique, starts = np.unique(bounds, return_index=True)
    return unique, counts if len(unique) == len(bounds) else np.add.reduceat(counts, starts, axis=0)


def make_monotonic(counts: Floats) -> tuple[Floats, Bools]:
    """Counts that never fall, and the columns where more than rounding was in the way."""
    fixed, forced = counts.copy(), np.zeros(counts.shape[1], dtype=bool)
    previous = fixed[0].copy()
    for row in range(1, len(fixed)):
        current = fixed[row]
        nearly = _almost_equal(previous, current)
        falls = ~nearly & (current < previous)
        forced |= falls
        fixed[row] = np.where(nearly | falls, previous, current)
        previous = fixed[row].copy()
    return fixed, forced


def _almost_equal(one: Floats, other: Floats) -> Bools:
    total = np.abs(one) + np.abs(other)
    distance = np.abs(one - other)
    tiny = (one == 0) | (other == 0) | (total < MIN_NORMAL)
    with np.errstate(all="ignore"):
        near = np.where(
            tiny, distance < TOLERANCE * MIN_NORMAL, distance / np.minimum(total, np.finfo(float).max) < TOLERANCE
        )
    return np.asarray((one == other) | near)


def quantiles(shares: Floats, bounds: Floats, counts: Floats) -> tuple[Floats, Bools]:
    """The quantile of each column, and where counts had to be corrected. `shares` has one for each column."""
    columns = counts.shape[1]
    outside = np.where(shares < 0, -np.inf, np.where(shares > 1, np.inf, np.nan))
    nothing = np.zeros(columns, dtype=bool)
    if not np.isposinf(bounds[-1]):
        return np.where((shares >= 0) & (shares <= 1), np.nan, outside), nothing
    bounds, counts = merge_bounds(bounds, counts)
    counts, forced = make_monotonic(counts)
    if len(bounds) < 2:
        return outside, forced
    total = counts[-1]
    with np.errstate(all="ignore"):
        rank = shares * total
        found = (counts[:-1] < rank).sum(axis=0)
        below = np.maximum(found - 1, 0)
        column = np.arange(columns)
        before = np.where(found > 0, counts[below, column], 0.0)
        start = np.where(found > 0, bounds[below], 0.0)
        end = bounds[np.minimum(found, len(bounds) - 1)]
        inside = counts[np.minimum(found, len(bounds) - 1), column] - before
        value = start + (end - start) * ((rank - before) / inside)
    value = np.where((found == 0) & (bounds[0] <= 0), bounds[0], value)
    value = np.where(found == len(bounds) - 1, bounds[-2], value)
    value = np.where(total == 0, np.nan, value)
    return np.where((shares >= 0) & (shares <= 1), value, outside), forced & (shares >= 0) & (shares <= 1)


def fractions(low: Floats, high: Floats, bounds: Floats, counts: Floats) -> Floats:
    """The share of observations between two bounds, for each column."""
    if not np.isposinf(bounds[-1]):
        return np.full(counts.shape[1], np.nan)
    bounds, counts = merge_bounds(bounds, counts)
    counts, _ = make_monotonic(counts)
    total = counts[-1]
    with np.errstate(all="ignore"):
        share = (_ranks(high, bounds, counts) - _ranks(low, bounds, counts)) / total
    share = np.where(low >= high, 0.0, share)
    return np.where((total == 0) | np.isnan(low) | np.isnan(high), np.nan, share)


def _ranks(limits: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Observations below a limit; in a bucket without end on one side nothing is interpolated."""
    first = 0.0 if bounds[0] > 0 else -np.inf
    starts = np.concatenate([[first], bounds[:-1]])
    column = np.arange(counts.shape[1])
    place = np.minimum(np.searchsorted(bounds, limits, side="left"), len(bounds) - 1)
    before = np.where(place > 0, counts[np.maximum(place - 1, 0), column], 0.0)
    start, end, here = starts[place], bounds[place], counts[place, column]
    with np.errstate(all="ignore"):
        share = np.clip((limits - start) / (end - start), 0, 1)
    share = np.where(np.isneginf(start), np.where(np.isneginf(limits), 0.0, 1.0), share)
    share = np.where(np.isposinf(end), np.where(np.isposinf(limits), 1.0, 0.0), share)
    return before + (here - before) * share
