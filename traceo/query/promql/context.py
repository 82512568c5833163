"""What the parts of an evaluation share: the steps, the points that were read, limits, warnings."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from traceo.errors import QueryError
from traceo.query.promql.annotations import Annotations
from traceo.query.promql.ast import Node, Span
from traceo.query.promql.durations import Window
from traceo.query.promql.options import TOO_MANY_SAMPLES, Options
from traceo.query.promql.values import Bools, Floats, Grid, Ints, Objects, Points


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
            raise QueryError("query timed out in expression evaluation")


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
    points: dict[int, Points]
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
    node: Node
    bounds: tuple[Ints, Ints] = field(repr=False)

    @property
    def lo(self) -> Ints:
        """First point of each window."""
        return self.bounds[0]

    @property
    def hi(self) -> Ints:
        """First point behind each window."""
        return self.bounds[1]

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
        return Range(points, self.starts, self.ends, self.length_ms, self.span, self.node, bounds)

    def metric(self, row: int | np.integer[Any]) -> str:
        """The metric's name of a series."""
        return self.points.labels[row].get("__name__", "")

    def grid(
        self, values: Floats, present: Bools, histograms: Objects | None = None, *, keep_name: bool = False
    ) -> Grid:
        """A result for each window."""
        drop = self.points.drop_name if keep_name else np.ones(len(self.points.labels), dtype=bool)
        return Grid(self.points.labels, values, present, drop, histograms).compact()


def window_bounds(points: Points, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """(series x steps): the first point after each start, and the first after each end."""
    series = len(points.labels)
    if series == 1:
        both = [np.searchsorted(points.times, edge, side="right")[None, :] for edge in (starts, ends)]
        return both[0], both[1]
    if not len(points.times):
        nothing = np.zeros((series, len(ends)), dtype=np.int64)
        return nothing, nothing
    base = int(points.times.min()) - 1
    span = int(points.times.max()) - base + 1
    owner = np.repeat(np.arange(series), np.diff(points.offsets))
    keys = owner * span + (points.times - base)
    rows = np.arange(series)[:, None] * span

    def find(edges: Ints) -> Ints:
        wanted = np.clip(edges, base, base + span - 1) - base
        return np.searchsorted(keys, rows + wanted, side="right")

    return find(starts), find(ends)
