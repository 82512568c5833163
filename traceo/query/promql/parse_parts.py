"""Parts of expressions that are no expressions: label matchers, groupings, durations, offsets."""

from __future__ import annotations

import math

from traceo.query.promql.ast import Binary, Call, Duration, Matcher, Node, Number, Paren, Span, Unary
from traceo.query.promql.cursor import Cursor, parse_list
from traceo.query.promql.durations import duration_of
from traceo.query.promql.numbers import parse_duration_ms, parse_number
from traceo.query.promql.quoting import quote
from traceo.query.promql.selectors import check_matcher, is_label_name

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
LENGTH = "number, duration, step(), or range()"
DURATION_FUNCTIONS = {"step": 0, "range": 0, "min_of": 2, "max_of": 2, "min": 2, "max": 2}


def parse_matchers(cursor: Cursor, name: str) -> list[Matcher]:
    """`{a="b", ...}` after a metric's name (empty: there is none). The brace is next."""
    cursor.take()
    found: list[Matcher] = []
    while not cursor.accept("}"):
        _matcher(cursor, found, name)
        if not cursor.accept(",") and not cursor.at("}"):
            raise cursor.unexpected("label matching", '"," or "}"')
    return found


def _matcher(cursor: Cursor, found: list[Matcher], name: str) -> None:
    token = cursor.token
    if token.kind not in ("identifier", "string"):
        raise cursor.unexpected("label matching", 'identifier or "}"')
    cursor.take()
    if token.kind == "string" and cursor.at(",", "}"):  # a quoted metric name
        earlier = name or next((matcher.value for matcher in found if matcher.name == "__name__"), "")
        if earlier:
            raise cursor.fail(
                f"metric name must not be set twice: {quote(earlier)} or {quote(token.value)}", token.start
            )
        found.append(Matcher("__name__", "=", token.value))
        return
    if cursor.token.value not in ("=", "!=", "=~", "!~") or cursor.token.kind != "operator":
        raise cursor.unexpected("label matching", "label matching operator")
    op = cursor.take().value
    if cursor.token.kind != "string":
        raise cursor.unexpected("label matching", "string")
    matcher = Matcher(token.value, op, cursor.take().value)
    problem = check_matcher(matcher)
    if problem:
        raise cursor.fail(problem, token.start)
    found.append(matcher)


def parse_labels(cursor: Cursor) -> tuple[str, ...]:
    """`(a, b)` of by, without, on, ignoring, group_left, group_right."""
    labels: list[str] = []

    def label() -> None:
        token = cursor.token
        if token.kind not in ("identifier", "metric", "keyword", "aggregation", "string"):
            raise cursor.unexpected("grouping opts", "label")
        cursor.take()
        if token.kind == "metric" or not is_label_name(token.value):
            raise cursor.fail(f"invalid label name for grouping: {quote(token.value)}", token.start)
        labels.append(token.value)

    parse_list(cursor, "grouping opts", label)
    return tuple(labels)


def parse_signed_number(cursor: Cursor, context: str, expected: str) -> float:
    """A number or duration, in seconds, perhaps with a sign."""
    sign = cursor.accept("-", "+")
    if cursor.token.kind not in ("number", "duration"):
        raise cursor.unexpected(context, expected)
    value = number_of(cursor).value
    return -value if sign and sign.value == "-" else value


def number_of(cursor: Cursor) -> Number:
    """The number or duration that is next."""
    token = cursor.take()
    span = Span(token.start, token.end)
    try:
        if token.kind == "duration":
            return Number(parse_duration_ms(token.value) / 1000, span, duration=True)
        return Number(parse_number(token.value), span)
    except ValueError as error:
        message = str(error) if token.kind == "duration" else f"error parsing number: {error}"
        raise cursor.fail(message, token.start) from error


def parse_range(cursor: Cursor) -> Duration:
    """The length of a range or the step of a subquery, between brackets."""
    start = cursor.token.start
    expr = _duration_expr(cursor, 0, "subquery or range selector")
    return _check(cursor, expr, start, positive=True)


def parse_offset(cursor: Cursor) -> Duration:
    """What comes after `offset`: more than one term needs parentheses."""
    start = cursor.token.start
    sign = cursor.accept("-", "+")
    expr = _duration_atom(cursor, "offset")
    if sign and sign.value == "-":
        expr = Number(-expr.value, expr.span, expr.duration) if isinstance(expr, Number) else Unary("-", expr)
    return _check(cursor, expr, start, positive=False)


def _check(cursor: Cursor, expr: Node, start: int, *, positive: bool) -> Duration:
    try:
        return duration_of(expr, positive=positive)
    except ValueError as error:
        raise cursor.fail(str(error), start) from error


def _duration_expr(cursor: Cursor, lowest: int, context: str) -> Node:
    """Operators bind as in expressions; `^` binds to the right."""
    left = _duration_unary(cursor, context)
    while cursor.token.kind == "operator" and PRECEDENCE.get(cursor.token.value, -1) >= max(lowest, 1):
        op = cursor.take().value
        rank = PRECEDENCE[op]
        left = Binary(op, left, _duration_expr(cursor, rank if op == "^" else rank + 1, context))
    return left


def _duration_unary(cursor: Cursor, context: str) -> Node:
    sign = cursor.accept("-", "+")
    if not sign:
        return _duration_atom(cursor, context)
    operand = _duration_expr(cursor, PRECEDENCE["^"], context)
    if isinstance(operand, Number):
        return Number(-operand.value if sign.value == "-" else operand.value, operand.span, operand.duration)
    return Unary(sign.value, operand)


def _duration_atom(cursor: Cursor, context: str) -> Node:
    token = cursor.token
    if token.kind in ("number", "duration"):
        number = number_of(cursor)
        if not math.isfinite(number.value):
            raise cursor.fail("duration out of range", token.start)
        return number
    if cursor.accept("("):
        inner = _duration_expr(cursor, 0, context)
        if not cursor.accept(")"):
            raise cursor.unexpected(context, '")"')
        return Paren(inner)
    if token.word in DURATION_FUNCTIONS and cursor.after().value == "(":
        return _duration_call(cursor, context)
    raise cursor.unexpected(context, LENGTH)


def _duration_call(cursor: Cursor, context: str) -> Node:
    token = cursor.take()
    arguments: list[Node] = []
    parse_list(cursor, context, lambda: arguments.append(_duration_expr(cursor, 0, context)))
    if len(arguments) != DURATION_FUNCTIONS[token.word]:
        wanted = DURATION_FUNCTIONS[token.word]
        raise cursor.fail(f'expected {wanted} argument(s) in call to "{token.word}", got {len(arguments)}', token.start)
    return Call(token.word, tuple(arguments), Span(token.start, cursor.end))
