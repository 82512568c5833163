"""Trees to text, as Prometheus' `/format_query` and `promtool promql format` lay them out."""

from __future__ import annotations

from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Cardinality,
    Duration,
    Matching,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Unary,
    When,
)
from traceo.query.promql.lexer import IDENTIFIER, LABEL
from traceo.query.promql.numbers import format_duration, format_short
from traceo.query.promql.quoting import quote

WIDTH = 100


def format_promql(node: Node) -> str:
    """The expression over several lines where it is long."""
    return _pretty(node, 0)


def write_promql(node: Node) -> str:
    """The expression in one line: Prometheus' `String()`."""
    match node:
        case Number():
            return _write_number(node)
        case String(value=value):
            return quote(value)
        case Paren(expr=inner):
            return f"({write_promql(inner)})"
        case Unary(op=op, expr=inner):
            return f"{op}{write_promql(inner)}"
        case Binary():
            return f"{write_promql(node.lhs)} {_operator(node)} {write_promql(node.rhs)}"
        case Selector():
            return _selector(node, "")
        case Matrix():
            return _selector(node.selector, f"[{_duration(node.range)}]")
        case Subquery():
            return f"{write_promql(node.expr)}{_subquery(node)}"
        case Call():
            return f"{node.function}({', '.join(map(write_promql, node.args))})"
        case Aggregate():
            arguments = [write_promql(arg) for arg in (node.param, node.expr) if arg is not None]
            return f"{_aggregation(node)}({', '.join(arguments)})"


def _pretty(node: Node, depth: int) -> str:
    text, indent = write_promql(node), "  " * depth
    if len(text) <= WIDTH:
        return indent + text
    match node:
        case Paren(expr=inner):
            return f"{indent}(\n{_pretty(inner, depth + 1)}\n{indent})"
        case Unary(op=op, expr=inner):
            return f"{indent}{op}{_pretty(inner, depth).lstrip()}"
        case Binary():
            left, right = _pretty(node.lhs, depth + 1), _pretty(node.rhs, depth + 1)
            return f"{left}\n{indent}{_operator(node)}\n{right}"
        case Subquery():
            return f"{_pretty(node.expr, depth)}{_subquery(node)}"
        case Call(function=name, args=args):
            return _pretty_call(name, args, depth)
        case Aggregate():
            arguments = tuple(arg for arg in (node.param, node.expr) if arg is not None)
            return _pretty_call(_aggregation(node), arguments, depth)
        case _:
            return indent + text


def _pretty_call(name: str, arguments: tuple[Node, ...], depth: int) -> str:
    indent = "  " * depth
    inner = ",\n".join(_pretty(argument, depth + 1) for argument in arguments)
    return f"{indent}{name}(\n{inner}\n{indent})"


def _write_number(node: Number) -> str:
    if not node.duration:
        return format_short(node.value)
    return format_duration(round(node.value * 1000))


def _operator(node: Binary) -> str:
    return f"{node.op}{' bool' if node.return_bool else ''}{_matching(node.matching or Matching())}"


def _matching(matching: Matching) -> str:
    text = ""
    grouped = matching.card in (Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY)
    if matching.labels or matching.on or grouped:
        text = f" {'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    if grouped:
        side = "left" if matching.card is Cardinality.MANY_TO_ONE else "right"
        text += f" group_{side} ({_labels(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and left == right:
        return f"{text} fill ({format_short(left)})"
    text += "" if left is None else f" fill_left ({format_short(left)})"
    return text + ("" if right is None else f" fill_right ({format_short(right)})")


def _labels(labels: tuple[str, ...]) -> str:
    return ", ".join(name if LABEL.fullmatch(name) else quote(name) for name in labels)


def _aggregation(node: Aggregate) -> str:
    if node.without:
        return f"{node.op} without ({_labels(node.grouping)}) "
    return f"{node.op} by ({_labels(node.grouping)}) " if node.grouping else node.op


def _selector(node: Selector, length: str) -> str:
    name, matchers = node.name, list(node.matchers)
    parts = []
    if name:
        matchers.pop()  # that of the name is the last
        if not IDENTIFIER.fullmatch(name):
            parts, name = [quote(name)], ""
    parts += [f"{_labels((matcher.name,))}{matcher.op}{quote(matcher.value)}" for matcher in matchers]
    braces = f"{{{','.join(parts)}}}" if parts or not name else ""
    extension = f" {node.extension}" if node.extension else ""
    return f"{name}{braces}{length}{extension}{_when(node.when)}"


def _subquery(node: Subquery) -> str:
    step = "" if node.step is None else _duration(node.step)
    return f"[{_duration(node.range)}:{step}]{_when(node.when)}"


def _when(when: When) -> str:
    text = ""
    if when.edge:
        text = f" @ {when.edge}()"
    elif when.at_ms is not None:
        text = f" @ {when.at_ms / 1000:.3f}"
    if when.offset.expr is not None:
        return f"{text} offset {write_promql(when.offset.expr)}"
    return f"{text} offset {format_duration(when.offset.ms)}" if when.offset.ms else text


def _duration(duration: Duration) -> str:
    return format_duration(duration.ms) if duration.expr is None else write_promql(duration.expr)
