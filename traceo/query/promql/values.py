"""What expressions evaluate to: grids of (series x step), and points in time order of which windows are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from traceo.errors import QueryError
from traceo.query.promql.histogram import Histogram
from traceo.query.promql.quoting import quote

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]
Labels = dict[str, str]
METADATA = ("__name__", "__type__", "__unit__")
SAME_LABELS = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, slots=True)
class Grid:
    """An instant vector at every step: row = series, column = step.

    A cell counts where it is `present`; it is a histogram where `histograms` has one, otherwise a float. Rows of
    `drop_name` lose their metric's name when the query is done (Prometheus' "delayed name removal").
    """

    labels: list[Labels]
    values: Floats
    present: Bools
    drop_name: Bools
    histograms: Objects | None = None

    @property
    def is_histogram(self) -> Bools:
        """Cells that are histograms."""
        if self.histograms is None:
            return np.zeros_like(self.present)
        return self.present & is_object(self.histograms)

    def floats(self) -> Grid:
        """Without its histograms."""
        if self.histograms is None:
            return self
        return replace(self, present=self.present & ~self.is_histogram, histograms=None)

    def rows(self, chosen: Any) -> Grid:
        """Some of its series: an array of row numbers or a mask."""
        numbers = (
            np.flatnonzero(chosen) if getattr(chosen, "dtype", None) == np.bool_ else np.asarray(chosen, dtype=np.int64)
        )
        return Grid(
            [self.labels[number] for number in numbers],
            self.values[numbers],
            self.present[numbers],
            self.drop_name[numbers],
            None if self.histograms is None else self.histograms[numbers],
        )

    def compact(self) -> Grid:
        """Without series that have no cell, and without an empty table of histograms."""
        grid = self
        if grid.histograms is not None and not grid.is_histogram.any():
            grid = replace(grid, histograms=None)
        kept = grid.present.any(axis=1)
        return grid if kept.all() else grid.rows(kept)


def is_object(objects: Objects) -> Bools:
    """Which elements are not None."""
    return np.asarray(objects != np.array(None), dtype=np.bool_)


def object_array(items: Sequence[object]) -> Objects:
    """One dimension, whatever the items are."""
    made = np.empty(len(items), dtype=object)
    made[:] = items
    return made


def empty_grid(steps: int) -> Grid:
    """No series."""
    return Grid([], np.zeros((0, steps)), np.zeros((0, steps), dtype=bool), np.zeros(0, dtype=bool))


def single_row(labels: Labels, values: Floats, present: Bools | None = None) -> Grid:
    """One series."""
    there = np.ones(len(values), dtype=bool) if present is None else present
    return Grid([labels], values[None, :], there[None, :], np.zeros(1, dtype=bool))


def stack(grids: Sequence[Grid]) -> Grid:
    """All series of several grids."""
    histograms = None
    if any(grid.histograms is not None for grid in grids):
        histograms = np.concatenate(
            [np.full(grid.present.shape, None) if grid.histograms is None else grid.histograms for grid in grids]
        )
    return Grid(
        [labels for grid in grids for labels in grid.labels],
        np.concatenate([grid.values for grid in grids]),
        np.concatenate([grid.present for grid in grids]),
        np.concatenate([grid.drop_name for grid in grids]),
        histograms,
    )


def key_of(labels: Labels) -> frozenset[tuple[str, str]]:
    """Equal for equal labels."""
    return frozenset(labels.items())


def show_labels(labels: Labels) -> str:
    """As Prometheus prints a label set."""
    return f"{{{', '.join(f'{name}={quote(value)}' for name, value in sorted(labels.items()))}}}"


def distinct_labels(labels: Sequence[Labels]) -> tuple[Ints, Ints]:
    """For each row the number of its labels, in order of first sight; and the first row of each.

    They are told apart as objects, which is quick: what is read by a few labels has one object for equal ones.
    """
    found = np.fromiter(map(id, labels), dtype=np.uint64, count=len(labels))
    _, firsts, of_row = np.unique(found, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places[of_row], firsts[order]


def group_rows(keys: Sequence[Any]) -> tuple[Ints, Ints]:
    """For each row the number of its group, in order of first sight; and the first row of each group."""
    numbers: dict[Any, int] = {}
    groups = np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int64, count=len(keys))
    firsts = np.full(len(numbers), len(keys), dtype=np.int64)
    np.minimum.at(firsts, groups, np.arange(len(keys)))
    return groups, firsts


def merge_same_labels(grid: Grid) -> Grid:
    """Series with equal labels become one. Raises QueryError where two of them have a value at the same step."""
    groups, firsts = group_rows([key_of(labels) for labels in grid.labels])
    if len(firsts) == len(grid.labels):
        return grid
    counts = np.zeros((len(firsts), grid.present.shape[1]), dtype=np.int64)
    np.add.at(counts, groups, grid.present)
    if (counts > 1).any():
        raise QueryError(SAME_LABELS)
    rows, columns = np.nonzero(grid.present)
    merged = grid.rows(firsts)
    for target, source in ((merged.values, grid.values), (merged.histograms, grid.histograms)):
        if target is not None and source is not None:
            target[groups[rows], columns] = source[rows, columns]
    return replace(merged, present=counts > 0)


def without_names(grid: Grid) -> Grid:
    """The end of a query: names that were to be dropped go. Raises QueryError as `merge_same_labels`."""
    if not grid.labels:
        return grid
    labels = [
        {name: value for name, value in row.items() if name not in ("__name__", "__type__", "__unit__")}
        if drop
        else row
        for row, drop in zip(grid.labels, grid.drop_name.tolist(), strict=True)
    ]
    cleaned = replace(grid, labels=labels, drop_name=np.zeros(len(labels), dtype=bool))
    return merge_same_labels(cleaned)


@dataclass(frozen=True, slots=True)
class Points:
    """Points of series, flat: those of series i lie from `offsets[i]` to `offsets[i + 1]`, in order of time.

    No two of a series have the same time. A point is a histogram where `histograms` has one; `stale` ones end a series.
    `running`: values may be sums of what was read, which only differences of one reading tell anything.
    """

    labels: list[Labels]
    offsets: Ints
    times: Ints
    values: Floats
    drop_name: Bools
    stale: Bools | None = None
    histograms: Objects | None = None
    running: bool = False

    @property
    def is_histogram(self) -> Bools:
        """Which points are histograms."""
        if self.histograms is None:
            return np.zeros(len(self.times), dtype=bool)
        return is_object(self.histograms)

    @property
    def size(self) -> int:
        """How many points."""
        return len(self.times)

    def part(self, start: int, end: int) -> Points:
        """Some of the series, with all their points."""
        first, last = self.offsets[start], self.offsets[end]
        return Points(
            self.labels[start:end],
            self.offsets[start : end + 1] - first,
            self.times[first:last],
            self.values[first:last],
            self.drop_name[start:end],
            None if self.stale is None else self.stale[first:last],
            None if self.histograms is None else self.histograms[first:last],
        )

    def rows(self, chosen: Ints) -> Points:
        """Some of the series by their numbers, with all their points."""
        lengths = np.diff(self.offsets)[chosen]
        ends = np.cumsum(lengths)
        places = np.repeat(self.offsets[chosen] - ends + lengths, lengths) + np.arange(int(lengths.sum()))
        return Points(
            [self.labels[row] for row in chosen],
            np.concatenate([[0], ends]),
            self.times[places],
            self.values[places],
            self.drop_name[chosen],
            None if self.stale is None else self.stale[places],
            None if self.histograms is None else self.histograms[places],
        )

    def where(self, kept: Bools) -> Points:
        """Some of the points, of the same series."""
        before = np.concatenate([[0], np.cumsum(kept)])
        return replace(
            self,
            offsets=before[self.offsets],
            times=self.times[kept],
            values=self.values[kept],
            stale=None if self.stale is None else self.stale[kept],
            histograms=None if self.histograms is None else self.histograms[kept],
        )

    def without_stale(self) -> Points:
        """Without stale markers."""
        if self.stale is None or not self.stale.any():
            return replace(self, stale=None)
        return replace(self.where(~self.stale), stale=None)


def points_of(grid: Grid, times: Ints) -> Points:
    """The cells of a grid as points at its steps' times."""
    counts = grid.present.sum(axis=1)
    columns = np.nonzero(grid.present)[1]
    return Points(
        grid.labels,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        times[columns],
        grid.values[grid.present],
        grid.drop_name,
        None,
        None if grid.histograms is None else grid.histograms[grid.present],
    )


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer. `histograms`: None where all points are floats."""

    labels: Labels
    times_ms: Ints
    values: Floats
    histograms: list[Histogram | None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query evaluates to; a scalar is one series without labels. Warnings and infos are Prometheus' texts."""

    kind: Literal["scalar", "vector", "matrix", "string"]
    series: list[Series] = field(default_factory=list)
    string: str | None = None
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
