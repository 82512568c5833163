"""A PromQL expression as the tree that Prometheus' own UI draws."""

from typing import Any

from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Duration,
    Matcher,
    Matching,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Type,
    Unary,
    When,
)
from traceo.query.promql.functions import FUNCTIONS
from traceo.query.promql.numbers import format_float

TYPE_NAMES = {Type.SCALAR: "scalar", Type.STRING: "string", Type.VECTOR: "vector", Type.MATRIX: "matrix"}


def show_tree(node: Node) -> dict[str, Any]:
    """The node as an object with its `type`; durations and times are milliseconds."""
    match node:
        case Number(value=value):
            return {"type": "numberLiteral", "val": format_float(value)}
        case String(value=value):
            return {"type": "stringLiteral", "val": value}
        case Paren(expr=expr):
            return {"type": "parenExpr", "expr": show_tree(expr)}
        case Unary(op=op, expr=expr):
            return {"type": "unaryExpr", "op": op, "expr": show_tree(expr)}
        case Binary():
            return _show_binary(node)
        case Selector():
            return {"type": "vectorSelector", **_show_selector(node)}
        case Matrix(selector=selector, range=length):
            return {"type": "matrixSelector", **_show_selector(selector), "range": length.ms}
        case Subquery():
            return _show_subquery(node)
        case Call():
            return _show_call(node)
        case Aggregate():
            return {
                "type": "aggregation",
                "op": node.op,
                "expr": show_tree(node.expr),
                "param": None if node.param is None else show_tree(node.param),
                "grouping": list(node.grouping),
                "without": node.without,
            }


def _show_binary(node: Binary) -> dict[str, Any]:
    return {
        "type": "binaryExpr",
        "op": node.op,
        "lhs": show_tree(node.lhs),
        "rhs": show_tree(node.rhs),
        "matching": None if node.matching is None else _show_matching(node.matching),
        "bool": node.return_bool,
    }


def _show_matching(matching: Matching) -> dict[str, Any]:
    return {
        "card": matching.card.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    }


def _show_selector(node: Selector) -> dict[str, Any]:
    return {
        "name": node.name,
        **_show_when(node.when),
        "matchers": [_show_matcher(matcher) for matcher in node.matchers],
        "anchored": node.extension == "anchored",
        "smoothed": node.extension == "smoothed",
    }


def _show_matcher(matcher: Matcher) -> dict[str, str]:
    return {"name": matcher.name, "value": matcher.value, "type": matcher.op}


def _show_when(when: When) -> dict[str, Any]:
    return {"offset": when.offset.ms, "timestamp": when.at_ms, "startOrEnd": when.edge}


def _show_subquery(node: Subquery) -> dict[str, Any]:
    step = node.step or Duration()
    return {
        "type": "subquery",
        "expr": show_tree(node.expr),
        "range": node.range.ms,
        **_show_when(node.when),
        "step": step.ms,
    }


def _show_call(node: Call) -> dict[str, Any]:
    function = FUNCTIONS[node.function]
    return {
        "type": "call",
        "func": {
            "name": function.name,
            "argTypes": [TYPE_NAMES[kind] for kind in function.arguments],
            "variadic": function.variadic,
            "returnType": TYPE_NAMES[function.result],
        },
        "args": [show_tree(arg) for arg in node.args],
    }
