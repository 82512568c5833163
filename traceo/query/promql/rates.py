"""Functions over range vectors that look at pairs of points: rates, differences, resets, changes; and sums.

They take floats and native histograms. Floats are computed for all windows at once, histograms window by window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from traceo.query.promql import kernels
from traceo.query.promql.ast import Call
from traceo.query.promql.context import Context
from traceo.query.promql.histogram import Hint, Histogram, IncompatibleSchemas, add, align, is_reset
from traceo.query.promql.histogram_stats import combine
from traceo.query.promql.range_functions import flat_bounds
from traceo.query.promql.values import Bools, Floats, Grid, Objects, distinct_labels
from traceo.query.promql.windows import Range, extend

COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")


def extrapolated(*, counter: bool, per_second: bool) -> Callable[[Sequence[Any], Call, Context], Grid]:
    """rate, increase and delta: the difference, extrapolated to the whole window (Prometheus' `extrapolatedRate`)."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        window: Range = arguments[0]
        floats = window.floats
        if counter:
            _note_gauges(floats, context)
        seconds = window.length_ms / 1000 if per_second else 1.0
        with np.errstate(all="ignore"):
            made = _gained_by_floats(floats, counter, seconds)
        there = floats.spread(floats.reach.there)
        if window.histogram_counts is None:
            return floats.grid(made, there)
        found = compute_histograms(
            window, context, there, lambda row, t: _rate(window, row, t, context, counter, seconds)
        )
        return window.grid(made, there, found)

    return function


def _note_gauges(floats: Range, context: Context) -> None:
    """A counter's name ends in a certain way."""
    used = floats.spread(np.asarray(floats.reach.there.any(axis=1)))
    labels_of_row, rows = distinct_labels(floats.points.labels)
    names = {floats.metric(rows[number]) for number in np.unique(labels_of_row[used])}
    for name in sorted(names):
        if name and not name.endswith(COUNTER_SUFFIXES):
            suffixes = "/".join(COUNTER_SUFFIXES)
            message = f"metric might not be a counter, name does not end in {suffixes}: "
            context.notes.info(f'{message}"{name}"', floats.span)


def _gained_by_floats(floats: Range, counter: bool, seconds: float) -> Floats:
    """(series x steps): the difference over each window, extrapolated. A counter is not followed to below zero."""
    (lo, hi), reach = floats.bounds, floats.reach
    values = floats.points.values if len(floats.points.values) else np.zeros(1)
    first = values.take(lo, mode="clip")
    gained = values.take(hi - 1, mode="clip")
    gained -= first
    factor = floats.spread(reach.factor) / seconds
    if counter:
        _add_lost_in_resets(gained, floats)
        below = (first < floats.spread(reach.room) * gained) & (first >= 0) & (gained > 0)
        if below.any():
            rows, steps = np.nonzero(below)
            place = rows if floats.clocks is None else floats.clocks.of_series[rows], steps
            sampled = reach.sampled[place]
            reached = sampled + sampled * (first[below] / gained[below]) + reach.to_end[place]
            factor[below] = reached / sampled / seconds
    gained *= factor
    return gained


def _add_lost_in_resets(gained: Floats, floats: Range) -> None:
    """What a counter had when it was reset, summed over each window."""
    values = floats.points.values
    dropped = np.append(False, values[1:] < values[:-1])[: len(values)]
    dropped[floats.points.offsets[:-1][np.diff(floats.points.offsets) > 0]] = False  # there another series begins
    if not dropped.any():
        return
    lo, hi = flat_bounds(floats)
    inside = np.flatnonzero((hi > lo + 1) & kernels.any_in_runs(dropped, np.minimum(lo + 1, hi), hi))
    amounts = np.where(dropped, np.append(0.0, values[:-1]), 0.0)
    gained.ravel()[inside] += kernels.reduce_runs(np.add, amounts, lo[inside] + 1, hi[inside])


def factor_of(starts: Any, ends: Any, begin: Any, finish: Any, count: Any, first: Any, gained: Any) -> Any:
    """The extrapolation of one window; times in ms. A counter is not followed to below zero; a gauge has no `first`."""
    sampled, to_start, to_end = extend(starts, ends, begin, finish, count)
    with np.errstate(all="ignore"):
        if first is not None and gained > 0 and first >= 0:
            to_start = np.minimum(to_start, sampled * (first / gained))
        return (sampled + to_start + to_end) / sampled


def compute_histograms(
    window: Range, context: Context, there: Bools, compute: Callable[[int, int], Histogram | None]
) -> Objects:
    """(series x steps): what `compute` makes of each window of histograms, which MUST exist.

    `there`, where floats have a result, is changed to where there is one of either. Mixed windows have none: a warning.
    """
    counts = window.histogram_counts
    assert counts is not None
    histograms = np.full(window.lo.shape, None)
    for row, t in zip(*np.nonzero(counts), strict=True):
        if counts[row, t] < window.counts[row, t]:
            there[row, t] = False
            context.notes.mixed(window.span, window.metric(row))
            continue
        histograms[row, t] = compute(row, t)
        there[row, t] = histograms[row, t] is not None
    return histograms


def _run(window: Range, row: int, t: int) -> list[Histogram]:
    assert window.points.histograms is not None
    return list(window.points.histograms[window.lo[row, t] : window.hi[row, t]])


def _rate(window: Range, row: int, t: int, context: Context, counter: bool, seconds: float) -> Histogram | None:
    run = _run(window, row, t)
    if len(run) < 2:
        return None
    gained = _gained(run, window, row, context, counter)
    if gained is None:
        return None
    first = run[0].count if counter and gained.count > 0 else None
    times = window.points.times[window.lo[row, t] : window.hi[row, t]]
    edges = window.starts[t], window.ends[t], times[0], times[-1]
    factor = float(factor_of(*edges, len(run), first, gained.count)) / seconds
    return gained.scaled(factor)


def _gained(run: list[Histogram], window: Range, row: int, context: Context, counter: bool) -> Histogram | None:
    """The difference between first and last, and what was lost in resets (Prometheus' `histogramRate`)."""
    notes, span, metric = context.notes, window.span, window.metric(row)
    previous = run[0]
    gauges = [h.hint == Hint.GAUGE for h in run]
    if any(gauges) if counter else False:
        notes.warn(f'this native histogram metric is not a counter: "{metric}"', span)
    if counter and is_reset(run[1], previous):  # then nothing of the first one counts
        previous = Histogram(schema=run[1].schema, custom_bounds=run[1].custom_bounds)
    custom = {h.is_custom for h in (previous, run[-1], *(run[1:-1] if counter else ()))}
    if len(custom) > 1:
        notes.mixed_schemas(span, metric)
        return None
    lowest = min(h.schema for h in (previous, run[-1], *(run[1:-1] if counter else ())))
    difference = add(run[-1].at_schema(lowest), previous, subtract=True)
    if difference.reconciled:
        notes.reconciled("subtraction", span)
    gained = difference.histogram
    if counter:
        for current in run[1:]:
            if is_reset(current, previous):
                restored = add(gained, previous)
                gained = restored.histogram
                if restored.reconciled:
                    notes.reconciled("addition", span)
            previous = current
    elif not (gauges[0] and gauges[-1]):
        notes.warn(f'this native histogram metric is not a gauge: "{metric}"', span)
    return gained.with_hint(Hint.GAUGE).compact()


def instant_difference(*, per_second: bool) -> Callable[[Sequence[Any], Call, Context], Grid]:
    """irate and idelta: from the last two points."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        window: Range = arguments[0]
        lo, hi = flat_bounds(window)
        there = hi - lo > 1
        values, times = np.append(window.points.values, [0.0, 0.0]), np.append(window.points.times, [0, 1])
        last, before = np.where(there, hi - 1, -1), np.where(there, hi - 2, -2)
        with np.errstate(all="ignore"):
            made = values[last] - values[before]
            if per_second:
                made = np.where(values[last] < values[before], values[last], made)
                made = made / ((times[last] - times[before]) / 1000)
        shape = window.lo.shape
        made, there = made.reshape(shape), there.reshape(shape)
        if window.histogram_counts is None:
            return window.grid(made, there)
        histograms = np.full(shape, None)
        for row, t in zip(*np.nonzero(there & (window.histogram_counts > 0)), strict=True):
            there[row, t], histograms[row, t] = _last_two(window, row, t, context, per_second)
        return window.grid(made, there, histograms)

    return function


def _last_two(window: Range, row: int, t: int, context: Context, per_second: bool) -> tuple[bool, Histogram | None]:
    """Whether the window has a result, and the histogram that it is."""
    assert window.points.histograms is not None
    notes, span, metric = context.notes, window.span, window.metric(row)
    end = window.hi[row, t]
    before, last = window.points.histograms[end - 2 : end]
    if before is None and last is None:
        return True, None
    if before is None or last is None:
        notes.mixed(span, metric)
        return False, None
    gauges = [h.hint == Hint.GAUGE for h in (before, last)]
    if per_second and any(gauges):
        notes.warn(f'this native histogram metric is not a counter: "{metric}"', span)
    if not per_second and not all(gauges):
        notes.warn(f'this native histogram metric is not a gauge: "{metric}"', span)
    result = last
    if not per_second or not is_reset(last, before):
        try:
            difference = add(last, before, subtract=True)
        except IncompatibleSchemas:
            notes.mixed_schemas(span, metric)
            return False, None
        if difference.reconciled:
            notes.reconciled("subtraction", span)
        result = difference.histogram
    seconds = (window.points.times[end - 1] - window.points.times[end - 2]) / 1000
    result = result.with_hint(Hint.GAUGE).compact()
    return True, result.divided(float(seconds)) if per_second else result


def pair_counter(
    floats: Callable[[Floats, Floats], Bools], histograms: Callable[[Histogram, Histogram], bool]
) -> Callable[[Sequence[Any], Call, Context], Grid]:
    """How many points of each window differ from the one before, in a certain way (resets, changes)."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        window: Range = arguments[0]
        values, objects = window.points.values, window.points.histograms
        flags = np.zeros(len(values), dtype=np.int64)
        flags[1:] = floats(values[1:], values[:-1])
        if window.histogram_counts is not None and objects is not None:
            for place in range(1, len(values)):
                current, previous = objects[place], objects[place - 1]
                if current is not None and previous is not None:
                    flags[place] = histograms(current, previous)
                elif current is not None or previous is not None:
                    flags[place] = 1
        before = np.concatenate([[0], np.cumsum(flags)])
        counts = before[window.hi] - before[np.minimum(window.lo + 1, window.hi)]
        return window.grid(counts.astype(np.float64), window.counts > 0)

    return function


def total(*, average: bool) -> Callable[[Sequence[Any], Call, Context], Grid]:
    """sum_over_time and avg_over_time."""
    kernel = kernels.means if average else kernels.sums

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        window: Range = arguments[0]
        floats = window.floats
        with np.errstate(all="ignore"):
            values = kernel(floats.points.values, *flat_bounds(floats)).reshape(floats.lo.shape)
        there = floats.counts > 0
        if window.histogram_counts is None:
            return floats.grid(values, there)
        found = compute_histograms(window, context, there, lambda row, t: _total(window, row, t, context, average))
        return window.grid(values, there, found)

    return function


def _total(window: Range, row: int, t: int, context: Context, average: bool) -> Histogram | None:
    try:
        aligned = align(_run(window, row, t))
    except IncompatibleSchemas:
        context.notes.mixed_schemas(window.span, window.metric(row))
        return None
    if aligned.reconciled:
        context.notes.reconciled("aggregation", window.span)
    if aligned.collision:
        context.notes.collision("aggregation", window.span)
    return combine(aligned, average=average)


def _differs(current: Floats, previous: Floats) -> Bools:
    return np.asarray((current != previous) & ~(np.isnan(current) & np.isnan(previous)))


FUNCTIONS: dict[str, Callable[[Sequence[Any], Call, Context], Grid]] = {
    "rate": extrapolated(counter=True, per_second=True),
    "increase": extrapolated(counter=True, per_second=False),
    "delta": extrapolated(counter=False, per_second=False),
    "irate": instant_difference(per_second=True),
    "idelta": instant_difference(per_second=False),
    "resets": pair_counter(np.less, is_reset),
    "changes": pair_counter(_differs, lambda current, previous: not current.equals(previous)),
    "sum_over_time": total(average=False),
    "avg_over_time": total(average=True),
}
