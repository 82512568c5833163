"""Numbers over runs: run w is `values[lo[w]:hi[w]]`. Vectorised over the runs; formulas as Prometheus has them.

Where Prometheus adds with compensation (Kahan, Neumaier), so does this, unless plain addition is as exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from traceo.query.promql.values import Bools, Floats, Ints

SAFE_CANCELLATION = 100.0  # plain sums of less than this are exact to 1e-9 for ten thousands of terms
CHUNK = 1 << 22


def positions(lo: Ints, hi: Ints) -> Iterator[tuple[Ints, Ints]]:
    """For k = 0, 1, ...: the runs that have a k-th value, and where it is."""
    lengths = hi - lo
    order = np.argsort(-lengths, kind="stable")
    ascending = lengths[order][::-1]
    for k in range(int(lengths.max(initial=0))):
        runs = order[: len(order) - int(np.searchsorted(ascending, k, side="right"))]
        yield runs, lo[runs] + k


def add_compensated(term: Floats, total: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """One step of Neumaier's summation: the new total and its compensation (Prometheus' `kahansum.Inc`)."""
    new = total + term
    larger = np.abs(total) >= np.abs(term)
    lost = np.where(larger, (total - new) + term, (term - new) + total)
    return new, np.where(np.isinf(new), 0.0, rest + lost)


def reduce_runs(function: np.ufunc, values: Floats, lo: Ints, hi: Ints) -> Floats:
    """`function` over each run; 0 for an empty one."""
    result = np.zeros(len(lo))
    filled = hi > lo
    if filled.any():
        padded = np.append(values, 0.0)
        edges = np.column_stack([lo[filled], hi[filled]]).ravel()
        result[filled] = function.reduceat(padded, edges)[::2]
    return result


def sums(values: Floats, lo: Ints, hi: Ints) -> Floats:
    """Sum of each run."""
    if np.isfinite(values).all():
        plain = reduce_runs(np.add, values, lo, hi)
        if len(values) == 0 or values.min() >= 0:
            return plain
        if (reduce_runs(np.add, np.abs(values), lo, hi) <= SAFE_CANCELLATION * np.abs(plain)).all():
            return plain
    total, rest = np.zeros(len(lo)), np.zeros(len(lo))
    for runs, places in positions(lo, hi):
        total[runs], rest[runs] = add_compensated(values[places], total[runs], rest[runs])
    return np.where(np.isinf(total), total, total + rest)


def means(values: Floats, lo: Ints, hi: Ints) -> Floats:
    """Mean of each run; of one that would overflow, step by step. Empty runs: NaN."""
    counts = (hi - lo).astype(np.float64)
    total = sums(values, lo, hi)
    safe = np.isfinite(total)
    result = np.where(safe, total / counts, np.nan)
    for run in np.flatnonzero(~safe & (counts > 0)):
        result[run] = mean_of(values[lo[run] : hi[run]])
    return result


def mean_of(run: Floats) -> float:
    """Mean of values of which the sum may overflow."""
    total, rest, mean, stepwise = run[:1], np.zeros(1), np.zeros(1), False
    for number, value in enumerate(run[1:, None], start=2):
        if not stepwise:
            new, lost = add_compensated(value, total, rest)
            if not np.isinf(new[0]):
                total, rest = new, lost
                continue
            stepwise = True
            mean, rest = total / (number - 1), rest / (number - 1)
        share = (number - 1) / number
        mean, rest = add_compensated(value / number, share * mean, share * rest)
    return float((mean + rest if stepwise else total / len(run) + rest / len(run))[0])


def variances(values: Floats, lo: Ints, hi: Ints) -> Floats:
    """Population variance of each run, by Welford's method with compensation."""
    count = np.zeros(len(lo))
    mean, mean_rest, squares, squares_rest = (np.zeros(len(lo)) for _ in range(4))
    for runs, places in positions(lo, hi):
        value = values[places]
        count[runs] += 1
        delta = value - (mean[runs] + mean_rest[runs])
        mean[runs], mean_rest[runs] = add_compensated(delta / count[runs], mean[runs], mean_rest[runs])
        after = delta * (value - (mean[runs] + mean_rest[runs]))
        squares[runs], squares_rest[runs] = add_compensated(after, squares[runs], squares_rest[runs])
    return (squares + squares_rest) / count


def minima(values: Floats, lo: Ints, hi: Ints) -> Floats:
    """Smallest of each run; NaN only where there is nothing else."""
    return reduce_runs(np.fmin, values, lo, hi)


def maxima(values: Floats, lo: Ints, hi: Ints) -> Floats:
    """Largest of each run; NaN only where there is nothing else."""
    return reduce_runs(np.fmax, values, lo, hi)


def quantiles(shares: Floats, values: Floats, lo: Ints, hi: Ints) -> Floats:
    """The `shares[w]`-quantile of each run, NaN being smallest; -Inf and +Inf for shares below 0 and above 1."""
    result = np.full(len(lo), np.nan)
    for runs, matrix, lengths in sorted_runs(values, lo, hi):
        share = shares[runs]
        rank = np.clip(np.nan_to_num(share, nan=0.0), 0, 1) * (lengths - 1)
        lower = np.floor(rank).astype(np.int64)
        upper = np.minimum(lower + 1, lengths - 1)
        weight = rank - np.floor(rank)
        row = np.arange(len(runs))
        result[runs] = matrix[row, lower] * (1 - weight) + matrix[row, upper] * weight
    result = np.where(shares < 0, -np.inf, np.where(shares > 1, np.inf, result))
    return np.where(np.isnan(shares), np.nan, result)


def deviations(values: Floats, lo: Ints, hi: Ints) -> Floats:
    """Median absolute deviation of each run; NaN where a value is."""
    median = quantiles(np.full(len(lo), 0.5), values, lo, hi)
    lengths = hi - lo
    flat = np.repeat(lo - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(int(lengths.sum()))
    distances = np.abs(values[flat] - np.repeat(median, lengths))
    ends = np.cumsum(lengths)
    result = quantiles(np.full(len(lo), 0.5), distances, ends - lengths, ends)
    broken = reduce_runs(np.add, np.isnan(values).astype(np.float64), lo, hi) > 0
    return np.where(broken, np.nan, result)


def sorted_runs(values: Floats, lo: Ints, hi: Ints) -> Iterator[tuple[Ints, Floats, Ints]]:
    """Runs as rows of a matrix, sorted with NaN first: (runs, matrix, lengths), in portions of bounded size."""
    lengths = hi - lo
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    at = 0
    while at < len(order):
        portion = max(1, CHUNK // int(lengths[order[min(len(order) - 1, at + 4096)]]))
        runs = order[at : at + min(portion, 4096)]
        at += len(runs)
        width = int(lengths[runs[-1]])
        places = lo[runs][:, None] + np.arange(width)
        inside = np.arange(width) < lengths[runs][:, None]
        matrix = np.where(inside, values[np.minimum(places, len(values) - 1)], np.inf)
        missing = np.isnan(matrix)
        matrix[missing] = -np.inf
        matrix.sort(axis=1)
        nans = missing.sum(axis=1)
        matrix[np.arange(width) < nans[:, None]] = np.nan
        yield runs, matrix, lengths[runs]


def any_in_runs(flags: Bools, lo: Ints, hi: Ints) -> Bools:
    """Whether a flag is set in each run."""
    before = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(before[hi] > before[lo])
