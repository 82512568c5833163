"""Durations that are expressions: `[step() * 2]`, `offset (1h - 5m)`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Duration,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    Subquery,
    Unary,
    When,
    walk,
)
from traceo.query.promql.info_function import with_info_selector

MAX_S = (1 << 63) / 1e9


@dataclass(frozen=True, slots=True)
class Window:
    """What the query asks for, in milliseconds: `step()` is 0 in an instant query, as in Prometheus."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def range_ms(self) -> int:
        """`range()`."""
        return self.end_ms - self.start_ms


def duration_of(expr: Node, *, positive: bool) -> Duration:
    """The duration that an expression stands for; one with `step()` or `range()` stays open. Raises ValueError."""
    if any(isinstance(node, Call) and node.function in ("step", "range") for node in walk(expr)):
        return Duration(0, expr)
    value = _seconds(expr, Window(0, 0, 0))
    return Duration(_milliseconds(value, positive), None if isinstance(expr, Number) else expr)


def resolve(node: Node, window: Window) -> Node:
    """The tree with every duration known. Raises ValueError for one that is not positive where it must be."""
    match node:
        case Selector():
            return replace(node, when=_resolve_when(node.when, window))
        case Matrix():
            selector = resolve(node.selector, window)
            assert isinstance(selector, Selector)
            return replace(node, selector=selector, range=_resolve(node.range, window, True))
        case Subquery():
            step = None if node.step is None else _resolve(node.step, window, True)
            length, when = _resolve(node.range, window, True), _resolve_when(node.when, window)
            return replace(node, expr=resolve(node.expr, window), range=length, step=step, when=when)
        case Paren() | Unary():
            return replace(node, expr=resolve(node.expr, window))
        case Binary():
            return replace(node, lhs=resolve(node.lhs, window), rhs=resolve(node.rhs, window))
        case Call(function="info"):
            vector, selector = with_info_selector(node).args
            return replace(node, args=(resolve(vector, window), selector))
        case Call():
            return replace(node, args=tuple(resolve(arg, window) for arg in node.args))
        case Aggregate():
            param = None if node.param is None else resolve(node.param, window)
            return replace(node, expr=resolve(node.expr, window), param=param)
        case _:
            return node


def _resolve_when(when: When, window: Window) -> When:
    at_ms = {"start": window.start_ms, "end": window.end_ms}[when.edge] if when.edge else when.at_ms
    return replace(when, offset=_resolve(when.offset, window, False), at_ms=at_ms)


def _resolve(duration: Duration, window: Window, positive: bool) -> Duration:
    if duration.expr is None:
        return duration
    return Duration(_milliseconds(_seconds(duration.expr, window), positive), duration.expr)


def _milliseconds(value: float, positive: bool) -> int:
    if positive and value <= 0:
        raise ValueError("duration must be greater than 0")
    if abs(value) > MAX_S or math.isnan(value):
        raise ValueError("duration out of range")
    return round(value * 1000)


def _seconds(expr: Node, window: Window) -> float:
    match expr:
        case Number(value=value):
            return value
        case Paren(expr=inner):
            return _seconds(inner, window)
        case Unary(op=op, expr=inner):
            return -_seconds(inner, window) if op == "-" else _seconds(inner, window)
        case Call(function="step"):
            return window.step_ms / 1000
        case Call(function="range"):
            return window.range_ms / 1000
        case Call(function=name, args=(left, right)):
            choose = min if name.startswith("min") else max
            return choose(_seconds(left, window), _seconds(right, window))
        case Binary(op=op, lhs=left, rhs=right):
            return _operate(op, _seconds(left, window), _seconds(right, window))
    raise ValueError("duration must be a number")


def _operate(op: str, left: float, right: float) -> float:
    if op in "/%" and right == 0:
        raise ValueError("division by zero" if op == "/" else "modulo by zero")
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "%":
            return math.fmod(left, right)
    try:
        return float(left**right)
    except (OverflowError, ZeroDivisionError):
        return math.inf
