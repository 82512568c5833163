"""TraceQL by looking at each span and each pair of spans, for traces that are small.

It reads the tree of a query as `ast.py` has it, knows nothing of SQL or numpy, and has of fields what the queries of
`test_random.py` ask for.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from traceo.query.traceql.ast import (
    Aggregate,
    Attribute,
    Binary,
    By,
    Coalesce,
    Combined,
    Computed,
    Field,
    Filter,
    Pipeline,
    ScalarFilter,
    Select,
    Static,
    Unary,
)

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
COMPUTE: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


@dataclass
class Span:
    """One span; `above` is its parent within the trace."""

    number: int
    parent: int
    start: int
    duration: int
    service: str
    name: str
    status: int
    attributes: dict[str, Any]
    above: Span | None = None
    below: list[Span] = field(default_factory=list)
    left: int = 0
    right: int = 0


Group = list[Span]


def link(trace: list[Span]) -> None:
    """Parents, children and nested sets. Of spans with equal ids the first by start is the parent."""
    trace.sort(key=lambda span: span.start)
    for span in trace:
        same = [other for other in trace if other.number == span.parent]
        if span.parent and same and span.parent != span.number:
            span.above = same[0]
            same[0].below.append(span)
    count = 0

    def walk(span: Span) -> None:
        nonlocal count
        span.left = count = count + 1
        for child in span.below:
            walk(child)
        span.right = count = count + 1

    for span in trace:
        if not span.parent:
            walk(span)


def evaluate(pipeline: Pipeline, trace: list[Span]) -> list[Group]:
    """The groups of a trace that are left, without those that are empty."""
    groups: list[Group] = [list(trace)]
    for stage in pipeline.stages:
        match stage:
            case Filter() | Combined() | Pipeline():
                chosen = select(stage, trace)
                groups = [[span for span in group if any(span is one for one in chosen)] for group in groups]
            case By(expr=expr):
                parts: dict[Any, Group] = {}
                for place, group in enumerate(groups):
                    for span in group:
                        value = value_of(expr, span)
                        parts.setdefault((place, type(value), value), []).append(span)
                groups = list(parts.values())
            case Coalesce():
                groups = [[span for group in groups for span in group]]
            case ScalarFilter(op=op, left=left, right=right):
                groups = [group for group in groups if _passes(op, scalar(left, group), scalar(right, group))]
            case Select():
                pass
    return [group for group in groups if group]


def select(spans: Filter | Combined | Pipeline, trace: list[Span]) -> Group:
    """The spans of an expression."""
    match spans:
        case Filter(condition=condition):
            return [span for span in trace if condition is None or value_of(condition, span) is True]
        case Pipeline():
            return [span for group in evaluate(spans, trace) for span in group]
        case Combined(op=op, left=left, right=right):
            return _combine(op, select(left, trace), select(right, trace), trace)  # type: ignore[arg-type]


def _combine(op: str, left: Group, right: Group, trace: list[Span]) -> Group:
    if op == "||":
        return _in_order(trace, [*left, *right])
    if op == "&&":
        return _in_order(trace, [*left, *right]) if left and right else []
    base = op.lstrip("!&")
    met = [span for span in right if any(related(base, other, span) for other in left)]
    if op.startswith("!"):
        return [span for span in right if not any(span is one for one in met)]
    if op.startswith("&"):
        met += [span for span in left if any(related(base, span, other) for other in right)]
    return _in_order(trace, met)


def _in_order(trace: list[Span], chosen: Group) -> Group:
    return [span for span in trace if any(span is one for one in chosen)]


def related(op: str, one: Span, other: Span) -> bool:
    """Whether the other span is a child, descendant, ... of the one."""
    match op:
        case ">":
            return other.above is one
        case "<":
            return one.above is other
        case ">>":
            return any(span is one for span in ancestors(other))
        case "<<":
            return any(span is other for span in ancestors(one))
        case _:
            return one is not other and one.parent == other.parent != 0


def ancestors(span: Span) -> Group:
    """Each once, also round a circle."""
    found: Group = []
    at = span.above
    while at is not None and not any(at is one for one in found):
        found.append(at)
        at = at.above
    return found


def value_of(expr: Field, span: Span) -> Any:
    """A value of Python's; None: there is none."""
    match expr:
        case Static(value=value):
            return value
        case Attribute():
            return _attribute(expr, span)
        case Unary(op="!", expr=inner):
            return value_of(inner, span) is not True
        case Unary(expr=inner):
            value = value_of(inner, span)
            return -value if _is_number(value) else None
        case Binary(op=op, left=left, right=right) if op in ("&&", "||"):
            sides = [value_of(left, span) is True, value_of(right, span) is True]
            return all(sides) if op == "&&" else any(sides)
        case Binary(op=op, left=left, right=right) if op in COMPUTE:
            a, b = value_of(left, span), value_of(right, span)
            return COMPUTE[op](a, b) if _is_number(a) and _is_number(b) else None
        case Binary(op=op, left=left, right=right):
            return _compare(op, left, right, span)


def _compare(op: str, left: Field, right: Field, span: Span) -> bool:
    a, b = value_of(left, span), value_of(right, span)
    for side, other in ((left, b), (right, a)):
        if isinstance(side, Static) and side.kind == "nil":
            return (other is None) == (op == "=")
    if a is None or b is None or _is_number(a) != _is_number(b) or (not _is_number(a) and type(a) is not type(b)):
        return False
    return COMPARE[op](a, b)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _attribute(attribute: Attribute, span: Span) -> Any:
    if not attribute.intrinsic:
        home = span.above if attribute.scope.startswith("parent") else span
        if home is None:
            return None
        if attribute.scope in ("resource", "parent.resource"):
            return home.service
        return home.attributes.get(attribute.name)
    root = span.parent == 0
    return {
        "span:name": span.name,
        "span:duration": span.duration,
        "span:status": span.status,
        "span:childCount": len(span.below),
        "nestedSetLeft": span.left,
        "nestedSetRight": span.right,
        "nestedSetParent": -1 if root else span.above.left if span.above and span.left else 0,
    }[attribute.name]


def scalar(expr: Any, group: Group) -> float | None:
    """None: there is none."""
    match expr:
        case Static(value=value):
            return float(value)  # type: ignore[arg-type]
        case Computed(op=op, left=left, right=right):
            a, b = scalar(left, group), scalar(right, group)
            return None if a is None or b is None else COMPUTE[op](a, b)
        case Aggregate(op="count"):
            return float(len(group))
        case Aggregate(op=op, expr=inner):
            values = [value for span in group if _is_number(value := value_of(inner, span))]
            if not values:
                return None
            made = {"min": min, "max": max, "sum": sum}.get(op)
            return float(made(values)) if made else sum(values) / len(values)
    raise AssertionError(expr)


def _passes(op: str, left: float | None, right: float | None) -> bool:
    return left is not None and right is not None and COMPARE[op](left, right)
