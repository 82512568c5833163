"""What follows from a span's place in its trace: nested sets and the number of children, computed with numpy.

A span that no root leads to (its parent is missing, or its ancestors are a circle) has a nested set of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from traceo.query.traceql.ast import Attribute, Binary, Field, Static, Unary
from traceo.query.traceql.check import ARITHMETIC
from traceo.query.traceql.structure import COMPARED, COMPUTED, Bools, Floats, Ints, Table

PLACES = ("nestedSetLeft", "nestedSetRight", "nestedSetParent", "span:childCount")


def is_place(expr: Field) -> bool:
    """Whether it is such an intrinsic."""
    return isinstance(expr, Attribute) and expr.intrinsic and expr.name in PLACES


def needs_place(expr: Field | None) -> bool:
    """Whether such an intrinsic is part of it."""
    match expr:
        case Binary(left=left, right=right):
            return not is_root_test(expr) and (needs_place(left) or needs_place(right))
        case Unary(expr=inner):
            return needs_place(inner)
        case None:
            return False
        case _:
            return is_place(expr)


def is_root_test(expr: Field) -> bool:
    """`nestedSetParent < 0` and the like: whether a span is a root, which its row tells. Others have 0 or more."""
    match expr:
        case Binary(op=op, left=Attribute(name="nestedSetParent"), right=Static(value=int() | float() as limit)):
            return op in COMPARED and (limit < 0 or (limit == 0 and op in ("<", ">=")))
        case _:
            return False


def parts_of(expr: Field, conditions: list[Field], numbers: list[Field]) -> None:
    """Adds the conditions and numbers that the engine computes for a condition, or a number, that needs places."""
    if not needs_place(expr):
        conditions.append(expr)
    elif isinstance(expr, Unary) and expr.op == "!":
        parts_of(expr.expr, conditions, numbers)
    elif isinstance(expr, Binary) and expr.op in ("&&", "||"):
        parts_of(expr.left, conditions, numbers)
        parts_of(expr.right, conditions, numbers)
    else:
        numbers += numbers_in(expr)


def numbers_in(expr: Field) -> list[Field]:
    """The largest parts of a number or comparison that need no places."""
    if not needs_place(expr):
        return [] if isinstance(expr, Static) else [expr]
    match expr:
        case Binary(left=left, right=right):
            return [*numbers_in(left), *numbers_in(right)]
        case Unary(expr=inner):
            return numbers_in(inner)
        case _:
            return []


@dataclass(frozen=True)
class Places:
    """Evaluates for all spans of a table: what the engine computed is in `conditions` and `numbers`."""

    table: Table
    conditions: dict[Field | None, Bools]
    numbers: dict[Field, Floats]
    known: dict[str, Floats] = field(default_factory=dict)

    def holds(self, expr: Field | None) -> Bools:
        """Where a condition holds."""
        if expr in self.conditions:
            return self.conditions[expr]
        match expr:
            case Unary(op="!", expr=inner):
                return ~self.holds(inner)
            case Binary(op="&&", left=left, right=right):
                return self.holds(left) & self.holds(right)
            case Binary(op="||", left=left, right=right):
                return self.holds(left) | self.holds(right)
            case Binary(op=op, right=Static(kind="nil")) | Binary(op=op, left=Static(kind="nil")):
                return np.full(self.table.size, op == "!=")
            case Binary(op=op, left=left, right=right):
                sides = self.number(left), self.number(right)
                there = ~np.isnan(sides[0]) & ~np.isnan(sides[1])
                return np.asarray(COMPARED[op](sides[0], sides[1]) & there)
            case _:
                raise AssertionError(expr)

    def number(self, expr: Field) -> Floats:
        """Values; NaN where there is none."""
        if expr in self.numbers:
            return self.numbers[expr]
        match expr:
            case Static(value=value):
                return np.full(self.table.size, float(value or 0))
            case Unary(expr=inner):
                return -self.number(inner)
            case Binary(op=op, left=left, right=right) if op in ARITHMETIC:
                with np.errstate(all="ignore"):
                    return COMPUTED[op](self.number(left), self.number(right))
            case Attribute(name=name):
                if name not in self.known:
                    self.known.update(_places(self.table))
                return self.known[name]
            case _:
                raise AssertionError(expr)


def _places(table: Table) -> dict[str, Floats]:
    above = table.above
    children = np.bincount(above[above >= 0], minlength=table.size)
    left, right = number_sets(table.trace, above, table.parent == 0)
    parent = np.where(table.parent == 0, -1, np.where(left > 0, left[np.maximum(above, 0)], 0))
    columns = (left, right, parent, children)
    return {name: column.astype(np.float64) for name, column in zip(PLACES, columns, strict=True)}


def number_sets(trace: Ints, above: Ints, root: Bools) -> tuple[Ints, Ints]:
    """Left and right numbers of a walk through each trace, down and up; from 1, roots and children in their order.

    https://en.wikipedia.org/wiki/Nested_set_model, level by level: a span's left number follows from how many spans
    were entered before it and how many of them are its ancestors.
    """
    size = len(trace)
    order = np.argsort(above, kind="stable")
    first, last = (np.searchsorted(above[order], np.arange(size), side=side) for side in ("left", "right"))
    levels = [np.flatnonzero(root)]
    while len(levels[-1]):
        spans = levels[-1]
        count = last[spans] - first[spans]
        levels.append(order[np.repeat(first[spans], count) + _within(count)])
    below = np.ones(size, dtype=np.int64)
    for level in levels[:0:-1]:
        np.add.at(below, above[level], below[level])
    left = np.zeros(size, dtype=np.int64)
    for depth, level in enumerate(levels):
        family = above[level] if depth else trace[level]
        entered = np.cumsum(below[level]) - below[level]
        heads = np.concatenate([[True], family[1:] != family[:-1]]) if len(level) else np.zeros(0, dtype=bool)
        entered -= entered[heads][np.cumsum(heads) - 1]
        left[level] = 2 * entered + 1 + (left[above[level]] if depth else 0)
    return left, np.where(left > 0, left + 2 * below - 1, 0)


def _within(count: npt.NDArray[np.int64]) -> Ints:
    """0, 1, ... anew for each count."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
