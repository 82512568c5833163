"""Binary operations between vectors: which series belong together, and what becomes of their labels."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from traceo.errors import QueryError
from traceo.query.promql.ast import Binary, Cardinality, Matching
from traceo.query.promql.context import Context
from traceo.query.promql.operators import ARITHMETIC, Cells, operate
from traceo.query.promql.values import (
    METADATA,
    Bools,
    Grid,
    Ints,
    Labels,
    empty_grid,
    key_of,
    merge_same_labels,
    show_labels,
    stack,
)

AMBIGUOUS = "many-to-many matching not allowed: matching labels must be unique on one side"
GROUP_NEEDED = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
NOT_UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"


def match_labels(labels: Labels, matching: Matching) -> Labels:
    """Those that decide which series belong together."""
    if matching.on:
        return {name: labels[name] for name in matching.labels if labels.get(name)}
    return {name: value for name, value in labels.items() if name not in matching.labels and name not in METADATA}


def _signatures(grid: Grid, matching: Matching) -> list[Hashable]:
    if matching.on:
        names = matching.labels
        return [tuple(labels.get(name, "") for name in names) for labels in grid.labels]
    return [key_of(match_labels(labels, matching)) for labels in grid.labels]


def combine_sets(node: Binary, left: Grid, right: Grid) -> Grid:
    """and, or, unless."""
    matching = node.matching or Matching()
    numbers: dict[Hashable, int] = {}
    ours, theirs = (
        np.array([numbers.setdefault(key, len(numbers)) for key in _signatures(grid, matching)], dtype=np.int64)
        for grid in (left, right)
    )
    if node.op == "or":
        seen = _any_by(ours, left.present, len(numbers))
        return stack([left, replace(right, present=right.present & ~seen[theirs])]).compact()
    seen = _any_by(theirs, right.present, len(numbers))[ours]
    return replace(left, present=left.present & (seen if node.op == "and" else ~seen)).compact()


def _any_by(groups: Ints, present: Bools, count: int) -> Bools:
    """(groups x steps): whether a series of the group has a cell."""
    result = np.zeros((count, present.shape[1]), dtype=bool)
    np.logical_or.at(result, groups, present)
    return result


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of an operation: of the `many` side several series may match one of the `one` side.

    `groups` number the series by what they are matched by.
    """

    many: Grid
    one: Grid
    many_groups: Ints
    one_groups: Ints
    count: int


def combine_vectors(node: Binary, left: Grid, right: Grid, context: Context) -> Grid:
    """Arithmetic and comparisons. Raises QueryError with Prometheus' text where matches are not unique."""
    matching = node.matching or Matching()
    if matching.fill_left is None and matching.fill_right is None:
        left, right = _where_both(left, right)
    swapped = matching.card is Cardinality.ONE_TO_MANY
    sides = _sides(matching, *((right, left) if swapped else (left, right)))
    fill_many, fill_one = matching.fill_left, matching.fill_right  # in Prometheus, too, whichever side is the many
    _check_one_side(sides, matching, "left" if swapped else "right")
    if matching.card is Cardinality.ONE_TO_ONE:
        _check_many_side(sides, fill_one is not None)
    sides = _filled(sides, matching, fill_many, fill_one)
    rows = _pairs(sides)
    if not len(rows[0]):
        return empty_grid(context.steps)
    many, one = (_cells(grid, chosen) for grid, chosen in zip((sides.many, sides.one), rows, strict=True))
    context.budget.spend(many.present.size)
    made = operate(node, *((one, many) if swapped else (many, one)), context, keep_right=False)
    labels = [
        _result_labels(sides.many.labels[m], sides.one.labels[o], node.op, matching)
        for m, o in zip(rows[0].tolist(), rows[1].tolist(), strict=True)
    ]
    drop = sides.many.drop_name[rows[0]] | node.return_bool
    if matching.card is not Cardinality.ONE_TO_ONE:
        _check_unique(labels, sides.many_groups[rows[0]], many.present & one.present)
    return merge_same_labels(Grid(labels, made.values, made.present, drop, made.histograms).compact())


def _where_both(left: Grid, right: Grid) -> tuple[Grid, Grid]:
    """Without the steps at which either has nothing: series that are ambiguous there do no harm."""
    met = left.present.any(axis=0) & right.present.any(axis=0)
    return replace(left, present=left.present & met), replace(right, present=right.present & met)


def _cells(grid: Grid, rows: Ints) -> Cells:
    histograms = None if grid.histograms is None else grid.histograms[rows]
    return Cells(grid.values[rows], grid.present[rows], histograms)


def _sides(matching: Matching, many: Grid, one: Grid) -> Sides:
    numbers: dict[Hashable, int] = {}
    groups = [
        np.array([numbers.setdefault(key, len(numbers)) for key in _signatures(grid, matching)], dtype=np.int64)
        for grid in (many, one)
    ]
    return Sides(many, one, groups[0], groups[1], len(numbers))


def _count_by(groups: Ints, present: Bools, count: int) -> Ints:
    result = np.zeros((count, present.shape[1]), dtype=np.int64)
    np.add.at(result, groups, present)
    return result


def _check_one_side(sides: Sides, matching: Matching, name: str) -> None:
    if len(np.unique(sides.one_groups)) == len(sides.one_groups):
        return
    counts = _count_by(sides.one_groups, sides.one.present, sides.count)
    if (counts <= 1).all():
        return
    group, step = next(zip(*np.nonzero(counts.T > 1), strict=True))[::-1]
    rows = np.flatnonzero((sides.one_groups == group) & sides.one.present[:, step])
    found = sorted(show_labels(sides.one.labels[row]) for row in rows)
    shared = show_labels(match_labels(sides.one.labels[rows[0]], matching))
    raise QueryError(
        f"found duplicate series for the match group {shared} on the {name} hand-side of the operation: "
        f"[{found[0]}, {found[1]}];{AMBIGUOUS}"
    )


def _check_many_side(sides: Sides, filled: bool) -> None:
    """One-to-one: no two series may match the same one of the other side."""
    if len(np.unique(sides.many_groups)) == len(sides.many_groups):
        return
    counts = _count_by(sides.many_groups, sides.many.present, sides.count)
    matched = _any_by(sides.one_groups, sides.one.present, sides.count) | filled
    if ((counts > 1) & matched).any():
        raise QueryError(GROUP_NEEDED)


def _check_unique(labels: list[Labels], groups: Ints, present: Bools) -> None:
    """Results of one group need different labels, even where a comparison drops them."""
    numbers: dict[Hashable, int] = {}
    keys = [(group, key_of(row)) for group, row in zip(groups.tolist(), labels, strict=True)]
    rows = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    if len(numbers) < len(rows) and (_count_by(rows, present, len(numbers)) > 1).any():
        raise QueryError(NOT_UNIQUE)


def _filled(sides: Sides, matching: Matching, fill_many: float | None, fill_one: float | None) -> Sides:
    """With series that stand in where a partner is missing."""
    many_there = _any_by(sides.many_groups, sides.many.present, sides.count)
    one_there = _any_by(sides.one_groups, sides.one.present, sides.count)
    many, one = sides.many, sides.one
    many_groups, one_groups = sides.many_groups, sides.one_groups
    if fill_one is not None:
        extra, groups = _stand_ins(sides.many, sides.many_groups, many_there & ~one_there, matching, fill_one)
        one, one_groups = stack([one, extra]), np.concatenate([one_groups, groups])
    if fill_many is not None:
        extra, groups = _stand_ins(sides.one, sides.one_groups, one_there & ~many_there, matching, fill_many)
        many, many_groups = stack([many, extra]), np.concatenate([many_groups, groups])
    return Sides(many, one, many_groups, one_groups, sides.count)


def _stand_ins(grid: Grid, groups: Ints, missing: Bools, matching: Matching, value: float) -> tuple[Grid, Ints]:
    """For each group of `grid` whose partner is missing somewhere, a series of the fill value there."""
    chosen, firsts = np.unique(groups, return_index=True)
    needed = missing[chosen].any(axis=1)
    chosen, firsts = chosen[needed], firsts[needed]
    present = missing[chosen]
    labels = [match_labels(grid.labels[row], matching) for row in firsts.tolist()]
    return Grid(labels, np.full(present.shape, value), present, np.zeros(len(chosen), dtype=bool)), chosen


def _pairs(sides: Sides) -> tuple[Ints, Ints]:
    """Row numbers of all series of both sides that belong together."""
    order = np.argsort(sides.one_groups, kind="stable")
    ranked = sides.one_groups[order]
    starts = np.searchsorted(ranked, sides.many_groups, side="left")
    counts = np.searchsorted(ranked, sides.many_groups, side="right") - starts
    many = np.repeat(np.arange(len(sides.many_groups)), counts)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return many, order[np.repeat(starts, counts) + within]


def _result_labels(many: Labels, one: Labels, op: str, matching: Matching) -> Labels:
    labels = dict(many)
    if op in ARITHMETIC:
        for name in METADATA:
            labels.pop(name, None)
    if matching.card is Cardinality.ONE_TO_ONE:
        if matching.on:
            labels = {name: value for name, value in labels.items() if name in matching.labels}
        else:
            for name in matching.labels:
                labels.pop(name, None)
    for name in matching.include:
        labels.pop(name, None)
        if one.get(name):
            labels[name] = one[name]
    return labels
