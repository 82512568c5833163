"""Native histograms under `anchored` and `smoothed` (Prometheus' `extendedHistogramRate`, `interpolateHistograms`)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from traceo.query.promql.ast import Span
from traceo.query.promql.context import Context
from traceo.query.promql.histogram import Hint, Histogram, add, is_reset
from traceo.query.promql.values import Bools, Ints, Objects, Points
from traceo.query.promql.windows import Range


@dataclass(frozen=True, slots=True)
class Difference:
    """What is asked for: of a counter or a gauge; `seconds`: over so many, 0: not per second."""

    smoothed: bool
    counter: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class _Notes:
    """Whom to tell what, of one series."""

    context: Context
    span: Span
    metric: str

    def add(self, one: Histogram, other: Histogram, *, subtract: bool = False) -> Histogram:
        """Their sum or difference; that bounds differed is noted."""
        made = add(one, other, subtract=subtract)
        if made.reconciled:
            self.context.notes.reconciled("subtraction" if subtract else "addition", self.span)
        return made.histogram


def with_histograms(
    window: Range, context: Context, how: Difference, reach: tuple[Ints, Ints], there: Bools
) -> Objects:
    """(series x steps): the difference of each window that has histograms; `there` is changed accordingly.

    `reach`: bounds of the windows with the points around them. Where these are mixed, there is nothing.
    """
    points, made = window.points, np.full(there.shape, None)
    assert points.histograms is not None
    found = np.concatenate([[0], np.cumsum(points.is_histogram)])
    lo, hi = reach
    counts = found[hi] - found[np.minimum(lo, hi)]
    for row, step in zip(*np.nonzero(counts), strict=True):
        notes = _Notes(context, window.span, window.metric(row))
        some = slice(lo[row, step], hi[row, step])
        if counts[row, step] < some.stop - some.start:
            there[row, step] = False
            context.notes.mixed(window.span, notes.metric)
            continue
        edges = int(window.starts[step]), int(window.ends[step])
        made[row, step] = _difference(points.histograms[some], points.times[some].tolist(), edges, how, notes)
        there[row, step] = made[row, step] is not None
    return made


def _difference(
    run: Objects, times: list[int], edges: tuple[int, int], how: Difference, notes: _Notes
) -> Histogram | None:
    """The one at the end less the one at the start, and what was lost in resets between them."""
    start, end = edges
    last = len(run) - 1
    first = max(bisect_right(times, start, 0, last) - 1, 0)
    if how.smoothed:
        last = bisect_left(times, end, 0, last)
    if times[last] <= start or times[first] > end or not _is_of_a_kind(run[first : last + 1], how, notes):
        return None
    left, right = run[first], run[last]
    if how.smoothed and times[first] < start:
        left = _between(run[first], run[first + 1], (times[first], times[first + 1]), start, how.counter, notes)
    if how.smoothed and last > 0 and times[last] > end:
        right = _between(run[last - 1], run[last], (times[last - 1], times[last]), end, how.counter, notes)
    if not how.counter and (left.hint != Hint.GAUGE or right.hint != Hint.GAUGE):
        notes.context.notes.warn(f'this native histogram metric is not a gauge: "{notes.metric}"', notes.span)
    gained = notes.add(right, left, subtract=True)
    if how.counter:
        is_begun_anew = how.smoothed and times[first] < start and is_reset(run[first + 1], run[first])
        previous, first = (run[first + 1], first + 1) if is_begun_anew else (left, first)
        if first < last:
            for current in (*run[first + 1 : last], right):
                if is_reset(current, previous):
                    gained = notes.add(gained, previous)
                previous = current
    gained = gained.with_hint(Hint.GAUGE).compact()
    return gained.divided(how.seconds) if how.seconds else gained


def _is_of_a_kind(run: Objects, how: Difference, notes: _Notes) -> bool:
    """Whether they can be added."""
    if how.counter and any(each.hint == Hint.GAUGE for each in run):
        notes.context.notes.warn(f'this native histogram metric is not a counter: "{notes.metric}"', notes.span)
    if len({each.is_custom for each in run}) > 1:
        notes.context.notes.mixed_schemas(notes.span, notes.metric)
        return False
    return True


def _between(
    one: Histogram, two: Histogram, times: tuple[int, int], at: int, is_counter: bool, notes: _Notes
) -> Histogram:
    """The one at a moment between two of a kind; a counter that is reset there begins at zero."""
    if at in times:
        return two if at == times[1] else one
    share = (at - times[0]) / (times[1] - times[0])
    if is_counter and is_reset(two, one):
        return two.scaled(share)
    hint = one.hint if one.hint == two.hint else Hint.GAUGE if Hint.GAUGE in (one.hint, two.hint) else Hint.UNKNOWN
    return notes.add(notes.add(two, one, subtract=True).scaled(share), one).with_hint(hint)


def smooth_histograms(
    points: Points, bounds: tuple[Ints, Ints, Ints], moments: Ints, there: Bools, context: Context, span: Span
) -> Objects:
    """(series x steps): histograms at moments; `there` is changed: where floats and histograms are mixed, nothing is.

    `bounds`: the first point of the lookback before each moment, the first after the moment, and behind the lookback.
    A pair is taken for a counter's unless both say that they are gauges.
    """
    assert points.histograms is not None
    found = np.concatenate([[0], np.cumsum(points.is_histogram)])
    (lo, at, hi), made = bounds, np.full(there.shape, None)
    counts = found[hi] - found[np.minimum(lo, hi)]
    for row, step in zip(*np.nonzero(there & (counts > 0)), strict=True):
        notes = _Notes(context, span, points.labels[row].get("__name__", ""))
        if counts[row, step] < hi[row, step] - lo[row, step]:
            there[row, step] = False
            context.notes.mixed(span, notes.metric)
            continue
        place, moment = at[row, step] - 1, int(moments[step])
        one: Histogram = points.histograms[place]
        if points.times[place] == moment:
            made[row, step] = one
        elif at[row, step] == hi[row, step]:
            made[row, step] = one.with_hint(Hint.UNKNOWN)
        else:
            two: Histogram = points.histograms[place + 1]
            if one.is_custom != two.is_custom:
                context.notes.mixed_schemas(span, notes.metric)
                there[row, step] = False
                continue
            is_counter = not one.hint == two.hint == Hint.GAUGE
            times = int(points.times[place]), int(points.times[place + 1])
            made[row, step] = _between(one, two, times, moment, is_counter, notes)
    return made
