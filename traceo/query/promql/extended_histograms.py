"""Native histograms under `anchored` and `smoothed` (Prometheus' `extendedHistogramRate`, `interpolateHistograms`)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from traceo.query.promql.ast import Span
from traceo.query.promql.context import Context
from traceo.query.promql.histogram import Hint, Histogram, add, is_reset
from traceo.query.promql.rates import compute_histograms
from traceo.query.promql.values import Bools, Ints, Objects
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


def difference_of_histograms(window: Range, context: Context, how: Difference, there: Bools) -> Objects:
    """As `compute_histograms`; the bounds of the windows MUST be those of the points around them, too."""
    points, (lo, hi) = window.points, window.bounds
    assert points.histograms is not None
    histograms = points.histograms

    def compute(row: int, step: int) -> Histogram | None:
        some = slice(lo[row, step], hi[row, step])
        edges = int(window.starts[step]), int(window.ends[step])
        notes = _Notes(context, window.span, window.metric(row))
        return _difference(histograms[some], points.times[some].tolist(), edges, how, notes)

    return compute_histograms(window, context, there, compute)


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


def smooth_histograms(window: Range, at: Ints, moments: Ints, context: Context, there: Bools) -> Objects:
    """As `compute_histograms`: those at moments, of windows that reach from a lookback before them to one behind.

    `at`: the first point after each moment. A pair is taken for a counter's unless both say that they are gauges.
    """
    points = window.points
    assert points.histograms is not None
    histograms, (lo, hi) = points.histograms, window.bounds

    def compute(row: int, step: int) -> Histogram | None:
        after, moment = at[row, step], int(moments[step])
        if after == lo[row, step]:
            return None
        one: Histogram = histograms[after - 1]
        if points.times[after - 1] == moment:
            return one
        if after == hi[row, step]:
            return one.with_hint(Hint.UNKNOWN)
        two: Histogram = histograms[after]
        notes = _Notes(context, window.span, window.metric(row))
        if one.is_custom != two.is_custom:
            context.notes.mixed_schemas(window.span, notes.metric)
            return None
        is_counter = not one.hint == two.hint == Hint.GAUGE
        times = int(points.times[after - 1]), int(points.times[after])
        return _between(one, two, times, moment, is_counter, notes)

    return compute_histograms(window, context, there, compute)
