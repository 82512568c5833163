"""Windows over points: which points lie in each, and what follows from their times alone.

Series of one target are scraped at the same moments. What follows from moments is computed once for each such clock,
and spread over its series.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from traceo.query.promql.ast import Span
from traceo.query.promql.values import Bools, Floats, Grid, Ints, Objects, Points

BLOCK = 1 << 15  # numbers of 8 bytes that stay in a core's cache
SERIES_A_CLOCK = 4  # fewer are not worth a clock
FAR = 1.1  # a window's edge that is so many mean distances from the nearest point is not reached by its series


@dataclass(frozen=True)
class Range:
    """A range vector at every step: of series i at step t the points `lo[i, t]` up to, not including, `hi[i, t]`.

    The window of step t reaches from `starts[t]`, excluded, to `ends[t]`.
    """

    points: Points
    starts: Ints
    ends: Ints
    length_ms: int
    span: Span
    known_bounds: tuple[Ints, Ints] | None = field(default=None, repr=False)
    clocks: Clocks | None = field(default=None, repr=False)

    @cached_property
    def bounds(self) -> tuple[Ints, Ints]:
        """First point of each window, and first point behind each."""
        if self.known_bounds is not None:
            return self.known_bounds
        if self.clocks is None:
            return window_bounds(self.points, self.starts, self.ends)
        lo, hi = self.clocks.bounds
        firsts = self.points.offsets[:-1, None]
        return self.clocks.spread(lo) + firsts, self.clocks.spread(hi) + firsts

    @property
    def lo(self) -> Ints:
        """First point of each window."""
        return self.bounds[0]

    @property
    def hi(self) -> Ints:
        """First point behind each window."""
        return self.bounds[1]

    def blocks(self) -> list[Range]:
        """The same windows, in portions of series that fit into the processor's cache."""
        series, steps = len(self.points.labels), len(self.ends)
        weight = len(self.points.times) + series * steps
        if weight <= 2 * BLOCK or series < 2:
            return [self]
        size, clocks = max(1, series * BLOCK // weight), self._find_clocks()
        edges = [(start, min(start + size, series)) for start in range(0, series, size)]
        return [
            replace(self, points=self.points.part(*edge), clocks=clocks.part(*edge) if clocks else None)
            for edge in edges
        ]

    def _find_clocks(self) -> Clocks | None:
        """Only where there are no histograms: these leave some windows of floats with fewer points."""
        found = find_clocks(self.points) if self.points.histograms is None else None
        if found is None:
            return None
        of_series, firsts = found
        return Clocks(of_series, replace(self, points=self.points.rows(firsts)))

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What was computed by clock, by series."""
        return self.clocks.spread(values) if self.clocks else values

    @cached_property
    def reach(self) -> Reach:
        """How far the points of each window reach; by clock where there are some: see `spread`."""
        return self.clocks.windows.reach if self.clocks else reach_of(self)

    @cached_property
    def counts(self) -> Ints:
        """Points in each window."""
        return self.hi - self.lo

    @cached_property
    def histogram_counts(self) -> Ints | None:
        """Histograms in each window; None where there are none at all."""
        if self.points.histograms is None or not (flags := self.points.is_histogram).any():
            return None
        before = np.concatenate([[0], np.cumsum(flags)])
        return np.asarray(before[self.hi] - before[self.lo])

    @cached_property
    def floats(self) -> Range:
        """The same windows without histograms."""
        if self.histogram_counts is None:
            return self
        kept = ~self.points.is_histogram
        before = np.concatenate([[0], np.cumsum(kept)])
        points = self.points.where(kept)
        bounds = before[self.lo], before[self.hi]
        return replace(self, points=points, known_bounds=bounds)

    def metric(self, row: int | np.integer[Any]) -> str:
        """The metric's name of a series."""
        return self.points.labels[row].get("__name__", "")

    def grid(
        self, values: Floats, present: Bools, histograms: Objects | None = None, *, keep_name: bool = False
    ) -> Grid:
        """A result for each window."""
        drop = self.points.drop_name if keep_name else np.ones(len(self.points.labels), dtype=bool)
        return Grid(self.points.labels, values, present, drop, histograms).compact()


@dataclass(frozen=True, slots=True)
class Clocks:
    """Series i has the points' times of series `of_series[i]` of `windows`."""

    of_series: Ints
    windows: Range

    @property
    def bounds(self) -> tuple[Ints, Ints]:
        """As of a Range, from a series' first point on."""
        firsts = self.windows.points.offsets[:-1, None]
        lo, hi = self.windows.bounds
        return lo - firsts, hi - firsts

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Rows of clocks as rows of series."""
        return values.take(self.of_series, axis=0)

    def part(self, start: int, end: int) -> Clocks:
        """Some of the series."""
        return Clocks(self.of_series[start:end], self.windows)


@dataclass(frozen=True)
class Reach:
    """Of windows with two points or more (`there`): how far these reach, in seconds; elsewhere anything.

    `sampled`: from the first point to the last; `to_start`, `to_end`: on to where the series is taken to reach.
    """

    there: Bools
    sampled: Floats
    to_start: Floats
    to_end: Floats

    @cached_property
    def factor(self) -> Floats:
        """By how much the series is taken to reach further than its points."""
        with np.errstate(all="ignore"):
            return np.asarray((self.sampled + self.to_start + self.to_end) / self.sampled)

    @cached_property
    def room(self) -> Floats:
        """The part of it before the first point."""
        with np.errstate(all="ignore"):
            return np.asarray(self.to_start / self.sampled)


def reach_of(window: Range) -> Reach:
    """Of windows as they are, without clocks."""
    (lo, hi), times = window.bounds, window.points.times
    if not len(times):
        times = np.zeros(1, dtype=np.int64)
    begin, finish = times.take(lo, mode="clip"), times.take(hi - 1, mode="clip")
    return Reach(hi - lo > 1, *extend(window.starts, window.ends, begin, finish, hi - lo))


def extend(starts: Any, ends: Any, begin: Any, finish: Any, count: Any) -> tuple[Any, Any, Any]:
    """What a Reach says, from times in ms: up to an edge, or half a distance if it is far (`extrapolatedRate`)."""
    with np.errstate(all="ignore"):
        to_start, to_end = (begin - starts) / 1000, (ends - finish) / 1000
        sampled = (finish - begin) / 1000
        between = sampled / (count - 1)
        sides = [np.where(side >= between * FAR, between / 2, side) for side in (to_start, to_end)]
    return sampled, *sides


def find_clocks(points: Points) -> tuple[Ints, Ints] | None:
    """For each series the number of its clock, and for each clock a series that has it. None: they share too little."""
    series, total = len(points.labels), len(points.times)
    lengths, starts = np.diff(points.offsets), points.offsets[:-1]
    if not total:
        return None
    first, last = (points.times[np.clip(place, 0, total - 1)] for place in (starts, starts + lengths - 1))
    hints = lengths + 3_000_017 * first + 7_000_000_003 * last
    _, firsts, of_series = np.unique(hints, return_index=True, return_inverse=True)
    if len(firsts) * SERIES_A_CLOCK > series:
        return None
    odd = np.flatnonzero(_differs(points, firsts[of_series], lengths))
    if (len(firsts) + len(odd)) * SERIES_A_CLOCK > series:
        return None
    of_series[odd] = len(firsts) + np.arange(len(odd))
    return of_series, np.concatenate([firsts, odd])


def _differs(points: Points, others: Ints, lengths: Ints) -> Bools:
    """Which series do not have their points at the same times as another one each, looked at in portions."""
    odd = lengths != lengths[others]
    shifts = np.where(odd, 0, points.offsets[others] - points.offsets[:-1])
    size = max(1, len(lengths) * BLOCK // len(points.times))
    for start in range(0, len(lengths), size):
        some = slice(start, start + size)
        first, last = points.offsets[start], points.offsets[min(start + size, len(lengths))]
        places = np.repeat(shifts[some], lengths[some])
        places += np.arange(first, last)
        differing = np.flatnonzero(points.times[places] != points.times[first:last])
        odd[np.searchsorted(points.offsets, first + differing, side="right") - 1] = True
    return np.asarray(odd)


def window_bounds(points: Points, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """(series x steps): the first point after each start, and the first after each end."""
    steps = np.diff(ends)
    length = int(ends[0] - starts[0]) if len(ends) else 0
    if len(steps) and steps[0] > 0 and (steps == steps[0]).all() and length % steps[0] == 0:
        return _uniform_bounds(points, int(starts[0]), int(steps[0]), length // int(steps[0]), len(ends))
    return _search(points, starts), _search(points, ends)


def _uniform_bounds(points: Points, first: int, step: int, shift: int, steps: int) -> tuple[Ints, Ints]:
    """By counting: the end of one window is the start of the one `shift` steps later."""
    edges, series = steps + shift, len(points.labels)
    if edges > 4 * (steps + len(points.times)):
        ends = first + step * np.arange(shift, edges)
        return _search(points, ends - shift * step), _search(points, ends)
    place = np.clip(-((first - points.times) // step), 0, edges)  # the first edge that is not before the point
    owner = np.repeat(np.arange(series) * (edges + 1), np.diff(points.offsets))
    counts = np.bincount(owner + place, minlength=series * (edges + 1)).reshape(series, edges + 1)
    before = np.cumsum(counts[:, :edges], axis=1) + points.offsets[:-1, None]
    return before[:, :steps], before[:, shift:]


def _search(points: Points, edges: Ints) -> Ints:
    """(series x edges): the first point after each."""
    series = len(points.labels)
    if series == 1:
        return np.searchsorted(points.times, edges, side="right")[None, :]
    if not len(points.times):
        return np.zeros((series, len(edges)), dtype=np.int64)
    base = int(points.times.min()) - 1
    span = int(points.times.max()) - base + 1
    keys = np.repeat(np.arange(series) * span, np.diff(points.offsets)) + (points.times - base)
    wanted = np.clip(edges, base, base + span - 1) - base
    return np.searchsorted(keys, np.arange(series)[:, None] * span + wanted, side="right")
