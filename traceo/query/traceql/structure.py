"""Spans asked together: structure, groups and aggregates, with numpy over all spans of all candidate traces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from traceo.query.traceql.ast import (
    Aggregate,
    By,
    Coalesce,
    Combined,
    Computed,
    Field,
    Filter,
    Pipeline,
    Scalar,
    ScalarFilter,
    Select,
    Spans,
    Stage,
    Static,
)

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Spans of whole traces, those of a trace together. `trace` numbers the traces from 0.

    `span` and `parent` are ids as integers (a root's parent is 0); `filters` has where each filter holds, `numbers` and
    `groups` the values of fields: NaN where there is none; a number for each distinct value.
    """

    trace: Ints
    span: npt.NDArray[np.uint64]
    parent: npt.NDArray[np.uint64]
    filters: dict[Field | None, Bools]
    numbers: dict[Field, Floats]
    groups: dict[Field, Ints]

    @property
    def size(self) -> int:
        """How many spans."""
        return len(self.trace)

    @property
    def traces(self) -> int:
        """How many traces."""
        return int(self.trace[-1]) + 1 if self.size else 0

    @cached_property
    def above(self) -> Ints:
        """The place of each span's parent; -1: none, or itself. Of spans with equal ids the first counts."""
        own, wanted = _keys(self.trace, self.span), _keys(self.trace, self.parent)
        order = np.argsort(own, kind="stable")
        place = np.searchsorted(own[order], wanted, side="left")
        inside = order[np.minimum(place, max(self.size - 1, 0))] if self.size else place
        found = (place < self.size) & (own[inside] == wanted) & (self.parent != 0) if self.size else place > 0
        return np.where(found & (self.parent != self.span), inside, -1)


def _keys(trace: Ints, span: npt.NDArray[np.uint64]) -> npt.NDArray[np.bytes_]:
    """Pairs of integers as texts that sort as they do; the last byte keeps numpy from cutting zeros off."""
    pairs = np.stack([trace.astype(">u8"), span.astype(">u8"), np.ones(len(span), dtype=">u8")], axis=1)
    return np.ascontiguousarray(pairs).view("S24").ravel()


@dataclass(frozen=True, slots=True)
class Groups:
    """Which spans are in, and their groups: numbers from 0; a trace has one or more."""

    member: Bools
    group: Ints


def evaluate(pipeline: Pipeline, table: Table) -> Groups:
    """The groups that are left after all stages."""
    found = Groups(np.ones(table.size, dtype=bool), table.trace)
    for place, stage in enumerate(pipeline.stages):
        found = _pass(stage, found, table, first=place == 0)
    return found


def _pass(stage: Stage, found: Groups, table: Table, first: bool) -> Groups:
    match stage:
        case Filter() | Combined() | Pipeline():
            member = select(stage, table)
            return Groups(member if first else found.member & member, found.group)
        case By(expr=expr):
            values = table.groups[expr]
            _, group = np.unique(np.stack([found.group, values], axis=1), axis=0, return_inverse=True)
            return Groups(found.member, group.ravel().astype(np.int64))
        case Coalesce():
            return Groups(found.member, table.trace)
        case ScalarFilter():
            return Groups(found.member & _passes(stage, found, table)[found.group], found.group)
        case Select():
            return found


def select(spans: Spans, table: Table) -> Bools:
    """The spans that an expression means."""
    match spans:
        case Filter(condition=condition):
            return table.filters[condition]
        case Pipeline():
            return evaluate(spans, table).member
        case Combined(op=op, left=left, right=right):
            return _combine(op, select(left, table), select(right, table), table)


def _combine(op: str, left: Bools, right: Bools, table: Table) -> Bools:
    if op == "||":
        return left | right
    if op == "&&":
        both = _in_trace(left, table) & _in_trace(right, table)
        return (left | right) & both[table.trace]
    related = RELATIONS[op.lstrip("!&")]
    if op.startswith("!"):
        return right & ~related(left, table)
    met = right & related(left, table)
    if op.startswith("&"):
        return met | (left & INVERSES[op.lstrip("&")](right, table))
    return met


def _in_trace(chosen: Bools, table: Table) -> Bools:
    return np.bincount(table.trace[chosen], minlength=table.traces) > 0


def _children_of(chosen: Bools, table: Table) -> Bools:
    above = table.above
    return (above >= 0) & chosen[np.maximum(above, 0)]


def _parents_of(chosen: Bools, table: Table) -> Bools:
    made = np.zeros(table.size, dtype=bool)
    above = table.above[chosen]
    made[above[above >= 0]] = True
    return made


def _descendants_of(chosen: Bools, table: Table) -> Bools:
    """By doubling: whether one of the nearest 2^n ancestors is chosen."""
    if not table.size:
        return chosen
    above = table.above
    reach = np.append(_children_of(chosen, table), False)
    jump = np.append(np.where(above >= 0, above, table.size), table.size)
    for _ in range(table.size.bit_length()):
        if (jump == table.size).all():
            break
        reach |= reach[jump]
        jump = jump[jump]
    return reach[:-1]


def _ancestors_of(chosen: Bools, table: Table) -> Bools:
    made = np.zeros(table.size, dtype=bool)
    above = table.above
    front = np.unique(above[chosen])
    front = front[front >= 0]
    while len(front):
        front = front[~made[front]]
        made[front] = True
        front = np.unique(above[front])
        front = front[front >= 0]
    return made


def _siblings_of(chosen: Bools, table: Table) -> Bools:
    """Another span with the same parent is chosen."""
    _, family = np.unique(np.stack([table.trace.astype(np.uint64), table.parent], axis=1), axis=0, return_inverse=True)
    family = family.ravel()
    others = np.bincount(family[chosen], minlength=int(family.max()) + 1 if table.size else 0)[family] - chosen
    return np.asarray((others > 0) & (table.parent != 0))


RELATIONS = {
    ">": _children_of, ">>": _descendants_of, "<": _parents_of, "<<": _ancestors_of, "~": _siblings_of,
}  # fmt: skip
INVERSES = {
    ">": _parents_of, ">>": _ancestors_of, "<": _children_of, "<<": _descendants_of, "~": _siblings_of,
}  # fmt: skip


COMPARED: dict[str, Callable[[Floats, Floats], Bools]] = {
    "=": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


COMPUTED: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power,
}  # fmt: skip


def _passes(stage: ScalarFilter, found: Groups, table: Table) -> Bools:
    left, right = (_scalar(side, found, table) for side in (stage.left, stage.right))
    with np.errstate(invalid="ignore"):
        met = COMPARED[stage.op](left, right)
    return np.asarray(met & ~np.isnan(left) & ~np.isnan(right))


def _scalar(scalar: Scalar, found: Groups, table: Table) -> Floats:
    """One value a group; NaN where there is none."""
    count = int(found.group.max()) + 1 if table.size else 0
    match scalar:
        case Static(value=value):
            return np.full(count, float(value or 0))
        case Computed(op=op, left=left, right=right):
            a, b = _scalar(left, found, table), _scalar(right, found, table)
            with np.errstate(all="ignore"):
                return COMPUTED[op](a, b)
        case Aggregate(op="count"):
            return np.bincount(found.group[found.member], minlength=count).astype(np.float64)
        case Aggregate(op=op, expr=expr):
            assert expr is not None
            values = table.numbers[expr]
            there = found.member & ~np.isnan(values)
            return _reduce(op, found.group[there], values[there], count)


def _reduce(op: str, groups: Ints, values: Floats, count: int) -> Floats:
    if op in ("sum", "avg"):
        counts = np.bincount(groups, minlength=count)
        sums = np.bincount(groups, weights=values, minlength=count)
        with np.errstate(all="ignore"):
            return np.where(counts > 0, sums / counts if op == "avg" else sums, np.nan)
    made = np.full(count, np.inf if op == "min" else -np.inf)
    (np.minimum if op == "min" else np.maximum).at(made, groups, values)
    return np.where(np.isinf(made), np.nan, made)
