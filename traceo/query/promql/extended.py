"""Range selectors that look beyond their window: `anchored` takes the last point before it, `smoothed` interpolates.

No extrapolation: what is asked for is the difference between the window's ends (Prometheus' `extendedRate`).
Native histograms: `extended_histograms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from traceo.errors import QueryError
from traceo.query.promql import kernels
from traceo.query.promql.ast import Call, Span
from traceo.query.promql.context import Context
from traceo.query.promql.extended_histograms import Difference, difference_of_histograms, smooth_histograms
from traceo.query.promql.rates import FUNCTIONS as PLAIN
from traceo.query.promql.values import Bools, Floats, Grid, Ints, Objects, Points
from traceo.query.promql.windows import Range, window_bounds

Function = Callable[[Sequence[Any], Call, Context], Grid]
ALLOWED = {
    "anchored": ("changes", "delta", "increase", "rate", "resets"),
    "smoothed": ("delta", "increase", "rate"),
}


def check_extension(name: str, extension: str) -> None:
    """Not every function knows what to do with them. Raises QueryError."""
    if name not in ALLOWED[extension]:
        raise QueryError(
            f"{extension} modifier can only be used with: {', '.join(ALLOWED[extension])} - not with {name}"
        )


def extended(name: str, smoothed: bool) -> Function:
    """The function of that name over extended windows."""
    if name in ("changes", "resets"):
        return lambda arguments, call, context: PLAIN[name]([_with_point_before(arguments[0], context)], call, context)
    return lambda arguments, call, context: _difference(
        arguments[0], context, smoothed, counter=name != "delta", per_second=name == "rate"
    )


def _reach(window: Range, context: Context) -> tuple[Ints, Ints]:
    """Bounds of the windows with as many points before them as the lookback finds."""
    return window_bounds(window.points, window.starts - context.options.lookback_ms, window.ends)


def _with_point_before(window: Range, context: Context) -> Range:
    lo, hi = window.bounds
    earliest, _ = _reach(window, context)
    widened = np.where((lo > earliest) & (hi > lo), lo - 1, lo)
    return replace(window, known_bounds=(widened, hi))


def _difference(window: Range, context: Context, smoothed: bool, *, counter: bool, per_second: bool) -> Grid:
    """Value at the end less value at the start, and what was lost in resets."""
    if window.points.histograms is None or not window.points.is_histogram.any():
        return window.grid(*_difference_of_floats(window, context, smoothed, counter=counter, per_second=per_second))
    floats = replace(window, points=window.points.where(~window.points.is_histogram), known_bounds=None)
    values, there = _difference_of_floats(floats, context, smoothed, counter=counter, per_second=per_second)
    how = Difference(smoothed, counter, window.length_ms / 1000 if per_second else 0.0)
    earliest, hi = _reach(window, context)
    if smoothed:
        _, hi = window_bounds(window.points, window.starts, window.ends + context.options.lookback_ms)
    found = difference_of_histograms(replace(window, known_bounds=(earliest, hi)), context, how, there)
    return window.grid(values, there, found)


def _difference_of_floats(
    window: Range, context: Context, smoothed: bool, *, counter: bool, per_second: bool
) -> tuple[Floats, Bools]:
    """(series x steps): the difference, and where there is one."""
    points = window.points
    if not len(points.times):
        return np.zeros(window.lo.shape), np.zeros(window.lo.shape, dtype=bool)
    earliest, _ = _reach(window, context)
    _, latest = window_bounds(points, window.starts, window.ends + context.options.lookback_ms)
    lo, hi = (bound.ravel() for bound in window.bounds)
    before, after = lo > earliest.ravel(), latest.ravel() > hi
    starts, ends = (np.broadcast_to(edge, window.lo.shape).ravel() for edge in (window.starts, window.ends))
    there = hi > lo if not smoothed else (hi > lo) | (before & after)
    safe_lo, safe_hi = np.minimum(lo, len(points.times) - 1), np.maximum(hi - 1, 0)
    left = np.where(before, points.values[np.maximum(lo - 1, 0)], points.values[safe_lo])
    right = points.values[safe_hi]
    if smoothed:
        both = before & there & ((lo < hi) | after)
        left = np.where(both, _between(points, lo - 1, starts, counter), left)
        inside = after & there & (safe_hi >= 0) & ((hi > lo) | before)
        right = np.where(inside, _between(points, hi - 1, ends, counter), right)
    gained = right - left
    if counter:
        gained = gained + _lost(points.values, left, right, lo, hi)
    if per_second:
        gained = gained / (window.length_ms / 1000)
    return gained.reshape(window.lo.shape), there.reshape(window.lo.shape)


def _between(points: Points, place: Ints, at: Ints, counter: bool) -> Floats:
    """The value at a moment between a point and the next; a counter that is reset there begins at zero."""
    last = len(points.times) - 1
    one, two = np.clip(place, 0, last), np.clip(place + 1, 0, last)
    y1, y2 = points.values[one], points.values[two]
    if counter:
        y1 = np.where(y2 < y1, 0.0, y1)
    with np.errstate(all="ignore"):
        share = (at - points.times[one]) / (points.times[two] - points.times[one])
        return np.where(two > one, y1 + (y2 - y1) * share, y1)


def _lost(values: Floats, left: Floats, right: Floats, lo: Ints, hi: Ints) -> Floats:
    lost, previous = np.zeros(len(lo)), left.copy()
    for runs, places in kernels.positions(lo, hi):
        value = values[places]
        lost[runs] += np.where(value < previous[runs], previous[runs], 0.0)
        previous[runs] = value
    return lost + np.where(right < previous, previous, 0.0)


def smooth(points: Points, moments: Ints, context: Context, span: Span) -> tuple[Floats, Bools, Objects | None]:
    """(series x steps): values between the points around each moment, where there are any, and histograms."""
    lookback_ms = context.options.lookback_ms
    lo, at = window_bounds(points, moments - lookback_ms, moments)
    _, hi = window_bounds(points, moments, moments + lookback_ms)
    last = max(len(points.times) - 1, 0)
    before, after = at > lo, hi > at
    one = np.clip(at - 1, 0, last)
    value = points.values[one]
    exact = points.times[one] == moments
    middle = _between(points, one, np.broadcast_to(moments, one.shape), False)
    made = np.where(before & after & ~exact, middle, value)
    histograms = None
    if points.histograms is not None:
        around = Range(points, moments - lookback_ms, moments + lookback_ms, 2 * lookback_ms, span, (lo, hi))
        histograms = smooth_histograms(around, at, moments, context, before)
    return made, before, histograms
