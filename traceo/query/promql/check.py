"""Types of expressions, and what Prometheus refuses of a tree that is well formed."""

from __future__ import annotations

from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Cardinality,
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
)
from traceo.query.promql.errors import parse_error
from traceo.query.promql.functions import FUNCTIONS, Function
from traceo.query.promql.quoting import quote
from traceo.query.promql.selectors import matches

COMPARISONS = frozenset(("==", "!=", ">", "<", ">=", "<="))
SET_OPERATORS = frozenset(("and", "or", "unless"))
PARAM_TYPES = {name: Type.SCALAR for name in ("topk", "bottomk", "quantile", "limitk", "limit_ratio")}
PARAM_TYPES["count_values"] = Type.STRING
LITERAL_TYPES: dict[type[Node], Type] = {
    Number: Type.SCALAR,
    String: Type.STRING,
    Selector: Type.VECTOR,
    Aggregate: Type.VECTOR,
    Matrix: Type.MATRIX,
    Subquery: Type.MATRIX,
}


def type_of(node: Node) -> Type:
    """What it evaluates to."""
    match node:
        case Paren(expr=inner) | Unary(expr=inner):
            return type_of(inner)
        case Binary(lhs=left, rhs=right):
            scalars = type_of(left) is Type.SCALAR and type_of(right) is Type.SCALAR
            return Type.SCALAR if scalars else Type.VECTOR
        case Call(function=name):
            return FUNCTIONS[name].result
        case _:
            return LITERAL_TYPES[type(node)]


def check(node: Node, text: str) -> Type:
    """The type of a tree that is right in all parts. Raises ParseError, as Prometheus' `checkAST`."""
    return _Checker(text).check(node)


class _Checker:
    def __init__(self, text: str) -> None:
        self._text = text

    def check(self, node: Node) -> Type:
        match node:
            case Paren(expr=inner):
                return self.check(inner)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)
            case Aggregate():
                return self._aggregate(node)
            case Selector():
                self._selector(node)
            case Matrix(selector=selector):
                self._selector(selector)
            case Subquery():
                if (kind := self.check(node.expr)) is not Type.VECTOR:
                    self._fail(node, f"subquery is only allowed on instant vector, got {kind} instead")
        return LITERAL_TYPES[type(node)]

    def _fail(self, node: Node, message: str) -> None:
        raise parse_error(self._text, message, node.span.start)

    def _expect(self, node: Node, wanted: Type, context: str) -> None:
        if (kind := self.check(node)) is not wanted:
            self._fail(node, f"expected type {wanted} in {context}, got {kind}")

    def _unary(self, node: Unary) -> Type:
        kind = self.check(node.expr)
        if kind not in (Type.SCALAR, Type.VECTOR):
            message = (
                f"unary expression only allowed on expressions of type scalar or instant vector, got {quote(kind)}"
            )
            self._fail(node, message)
        return kind

    def _selector(self, node: Selector) -> None:
        if node.name:
            twice = [matcher for matcher in node.matchers[:-1] if matcher.name == "__name__"]
            if twice:
                names = f"{quote(node.name)} or {quote(twice[0].value)}"
                self._fail(node, f"metric name must not be set twice: {names}")
        elif all(matches(matcher, "") for matcher in node.matchers):
            self._fail(node, "vector selector must contain at least one non-empty matcher")

    def _binary(self, node: Binary) -> Type:
        left, right = self.check(node.lhs), self.check(node.rhs)
        matching = node.matching or Matching()
        if node.return_bool and node.op not in COMPARISONS:
            self._fail_operator(node, "bool modifier can only be used on comparison operators")
        scalars = left is Type.SCALAR and right is Type.SCALAR
        if node.op in COMPARISONS and not node.return_bool and scalars:
            self._fail_operator(node, "comparisons between scalars must use BOOL modifier")
        both = [label for label in matching.labels if label in matching.include]
        if both and matching.on:
            self._fail_operator(node, f"label {quote(both[0])} must not occur in ON and GROUP clause at once")
        for side, kind in ((node.lhs, left), (node.rhs, right)):
            if kind not in (Type.SCALAR, Type.VECTOR):
                self._fail(side, "binary expression must contain only scalar and instant vector types")
        vectors = left is Type.VECTOR and right is Type.VECTOR
        filled = matching.fill_left is not None or matching.fill_right is not None
        if not vectors and matching.labels:
            self._fail(node, "vector matching only allowed between instant vectors")
        if not vectors and filled:
            self._fail(node, "filling in missing series only allowed between instant vectors")
        if node.op in SET_OPERATORS:
            self._set_operator(node, matching, vectors, filled)
        return Type.SCALAR if scalars else Type.VECTOR

    def _set_operator(self, node: Binary, matching: Matching, vectors: bool, filled: bool) -> None:
        if vectors and matching.card in (Cardinality.ONE_TO_MANY, Cardinality.MANY_TO_ONE):
            self._fail(node, f"no grouping allowed for {quote(node.op)} operation")
        if filled:
            self._fail(node, "filling in missing series not allowed for set operators")
        if not vectors:
            self._fail(node, f"set operator {quote(node.op)} not allowed in binary scalar expression")

    def _fail_operator(self, node: Binary, message: str) -> None:
        """At the operator itself: behind the left side and the blanks after it."""
        text = self._text.encode("utf-8", "surrogateescape")
        start = node.lhs.span.end
        while text[start : start + 1].isspace():
            start += 1
        raise parse_error(self._text, message, start)

    def _call(self, node: Call) -> Type:
        function = FUNCTIONS[node.function]
        self._count_arguments(node, function)
        if function.name == "info" and len(node.args) == 2:
            self._check_info(node.args[1])
            self._expect(node.args[0], Type.VECTOR, 'call to function "info"')
            return function.result
        for number, argument in enumerate(node.args):
            wanted = function.arguments[min(number, len(function.arguments) - 1)]
            self._expect(argument, wanted, f"call to function {quote(function.name)}")
        return function.result

    def _count_arguments(self, node: Call, function: Function) -> None:
        wanted, got = len(function.arguments), len(node.args)
        call = f"in call to {quote(function.name)}, got {got}"
        if not function.variadic and got != wanted:
            self._fail(node, f"expected {wanted} argument(s) {call}")
        if function.variadic and got < wanted - 1:
            self._fail(node, f"expected at least {wanted - 1} argument(s) {call}")
        if function.variadic > 0 and got > wanted - 1 + function.variadic:
            self._fail(node, f"expected at most {wanted - 1 + function.variadic} argument(s) {call}")

    def _check_info(self, node: Node) -> None:
        """Its second argument: only label matchers, of which all may match the empty text."""
        if not isinstance(node, Selector):
            self._fail(node, f'expected type {Type.VECTOR} in call to function "info", got {self.check(node)}')
        elif node.name:
            self._fail(node, "expected label selectors only, got vector selector instead")

    def _aggregate(self, node: Aggregate) -> Type:
        self._expect(node.expr, Type.VECTOR, "aggregation expression")
        if node.param is not None:
            self._expect(node.param, PARAM_TYPES[node.op], "aggregation parameter")
        return Type.VECTOR
