"""Parses LogQL. What stands above range aggregations becomes PromQL's tree, whose meaning it has."""

from __future__ import annotations

from dataclasses import replace

from traceo.errors import ParseError
from traceo.query.logql.ast import MetricQuery, Pipeline, Query, RangeAggregation, Stage, Unwrap
from traceo.query.logql.cursor import Cursor
from traceo.query.logql.stages import LINE_FILTERS, check_regexp, parse_selector, parse_stages
from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Cardinality,
    Matching,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Unary,
)

MAX_LENGTH = 131_072
PLAIN_RANGES = frozenset(("rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"))
UNWRAPPED_TEXT = "sum_over_time avg_over_time min_over_time max_over_time first_over_time last_over_time"
UNWRAPPED = frozenset(
    (*UNWRAPPED_TEXT.split(), "stdvar_over_time", "stddev_over_time", "quantile_over_time", "rate_counter")
)
RANGES = PLAIN_RANGES | UNWRAPPED
GROUPED = UNWRAPPED - {"sum_over_time", "rate_counter"}
SIMPLE = ("sum", "avg", "min", "max", "count", "stddev", "stdvar")
RANKED = {"topk": "topk", "bottomk": "bottomk", "approx_topk": "topk"}
SORTS = ("sort", "sort_desc")
PRECEDENCE = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, ">": 3, ">=": 3, "<": 3, "<=": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "^": 6,
}  # fmt: skip
SETS = ("or", "and", "unless")
COMPARISONS = ("==", "!=", ">", ">=", "<", "<=")


def parse_logql(text: str) -> Query:
    """A log query, or a metric query. Raises ParseError with its position."""
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the query is longer than {MAX_LENGTH:,} characters")
    return _Parser(Cursor(text)).parse()


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._ranges: list[RangeAggregation] = []

    def parse(self) -> Query:
        cursor, depth = self._cursor, 0
        while cursor.peek(depth).text == "(" and cursor.peek(depth).kind == "operator":
            depth += 1
        if cursor.peek(depth).text == "{":
            for _ in range(depth):
                cursor.take()
            found: Query = self._log_query(depth)
        else:
            found = MetricQuery(self._binary(0), tuple(self._ranges))
        if cursor.token.kind != "end":
            cursor.fail("expected the end of the query")
        return replace(found, ranges=tuple(self._ranges)) if isinstance(found, MetricQuery) else found

    def _log_query(self, depth: int) -> Pipeline:
        matchers = parse_selector(self._cursor)
        stages: list[Stage] = []
        for level in range(depth + 1):
            more, unwrap = parse_stages(self._cursor)
            if unwrap:
                self._cursor.fail("unwrap belongs into a range aggregation")
            stages += more
            if level < depth:
                self._cursor.expect(")")
        return Pipeline(matchers, tuple(stages))

    def _binary(self, least: int) -> Node:
        with self._cursor as cursor:
            left = self._unary()
            while cursor.token.kind in ("operator", "word"):
                op = cursor.token.text
                precedence = PRECEDENCE.get(op, 0)
                if not precedence or precedence < least:
                    break
                at = cursor.token.at
                cursor.skip_one_of_many(op)
                bool_, matching = self._modifiers(op)
                right = self._binary(precedence if op == "^" else precedence + 1)
                left = self._combined(op, left, right, bool_, matching, at)
            return left

    def _combined(self, op: str, left: Node, right: Node, bool_: bool, matching: Matching | None, at: int) -> Node:
        scalars = [_is_scalar(side) for side in (left, right)]
        if any(scalars):
            if op in SETS:
                raise ParseError(f"unexpected literal for a side of the logical operation {op}", position=at)
            if matching:
                raise ParseError("vector matching only allowed between two vectors", position=at)
            if all(scalars) and op in COMPARISONS:
                bool_ = True
            return Binary(op, left, right, None, bool_)
        if op in SETS:
            card = Cardinality.MANY_TO_MANY
            matching = replace(matching, card=card) if matching else Matching(card)
        return Binary(op, left, right, matching or Matching(), bool_)

    def _modifiers(self, op: str) -> tuple[bool, Matching | None]:
        cursor = self._cursor
        bool_ = op in COMPARISONS and cursor.skip("bool")
        if not cursor.at("on", "ignoring"):
            return bool_, None
        on = cursor.take().text == "on"
        matching = Matching(labels=self._names(), on=on)
        if op not in SETS and cursor.at("group_left", "group_right"):
            left = cursor.take().text == "group_left"
            include = self._names() if cursor.at("(") else ()
            card = Cardinality.MANY_TO_ONE if left else Cardinality.ONE_TO_MANY
            matching = replace(matching, card=card, include=include)
        return bool_, matching

    def _names(self) -> tuple[str, ...]:
        cursor = self._cursor
        cursor.expect("(")
        names: list[str] = []
        while not cursor.at(")"):
            if names:
                cursor.expect(",")
            names.append(cursor.expect_kind("word", "a label's name").text)
        cursor.expect(")")
        return tuple(names)

    def _unary(self) -> Node:
        cursor = self._cursor
        if cursor.at("-", "+"):
            op = cursor.take().text
            inner = self._binary(PRECEDENCE["^"])
            if isinstance(inner, Number):
                return Number(-inner.value if op == "-" else inner.value)
            return Unary(op, inner)
        if cursor.token.kind == "number":
            return Number(cursor.take().number)
        if cursor.skip("("):
            inner = self._binary(0)
            cursor.expect(")")
            return Paren(inner)
        return self._call()

    def _call(self) -> Node:
        cursor, name = self._cursor, self._cursor.token
        if name.kind == "word" and cursor.peek().text in ("(", "by", "without"):
            if name.text in RANGES:
                return self._range()
            if name.text in SIMPLE or name.text in RANKED or name.text in SORTS:
                return self._aggregation()
            if name.text == "label_replace":
                return self._label_replace()
            if name.text == "vector":
                return self._vector()
        if cursor.at("{"):
            cursor.fail("a log query has no value to compute with", hint="wrap it: count_over_time({...} [5m])")
        cursor.fail("expected a log query, a range aggregation or a number")
        raise AssertionError

    def _vector(self) -> Node:
        cursor = self._cursor
        cursor.take()
        cursor.expect("(")
        sign = -1.0 if cursor.skip("-") else 1.0
        number = cursor.expect_kind("number", "a number")
        cursor.expect(")")
        return Call("vector", (Number(sign * number.number),))

    def _label_replace(self) -> Node:
        cursor = self._cursor
        cursor.take()
        cursor.expect("(")
        inner = self._binary(0)
        texts: list[Node] = []
        for what in ("a label's name", "the replacement", "the source label", "a regular expression"):
            cursor.expect(",")
            token = cursor.expect_kind("string", f"{what} in quotes")
            if len(texts) == 3:
                check_regexp(token.text, token.at)
            texts.append(String(token.text))
        cursor.expect(")")
        return Call("label_replace", (inner, *texts))

    def _aggregation(self) -> Node:
        cursor = self._cursor
        name = cursor.take()
        grouping, without = self._grouping()
        cursor.expect("(")
        param: Node | None = None
        if name.text in RANKED:
            number = cursor.expect_kind("number", "how many series to keep")
            if number.number < 1 or number.number != int(number.number):
                raise ParseError(f"invalid parameter {name.text}({number.text},", position=number.at)
            param = Number(number.number)
            cursor.expect(",")
        inner = self._binary(0)
        cursor.expect(")")
        if grouping is None:
            grouping, without = self._grouping()
        if _is_scalar(inner):
            raise ParseError(f"{name.text}() takes a vector, not a number", position=name.at)
        if name.text in SORTS:
            if grouping is not None:
                raise ParseError(f"{name.text}() takes no grouping", position=name.at)
            return Call(name.text, (inner,))
        return Aggregate(RANKED.get(name.text, name.text), inner, param, grouping or (), without)

    def _grouping(self) -> tuple[tuple[str, ...] | None, bool]:
        if not self._cursor.at("by", "without"):
            return None, False
        without = self._cursor.take().text == "without"
        return self._names(), without

    def _range(self) -> Node:
        cursor, param = self._cursor, None
        name = cursor.take()
        cursor.expect("(")
        if name.text == "quantile_over_time":
            sign = -1.0 if cursor.skip("-") else 1.0
            param = sign * cursor.expect_kind("number", "a quantile such as 0.99").number
            cursor.expect(",")
        found, unwrap = self._ranged(name.at)
        if not found.range_ns:
            cursor.fail("expected a range such as [5m]")
        cursor.expect(")")
        grouping, without = self._grouping()
        if unwrap is None and name.text in UNWRAPPED:
            raise ParseError(f"invalid aggregation {name.text} without unwrap", position=name.at)
        if unwrap and name.text in PLAIN_RANGES - {"rate", "absent_over_time"}:
            raise ParseError(f"invalid aggregation {name.text} with unwrap", position=name.at)
        if grouping is not None and name.text not in GROUPED:
            raise ParseError(f"grouping not allowed for {name.text} aggregation", position=name.at)
        self._ranges.append(
            replace(found, op=name.text, unwrap=unwrap, param=param, grouping=grouping, without=without, at=name.at)
        )
        return Selector(str(len(self._ranges) - 1), ())

    def _ranged(self, at: int) -> tuple[RangeAggregation, Unwrap | None]:
        """`{...} | stages [5m] offset 1m`; the range may stand before the stages or behind parentheses around them."""
        cursor = self._cursor
        if cursor.skip("("):
            with cursor:
                inner, unwrapped = self._ranged(at)
            cursor.expect(")")
            if not inner.range_ns and cursor.at("["):
                length, offset = self._span()
                inner = replace(inner, range_ns=length, offset_ns=offset)
            return inner, unwrapped
        if not cursor.at("{"):
            cursor.fail("expected a log query", hint='such as {app="shop"} |= "error" [5m]')
        matchers = parse_selector(cursor)
        span: tuple[int, int] | None = None
        stages: list[Stage] = []
        unwrap: Unwrap | None = None
        while cursor.at("[", "|", *LINE_FILTERS):
            if cursor.at("["):
                if span:
                    cursor.fail("a second range")
                span = self._span()
            elif unwrap:
                break
            else:
                more, unwrap = parse_stages(cursor)
                stages += more
        return RangeAggregation("", Pipeline(matchers, tuple(stages)), *(span or (0, 0)), at=at), unwrap

    def _span(self) -> tuple[int, int]:
        cursor = self._cursor
        cursor.expect("[")
        length = cursor.expect_kind("duration", "a length of time such as 5m")
        if length.number <= 0:
            raise ParseError("the range must be longer than nothing", position=length.at)
        cursor.expect("]")
        offset = 0.0
        if cursor.skip("offset"):
            sign = -1.0 if cursor.skip("-") else 1.0
            offset = sign * cursor.expect_kind("duration", "a length of time such as 5m").number
        return round(length.number * 1e9), round(offset * 1e9)


def _is_scalar(node: Node) -> bool:
    match node:
        case Number():
            return True
        case Paren(expr=inner) | Unary(expr=inner):
            return _is_scalar(inner)
        case Binary(lhs=lhs, rhs=rhs):
            return _is_scalar(lhs) and _is_scalar(rhs)
        case _:
            return False
