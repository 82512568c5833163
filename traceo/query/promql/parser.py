"""PromQL's text to a checked tree. Errors carry Prometheus' text and position."""

from __future__ import annotations

from dataclasses import replace

from traceo.errors import ParseError
from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Cardinality,
    Duration,
    Matcher,
    Matching,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    Span,
    String,
    Subquery,
    Unary,
    When,
    with_span,
)
from traceo.query.promql.check import check
from traceo.query.promql.cursor import Cursor
from traceo.query.promql.functions import FUNCTIONS
from traceo.query.promql.parse_parts import (
    number_of,
    parse_labels,
    parse_matchers,
    parse_offset,
    parse_range,
    parse_signed_number,
)
from traceo.query.promql.quoting import quote

PRECEDENCE = {
    **{"or": 1, "and": 2, "unless": 2},
    **dict.fromkeys(("==", ">=", ">", "<", "<=", "!=", "</", ">/"), 3),
    **{"+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6},
}
UNARY = 5  # binds like a multiplication: -2^2 is -(2^2)
WITH_PARAM = frozenset(["topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"])
SELECTABLE = "must be preceded by an instant vector selector or range vector selector or a subquery"
MAX_TIME_S = (1 << 63) / 1000
MAX_CHAIN = 1000  # operators in a row: a tree of that depth is beyond every recursion that follows


def parse_promql(text: str) -> Node:
    """The expression as a tree. Raises ParseError: `1:5: parse error: ...`."""
    cursor = Cursor(text)
    try:
        if cursor.token.kind == "eof":
            raise cursor.fail("no expression found in input", 0)
        node = _expression(cursor, 0)
        if cursor.token.kind != "eof":
            raise cursor.unexpected()
        check(node, text)
    except RecursionError as error:
        raise ParseError("1:1: parse error: the expression is nested too deeply", position=0) from error
    return node


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of a series selector (`match[]`). Raises ParseError."""
    cursor = Cursor(text)
    node = _atom(cursor)
    if not isinstance(node, Selector) or cursor.token.kind != "eof":
        raise cursor.unexpected() if isinstance(node, Selector) else cursor.fail("expected a series selector", 0)
    check(node, text)
    return node.matchers


def _expression(cursor: Cursor, lowest: int) -> Node:
    left = _unary(cursor)
    for _ in range(MAX_CHAIN):
        if (rank := _rank(cursor)) < max(lowest, 1):
            return left
        left = _binary(cursor, left, rank)
    raise RecursionError


def _rank(cursor: Cursor) -> int:
    token = cursor.token
    return PRECEDENCE.get(token.word, 0) if token.kind in ("operator", "keyword") else 0


def _unary(cursor: Cursor) -> Node:
    start = cursor.token.start
    sign = cursor.accept("-", "+")
    if not sign:
        return _postfix(cursor, _atom(cursor))
    operand = _expression(cursor, UNARY + 1)
    if isinstance(operand, Number):
        value = -operand.value if sign.value == "-" else operand.value
        return Number(value, Span(start, operand.span.end), operand.duration)
    return Unary(sign.value, operand, Span(start, operand.span.end))


def _binary(cursor: Cursor, left: Node, rank: int) -> Node:
    operator = cursor.take()
    op = operator.word
    return_bool = cursor.accept("bool") is not None
    matching = _fill(cursor, _matching(cursor))
    right = _expression(cursor, rank if op == "^" else rank + 1)
    if op in ("and", "or", "unless") and matching.card is Cardinality.ONE_TO_ONE:
        matching = replace(matching, card=Cardinality.MANY_TO_MANY)
    return Binary(op, left, right, matching, return_bool, Span(left.span.start, right.span.end))


def _matching(cursor: Cursor) -> Matching:
    keyword = cursor.accept("on", "ignoring")
    if not keyword:
        return Matching()
    matching = Matching(labels=parse_labels(cursor), on=keyword.word == "on")
    group = cursor.accept("group_left", "group_right")
    if not group:
        return matching
    card = Cardinality.MANY_TO_ONE if group.word == "group_left" else Cardinality.ONE_TO_MANY
    include = parse_labels(cursor) if cursor.at("(") else ()
    return replace(matching, card=card, include=include)


def _fill(cursor: Cursor, matching: Matching) -> Matching:
    """fill(x) for both sides, fill_left(x), fill_right(x)."""
    while cursor.at("fill", "fill_left", "fill_right") and cursor.after().value == "(":
        keyword = cursor.take()
        cursor.take()
        value = parse_signed_number(cursor, "fill modifier", "number")
        if not cursor.accept(")"):
            raise cursor.unexpected("fill modifier", '")"')
        if keyword.word != "fill_right":
            matching = replace(matching, fill_left=value)
        if keyword.word != "fill_left":
            matching = replace(matching, fill_right=value)
    return matching


def _postfix(cursor: Cursor, node: Node) -> Node:
    """What may follow an expression: ranges, offset, @, anchored, smoothed."""
    while True:
        if cursor.at("["):
            node = _range(cursor, node)
        elif cursor.at("offset"):
            node = _offset(cursor, node)
        elif cursor.at("@"):
            node = _at(cursor, node)
        elif cursor.at("anchored", "smoothed"):
            node = _extension(cursor, node)
        else:
            return node


def _range(cursor: Cursor, node: Node) -> Node:
    bracket = cursor.take()
    length = parse_range(cursor)
    if cursor.accept(":"):
        step = None if cursor.at("]") else parse_range(cursor)
        if not cursor.accept("]"):
            raise cursor.unexpected("subquery selector", '"]"')
        return Subquery(node, length, step, span=Span(node.span.start, cursor.end))
    if not cursor.accept("]"):
        raise cursor.unexpected("subquery or range", '":" or "]"')
    if not isinstance(node, Selector):
        raise cursor.fail("ranges only allowed for vector selectors", bracket.start)
    if node.when.offset != Duration():
        raise cursor.fail("no offset modifiers allowed before range", bracket.start)
    if node.when.is_fixed:
        raise cursor.fail("no @ modifiers allowed before range", bracket.start)
    return Matrix(node, length, Span(node.span.start, cursor.end))


def _offset(cursor: Cursor, node: Node) -> Node:
    cursor.take()
    offset = parse_offset(cursor)
    when = _when(cursor, node, "offset modifier")
    if when.offset != Duration():
        raise cursor.fail("offset may not be set multiple times", node.span.start)
    return _with_when(node, replace(when, offset=offset), cursor.end)


def _at(cursor: Cursor, node: Node) -> Node:
    cursor.take()
    when = _when(cursor, node, "@ modifier")
    if when.is_fixed:
        raise cursor.fail("@ <timestamp> may not be set multiple times", node.span.start)
    edge = cursor.accept("start", "end")
    if edge:
        if not cursor.accept("(") or not cursor.accept(")"):
            raise cursor.unexpected("@", "timestamp")
        return _with_when(node, replace(when, edge=edge.word), cursor.end)  # type: ignore[arg-type]
    start = cursor.token.start
    value = parse_signed_number(cursor, "@", "timestamp")
    if not -MAX_TIME_S < value < MAX_TIME_S:  # NaN too
        raise cursor.fail(f"timestamp out of bounds for @ modifier: {value:f}", start)
    return _with_when(node, replace(when, at_ms=round(value * 1000)), cursor.end)


def _extension(cursor: Cursor, node: Node) -> Node:
    word = cursor.take().word
    selector = node.selector if isinstance(node, Matrix) else node
    if not isinstance(selector, Selector):
        kind = "subqueries" if isinstance(node, Subquery) else "expressions"
        raise cursor.fail(f"{word} modifier is not supported for {kind}", node.span.start)
    if selector.extension:
        raise cursor.fail(f"{word} modifier cannot be combined with {selector.extension}", node.span.start)
    extended = replace(selector, extension=word)
    node = replace(node, selector=extended) if isinstance(node, Matrix) else extended
    return with_span(node, node.span.start, cursor.end)


def _when(cursor: Cursor, node: Node, what: str) -> When:
    match node:
        case Selector(when=when) | Subquery(when=when) | Matrix(selector=Selector(when=when)):
            return when
    raise cursor.fail(f"{what} {SELECTABLE}", node.span.start)


def _with_when(node: Node, when: When, end: int) -> Node:
    if isinstance(node, Matrix):
        changed: Node = replace(node, selector=replace(node.selector, when=when))
    else:
        assert isinstance(node, Selector | Subquery)
        changed = replace(node, when=when)
    return with_span(changed, node.span.start, end)


def _atom(cursor: Cursor) -> Node:
    token = cursor.token
    if token.kind in ("number", "duration"):
        return number_of(cursor)
    if token.kind == "string":
        cursor.take()
        return String(token.value, Span(token.start, token.end))
    if cursor.accept("("):
        inner = _expression(cursor, 0)
        if not cursor.accept(")"):
            raise cursor.unexpected()
        return Paren(inner, Span(token.start, cursor.end))
    if cursor.at("{"):
        return _selector(cursor, "", token.start)
    following = cursor.after()
    if token.kind == "aggregation" and (following.value == "(" or following.word in ("by", "without")):
        return _aggregate(cursor)
    if token.kind in ("identifier", "keyword") and following.value == "(" and following.kind == "operator":
        return _call(cursor)
    if token.kind in ("identifier", "metric", "keyword", "aggregation"):
        cursor.take()
        return _selector(cursor, token.value, token.start)
    raise cursor.unexpected()


def _selector(cursor: Cursor, name: str, start: int) -> Selector:
    matchers = parse_matchers(cursor, name) if cursor.at("{") else []
    if name:
        matchers.append(Matcher("__name__", "=", name))
    return Selector(name, tuple(matchers), span=Span(start, cursor.end))


def _call(cursor: Cursor) -> Node:
    token = cursor.take()
    if token.value not in FUNCTIONS:
        raise cursor.fail(f"unknown function with name {quote(token.value)}", token.start)
    arguments = _arguments(cursor)
    return Call(token.value, tuple(arguments), Span(token.start, cursor.end))


def _arguments(cursor: Cursor) -> list[Node]:
    cursor.take()
    arguments: list[Node] = []
    if cursor.accept(")"):
        return arguments
    while True:
        arguments.append(_expression(cursor, 0))
        comma = cursor.accept(",")
        if comma and cursor.at(")"):
            raise cursor.fail("trailing commas not allowed in function call args", comma.start)
        if not comma:
            break
    if not cursor.accept(")"):
        raise cursor.unexpected()
    return arguments


def _aggregate(cursor: Cursor) -> Node:
    token = cursor.take()
    keyword, grouping = _grouping(cursor)
    if not cursor.at("("):
        raise cursor.unexpected("aggregation")
    arguments = _arguments(cursor)
    if not keyword:
        keyword, grouping = _grouping(cursor)
    wanted = 2 if token.word in WITH_PARAM else 1
    if not arguments:
        raise cursor.fail("no arguments for aggregate expression provided", token.start)
    if len(arguments) != wanted:
        message = (
            f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(arguments)}"
        )
        raise cursor.fail(message, token.start)
    param = arguments[0] if wanted == 2 else None
    span = Span(token.start, cursor.end)
    return Aggregate(token.word, arguments[-1], param, grouping, keyword == "without", span)


def _grouping(cursor: Cursor) -> tuple[str, tuple[str, ...]]:
    keyword = cursor.accept("by", "without")
    return (keyword.word, parse_labels(cursor)) if keyword else ("", ())
