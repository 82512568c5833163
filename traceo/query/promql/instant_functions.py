"""Functions over instant vectors and scalars: arithmetic, calendar, sorting, presence."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import Any

import numpy as np

from traceo.query.promql.ast import Call, Matrix, Node, Selector, unwrap
from traceo.query.promql.context import Context
from traceo.query.promql.values import Bools, Floats, Grid, Ints, Labels, empty_grid, single_row

Function = Callable[[Sequence[Any], Call, Context], Any]
CHUNK = re.compile(r"\d+|\D+")


def mapped(grid: Grid, values: Floats, present: Bools | None = None) -> Grid:
    """Floats made of a grid's floats; the name goes."""
    drop = np.ones(len(grid.labels), dtype=bool)
    return Grid(grid.labels, values, grid.present if present is None else present, drop)


def elementwise(compute: Callable[[Floats], Any]) -> Function:
    """A function of each float; histograms are left out."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        grid: Grid = arguments[0].floats().compact()
        with np.errstate(all="ignore"):
            return mapped(grid, compute(grid.values))

    return function


def round_to(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """To the nearest multiple of the second argument, halves upwards."""
    grid: Grid = arguments[0].floats().compact()
    with np.errstate(all="ignore"):
        inverse = 1.0 / arguments[1] if len(arguments) > 1 else np.ones(context.steps)
        return mapped(grid, np.floor(grid.values * inverse + 0.5) / inverse)


def smaller(one: Floats, other: Floats) -> Floats:
    """Go's `math.Min`: minus infinity even beside NaN."""
    return np.where(np.isneginf(one) | np.isneginf(other), -np.inf, np.minimum(one, other))


def larger(one: Floats, other: Floats) -> Floats:
    """Go's `math.Max`: infinity even beside NaN."""
    return np.where(np.isposinf(one) | np.isposinf(other), np.inf, np.maximum(one, other))


def clamp(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Between two bounds; nothing where they are the wrong way round."""
    grid: Grid = arguments[0].floats()
    low, high = arguments[1], arguments[2]
    limited = larger(low, smaller(high, grid.values))
    return mapped(grid, limited, grid.present & ~(high < low)).compact()


def clamp_min(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Not below a bound."""
    grid: Grid = arguments[0].floats().compact()
    return mapped(grid, larger(arguments[1], grid.values))


def clamp_max(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """Not above a bound."""
    grid: Grid = arguments[0].floats().compact()
    return mapped(grid, smaller(arguments[1], grid.values))


def calendar(compute: Callable[[Ints], Any]) -> Function:
    """A part of the date and time (UTC) that a value is in seconds since 1970; without an argument, of the step."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        if not arguments:
            return single_row({}, np.asarray(compute(context.times // 1000), dtype=np.float64))
        grid: Grid = arguments[0].floats().compact()
        seconds = np.clip(np.nan_to_num(grid.values), -(2.0**55), 2.0**55).astype(np.int64)
        return mapped(grid, np.asarray(compute(seconds), dtype=np.float64))

    return function


def _months(seconds: Ints) -> Ints:
    return (seconds // 86400).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _first_day(months: Ints) -> Ints:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _day_of_year(seconds: Ints) -> Ints:
    return seconds // 86400 - _first_day(_months(seconds) // 12 * 12) + 1


def sort(descending: bool) -> Function:
    """By value, NaN last; in instant queries only, because series of a range have no order."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        grid: Grid = arguments[0].floats().compact()
        if context.steps != 1:
            return grid
        values = grid.values[:, 0]
        return grid.rows(np.argsort(-values if descending else values, kind="stable"))

    return function


def sort_by_label(descending: bool) -> Function:
    """By the values of labels, numbers in them by size; then by all labels."""

    def function(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
        grid: Grid = arguments[0]
        names = arguments[1:]

        def compare(one: int, other: int) -> int:
            left, right = grid.labels[one], grid.labels[other]
            for name in names:
                a, b = left.get(name, ""), right.get(name, "")
                if a != b:
                    return -1 if _is_before(a, b) else 1
            a_all, b_all = sorted(left.items()), sorted(right.items())
            return (a_all > b_all) - (a_all < b_all)

        return grid.rows(
            np.array(sorted(range(len(grid.labels)), key=cmp_to_key(compare), reverse=descending), dtype=int)
        )

    return function


def _is_before(one: str, other: str) -> bool:
    for a, b in zip(CHUNK.findall(one), CHUNK.findall(other), strict=False):
        if a.isdigit() and b.isdigit() and int(a) != int(b):
            return int(a) < int(b)
        if a != b and not (a.isdigit() and b.isdigit()):
            return bool(a < b)
    return len(one) < len(other)


def scalar(arguments: Sequence[Any], call: Call, context: Context) -> Floats:
    """The value of the only series with a float; otherwise NaN."""
    grid: Grid = arguments[0].floats()
    value = np.where(grid.present, grid.values, 0.0).sum(axis=0)
    return np.where(grid.present.sum(axis=0) == 1, value, np.nan)


def absent(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """1 where a vector, or all windows of a range vector, are empty; labels as far as the selector tells them."""
    value = arguments[0]
    there = value.present if isinstance(value, Grid) else value.counts > 0
    missing = np.asarray(~there.any(axis=0))
    if not missing.any():
        return empty_grid(context.steps)
    return single_row(_absent_labels(call.args[0]), np.ones(context.steps), missing)


def _absent_labels(node: Node) -> Labels:
    node = unwrap(node)
    selector = node.selector if isinstance(node, Matrix) else node
    if not isinstance(selector, Selector):
        return {}
    labels: Labels = {}
    seen = set()
    for matcher in selector.matchers:
        if matcher.name == "__name__":
            continue
        if matcher.op == "=" and matcher.name not in seen:
            labels[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            labels.pop(matcher.name, None)
    return {name: text for name, text in labels.items() if text}


def constant(compute: Callable[[Context], float]) -> Function:
    """A scalar that follows from the query."""
    return lambda arguments, call, context: np.full(context.steps, compute(context), dtype=np.float64)


def vector(arguments: Sequence[Any], call: Call, context: Context) -> Grid:
    """A scalar as a series without labels."""
    return single_row({}, arguments[0])


MATH: dict[str, Callable[[Floats], Any]] = {
    **{"abs": np.abs, "ceil": np.ceil, "exp": np.exp, "floor": np.floor, "ln": np.log, "log2": np.log2},
    **{"log10": np.log10, "sqrt": np.sqrt, "sgn": np.sign, "deg": np.degrees, "rad": np.radians},
    **{"sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh},
    **{"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan},
    **{"asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh},
}
CALENDAR: dict[str, Callable[[Ints], Any]] = {
    "year": lambda seconds: _months(seconds) // 12 + 1970,
    "month": lambda seconds: _months(seconds) % 12 + 1,
    "day_of_month": lambda seconds: seconds // 86400 - _first_day(_months(seconds)) + 1,
    "day_of_week": lambda seconds: (seconds // 86400 + 4) % 7,
    "day_of_year": _day_of_year,
    "days_in_month": lambda seconds: _first_day(_months(seconds) + 1) - _first_day(_months(seconds)),
    "hour": lambda seconds: seconds // 3600 % 24,
    "minute": lambda seconds: seconds // 60 % 60,
}
FUNCTIONS: dict[str, Function] = {
    **{name: elementwise(compute) for name, compute in MATH.items()},
    **{name: calendar(compute) for name, compute in CALENDAR.items()},
    "round": round_to,
    "clamp": clamp,
    "clamp_min": clamp_min,
    "clamp_max": clamp_max,
    "sort": sort(False),
    "sort_desc": sort(True),
    "sort_by_label": sort_by_label(False),
    "sort_by_label_desc": sort_by_label(True),
    "scalar": scalar,
    "vector": vector,
    "absent": absent,
    "absent_over_time": absent,
    "pi": constant(lambda context: np.pi),
    "time": lambda arguments, call, context: context.times / 1000,
    "start": constant(lambda context: context.query.start_ms / 1000),
    "end": constant(lambda context: context.query.end_ms / 1000),
    "step": constant(lambda context: context.query.step_ms / 1000),
    "range": constant(lambda context: context.query.range_ms / 1000),
    "min_of": lambda arguments, call, context: smaller(arguments[0], arguments[1]),
    "max_of": lambda arguments, call, context: larger(arguments[0], arguments[1]),
}
