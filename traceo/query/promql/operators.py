"""Binary operators between two numbers, or native histograms, cell by cell of grids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from traceo.query.promql.ast import Binary
from traceo.query.promql.context import Context
from traceo.query.promql.histogram import Histogram, IncompatibleSchemas, add
from traceo.query.promql.histogram_stats import trim
from traceo.query.promql.quoting import quote
from traceo.query.promql.values import Bools, Floats, Objects, is_object

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.float_power,
    "atan2": np.arctan2,
}
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
TRIMS = ("</", ">/")


@dataclass(frozen=True, slots=True)
class Cells:
    """One side of an operation. `histograms` is None where all are floats."""

    values: Floats
    present: Bools
    histograms: Objects | None = None


def compute(op: str, left: Floats, right: Floats) -> Floats:
    """Of two scalars."""
    with np.errstate(all="ignore"):
        if op in COMPARISONS:
            return np.asarray(COMPARISONS[op](left, right), dtype=np.float64)
        return np.asarray(ARITHMETIC[op](left, right), dtype=np.float64)


def operate(node: Binary, left: Cells, right: Cells, context: Context, *, keep_right: bool = False) -> Cells:
    """The result of each pair of cells.

    A comparison keeps its left cell (`keep_right`: the other) where it holds, or with `bool` is 1 or 0.
    """
    present = left.present & right.present
    if left.histograms is not None or right.histograms is not None:
        return _with_histograms(node, left, right, present, context, keep_right)
    return _floats(node, left, right, present, context, keep_right)


def _floats(node: Binary, left: Cells, right: Cells, present: Bools, context: Context, keep_right: bool) -> Cells:
    with np.errstate(all="ignore"):
        if node.op in ARITHMETIC:
            return Cells(ARITHMETIC[node.op](left.values, right.values), present)
        if node.op in TRIMS:
            if present.any():
                _incompatible(node, None, None, context)
            return Cells(left.values, np.zeros_like(present))
        holds = COMPARISONS[node.op](left.values, right.values)
    if node.return_bool:
        return Cells(holds.astype(np.float64), present)
    kept = right.values if keep_right else left.values
    return Cells(np.broadcast_to(kept, present.shape), present & holds)


def _with_histograms(
    node: Binary, left: Cells, right: Cells, present: Bools, context: Context, keep_right: bool
) -> Cells:
    objects = [np.broadcast_to(_objects(side), present.shape) for side in (left, right)]
    touched = present & (is_object(objects[0]) | is_object(objects[1]))
    made = _floats(node, left, right, present & ~touched, context, keep_right)
    values, there = np.array(made.values, dtype=np.float64), made.present.copy()
    histograms = np.full(present.shape, None)
    numbers = [np.broadcast_to(side.values, present.shape) for side in (left, right)]
    for cell in zip(*np.nonzero(touched), strict=True):
        one, other = (objects[side][cell] or float(numbers[side][cell]) for side in (0, 1))
        result = _pair(node, one, other, context)
        if result is True:
            result = other if keep_right else one
        there[cell] = result is not None
        if isinstance(result, Histogram):
            histograms[cell] = result
        elif result is not None:
            values[cell] = result
    return Cells(values, there, histograms)


def _objects(side: Cells) -> Objects:
    return np.full(side.values.shape, None) if side.histograms is None else side.histograms


def _pair(
    node: Binary, left: Histogram | float, right: Histogram | float, context: Context
) -> Histogram | float | bool | None:
    """A histogram or number, True for a comparison that keeps its cell, None for nothing."""
    op = node.op
    if isinstance(left, Histogram) and isinstance(right, Histogram):
        if op in ("==", "!="):
            holds = left.equals(right) == (op == "==")
            return float(holds) if node.return_bool else holds or None
        if op in ("+", "-"):
            return _add(node, left, right, context)
    elif isinstance(left, Histogram) and not isinstance(right, Histogram):
        if op == "*":
            return left.scaled(right)
        if op == "/":
            return left.divided(right)
        if op in TRIMS:
            return trim(left, right, keep_lower=op == "</")
    elif isinstance(right, Histogram) and not isinstance(left, Histogram) and op == "*":
        return right.scaled(left)
    _incompatible(node, left, right, context)
    return None


def _add(node: Binary, left: Histogram, right: Histogram, context: Context) -> Histogram | None:
    what = "addition" if node.op == "+" else "subtraction"
    try:
        made = add(left, right, subtract=node.op == "-")
    except IncompatibleSchemas:
        context.notes.warn(f"incompatible bucket layout encountered for binary operator {node.op}", node.span)
        return None
    if made.reconciled:
        context.notes.reconciled(what, node.span)
    if made.collision:
        context.notes.collision(what, node.span)
    return made.histogram.compact()


def _incompatible(node: Binary, left: object, right: object, context: Context) -> None:
    kinds = ["histogram" if isinstance(side, Histogram) else "float" for side in (left, right)]
    message = f"incompatible sample types encountered for binary operator {quote(node.op)}"
    context.notes.info(f"{message}: {kinds[0]} {node.op} {kinds[1]}", node.span)
