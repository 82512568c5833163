"""Functions over the floats of range vectors: counts, sums, extremes, regressions. Formulas as in Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from traceo.errors import QueryError
from traceo.query.promql import kernels
from traceo.query.promql.ast import Call
from traceo.query.promql.context import Context
from traceo.query.promql.values import Floats, Grid, Ints
from traceo.query.promql.windows import Range

Kernel = Callable[[Floats, Ints, Ints], Floats]


def flat_bounds(window: Range) -> tuple[Ints, Ints]:
    """All windows in one row."""
    return window.lo.ravel(), window.hi.ravel()


def warn_ignored(window: Range, context: Context) -> None:
    """Tells of windows that hold both floats and histograms, where a function looks at floats only."""
    counts = window.histogram_counts
    if counts is not None:
        mixed = ((counts > 0) & (counts < window.counts)).any(axis=1)
        for row in np.flatnonzero(mixed):
            context.notes.ignored(window.span, window.metric(row))


def over_floats(kernel: Kernel) -> Callable[[Sequence[Any], Call, Context], Grid]:
    """A function that a kernel computes from the floats of each window; histograms are ignored."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        window: Range = arguments[0]
        warn_ignored(window, context)
        floats = window.floats
        with np.errstate(all="ignore"):
            values = kernel(floats.points.values, *flat_bounds(floats)).reshape(floats.lo.shape)
        return floats.grid(values, floats.counts > 0)

    return function


def count_over_time(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """How many points, floats or not."""
    window: Range = arguments[0]
    return window.grid(window.counts.astype(np.float64), window.counts > 0)


def present_over_time(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """1 where there are points."""
    window: Range = arguments[0]
    return window.grid(np.ones(window.lo.shape), window.counts > 0)


def _pick(window: Range, places: Ints) -> Grid:
    """The points at these places, with their names."""
    there = window.counts > 0
    safe = np.where(there, places, 0)
    if not len(window.points.times):
        return window.grid(np.zeros(safe.shape), there)
    histograms = None if window.points.histograms is None else window.points.histograms[safe]
    return window.grid(window.points.values[safe], there, histograms, keep_name=True)


def last_over_time(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """The newest point."""
    return _pick(arguments[0], arguments[0].hi - 1)


def first_over_time(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """The oldest point."""
    return _pick(arguments[0], arguments[0].lo)


def _time_at(window: Range, places: Ints) -> Grid:
    there = window.counts > 0
    times = np.append(window.points.times, 0)
    return window.grid(times[np.where(there, places, -1)] / 1000, there)


def ts_of_last_over_time(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """When the newest point was."""
    return _time_at(arguments[0], arguments[0].hi - 1)


def ts_of_first_over_time(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """When the oldest point was."""
    return _time_at(arguments[0], arguments[0].lo)


def ts_of_extreme(better: Callable[[Floats, Floats], Any]) -> Callable[[Sequence[Any], Call, Context], Grid]:
    """When the last of the largest, or smallest, floats was."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        warn_ignored(arguments[0], context)
        window: Range = arguments[0].floats
        lo, hi = flat_bounds(window)
        best, where = np.full(len(lo), np.nan), lo.copy()
        for runs, places in kernels.positions(lo, hi):
            value = window.points.values[places]
            takes = better(value, best[runs]) | np.isnan(best[runs])
            best[runs] = np.where(takes, value, best[runs])
            where[runs] = np.where(takes, places, where[runs])
        return _time_at(window, where.reshape(window.lo.shape))

    return function


def quantile_over_time(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """A quantile of the floats, perhaps another one at each step."""
    shares: Floats = arguments[0]
    for share in np.unique(shares):
        context.notes.check_quantile(float(share), call.args[0].span)
    warn_ignored(arguments[1], context)
    window: Range = arguments[1].floats
    spread = np.broadcast_to(shares, window.lo.shape).ravel()
    values = kernels.quantiles(spread, window.points.values, *flat_bounds(window))
    return window.grid(values.reshape(window.lo.shape), window.counts > 0)


def deriv(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Slope of the line through the floats, per second."""
    warn_ignored(arguments[0], context)
    window: Range = arguments[0].floats
    lo, hi = flat_bounds(window)
    origin = np.append(window.points.times, 0)[np.minimum(lo, len(window.points.times))]
    slope, _ = _regression(window, lo, hi, origin)
    return window.grid(slope.reshape(window.lo.shape), window.counts > 1)


def predict_linear(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Where that line is some seconds after the step."""
    warn_ignored(arguments[0], context)
    window: Range = arguments[0].floats
    lo, hi = flat_bounds(window)
    origin = np.broadcast_to(context.times, window.lo.shape).ravel()
    slope, intercept = _regression(window, lo, hi, origin)
    later = np.broadcast_to(arguments[1], window.lo.shape).ravel()
    return window.grid((slope * later + intercept).reshape(window.lo.shape), window.counts > 1)


def _regression(window: Range, lo: Ints, hi: Ints, origin: Ints) -> tuple[Floats, Floats]:
    """Slope and intercept at `origin` (ms) of each run, by least squares."""
    times, values = window.points.times, window.points.values
    sums = {name: np.zeros((2, len(lo))) for name in ("x", "y", "xy", "xx")}
    first = np.append(values, 0.0)[np.minimum(lo, len(values))]
    constant = np.ones(len(lo), dtype=bool)
    with np.errstate(all="ignore"):
        for runs, places in kernels.positions(lo, hi):
            x, y = (times[places] - origin[runs]) / 1000, values[places]
            constant[runs] &= y == first[runs]
            for name, term in (("x", x), ("y", y), ("xy", x * y), ("xx", x * x)):
                sums[name][:, runs] = kernels.add_compensated(term, *sums[name][:, runs])
        x, y, xy, xx = (sums[name].sum(axis=0) for name in ("x", "y", "xy", "xx"))
        count = (hi - lo).astype(np.float64)
        slope = (xy - x * y / count) / (xx - x * x / count)
        intercept = y / count - slope * x / count
        flat = np.where(np.isinf(first), np.nan, 0.0)
        return np.where(constant, flat, slope), np.where(constant, first + flat, intercept)


def double_exponential_smoothing(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Holt's linear method: smoothed value and trend."""
    smoothing, trend = arguments[1], arguments[2]
    used = (arguments[0].counts > 0).any(axis=0)
    for name, factors in (("smoothing", smoothing), ("trend", trend)):
        wrong = factors[used & ~((factors > 0) & (factors < 1))]
        if len(wrong):
            letter = name[0]
            raise QueryError(f"invalid {name} factor. Expected: 0 < {letter}f < 1, got: {wrong[0]:f}")
    warn_ignored(arguments[0], context)
    window: Range = arguments[0].floats
    lo, hi = flat_bounds(window)
    values = window.points.values
    sf, tf = (np.broadcast_to(factor, window.lo.shape).ravel() for factor in (smoothing, trend))
    before, now, slope = (np.zeros(len(lo)) for _ in range(3))
    for k, (runs, places) in enumerate(kernels.positions(lo, hi)):
        value = values[places]
        if k == 0:
            now[runs] = value
            continue
        if k == 1:
            slope[runs] = value - now[runs]
        else:
            slope[runs] = tf[runs] * (now[runs] - before[runs]) + (1 - tf[runs]) * slope[runs]
        smoothed = sf[runs] * value + (1 - sf[runs]) * (now[runs] + slope[runs])
        before[runs], now[runs] = now[runs], smoothed
    return window.grid(now.reshape(window.lo.shape), window.counts > 1)


FUNCTIONS: dict[str, Callable[[Sequence[Any], Call, Context], Grid]] = {
    "count_over_time": count_over_time,
    "present_over_time": present_over_time,
    "last_over_time": last_over_time,
    "first_over_time": first_over_time,
    "ts_of_last_over_time": ts_of_last_over_time,
    "ts_of_first_over_time": ts_of_first_over_time,
    "ts_of_max_over_time": ts_of_extreme(np.greater_equal),
    "ts_of_min_over_time": ts_of_extreme(np.less_equal),
    "min_over_time": over_floats(kernels.minima),
    "max_over_time": over_floats(kernels.maxima),
    "stdvar_over_time": over_floats(kernels.variances),
    "stddev_over_time": over_floats(lambda values, lo, hi: np.sqrt(kernels.variances(values, lo, hi))),
    "mad_over_time": over_floats(kernels.deviations),
    "quantile_over_time": quantile_over_time,
    "deriv": deriv,
    "predict_linear": predict_linear,
    "double_exponential_smoothing": double_exponential_smoothing,
}
