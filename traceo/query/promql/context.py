"""What the parts of an evaluation share: the steps, the points that were read, limits, warnings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from traceo.errors import QueryError, QueryTimeout
from traceo.query.promql.annotations import Annotations
from traceo.query.promql.ast import Span
from traceo.query.promql.durations import Window
from traceo.query.promql.options import TOO_MANY_SAMPLES, Options
from traceo.query.promql.presence import Presence
from traceo.query.promql.values import Bools, Floats, Grid, Ints, Objects, Points

BLOCK = 1 << 15  # numbers of 8 bytes that stay in a core's cache


@dataclass(slots=True)
class Budget:
    """Samples that a query may still load or compute, and until when it may run. Both raise QueryError."""

    samples: int
    deadline: float

    def spend(self, samples: int) -> None:
        """Take some, before they are made."""
        self.samples -= samples
        if self.samples < 0:
            raise QueryError(TOO_MANY_SAMPLES)
        if time.monotonic() > self.deadline:
            raise QueryTimeout("query timed out in expression evaluation")


def new_budget(options: Options) -> Budget:
    """That of a whole query."""
    timeout = options.timeout_s or float("inf")
    return Budget(options.max_samples, time.monotonic() + timeout)


@dataclass(frozen=True, slots=True)
class Context:
    """`times` are the steps of this part; `query` is what the user asked for; `points` by identity of a selector."""

    times: Ints
    step_ms: int
    query: Window
    points: Mapping[int, Points | Presence]
    notes: Annotations
    budget: Budget
    options: Options

    @property
    def steps(self) -> int:
        """How many."""
        return len(self.times)


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

    @cached_property
    def bounds(self) -> tuple[Ints, Ints]:
        """First point of each window, and first point behind each."""
        return self.known_bounds or window_bounds(self.points, self.starts, self.ends)

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
        return [replace(self, points=points) for points in blocks(self.points, len(self.ends))]

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


def blocks(points: Points, steps: int) -> list[Points]:
    """Portions of the series, each of about BLOCK points and cells."""
    series = len(points.labels)
    weight = len(points.times) + series * steps
    if weight <= 2 * BLOCK or series < 2:
        return [points]
    size = max(1, series * BLOCK // weight)
    return [points.part(start, min(start + size, series)) for start in range(0, series, size)]


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
