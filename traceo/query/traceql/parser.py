"""Parses TraceQL. `&&` and `||` bind alike, from left to right, as in Tempo."""

from __future__ import annotations

from typing import NoReturn

import re2

from traceo.errors import ParseError, UnsupportedQuery
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
    Metrics,
    Pipeline,
    Query,
    Ranked,
    Scalar,
    ScalarFilter,
    Select,
    Spans,
    Stage,
    Static,
    Unary,
)
from traceo.query.traceql.check import check_condition
from traceo.query.traceql.lexer import SCOPES, Token, read_duration, read_name, tokenize, unquote

MAX_LENGTH = 131_072
MAX_DEPTH = 100
STATUSES = {"unset": 0, "ok": 1, "error": 2}
KINDS = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
# Intrinsics by all their names; the value is the scoped one.
INTRINSICS = {
    "duration": "span:duration", "name": "span:name", "status": "span:status", "kind": "span:kind",
    "statusMessage": "span:statusMessage", "childCount": "span:childCount", "rootName": "trace:rootName",
    "rootServiceName": "trace:rootService", "traceDuration": "trace:duration", "nestedSetParent": "nestedSetParent",
    "nestedSetLeft": "nestedSetLeft", "nestedSetRight": "nestedSetRight",
}  # fmt: skip
SCOPED = frozenset(
    (
        "span:duration", "span:name", "span:status", "span:kind", "span:statusMessage", "span:id", "span:parentID",
        "span:childCount", "trace:id", "trace:duration", "trace:rootName", "trace:rootService", "event:name",
        "event:timeSinceStart", "link:traceID", "link:spanID", "instrumentation:name", "instrumentation:version",
    )
)  # fmt: skip
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "=~", "!~")
LEVELS = (("&&", "||"), COMPARISONS, ("+", "-"), ("*", "/", "%"))
STRUCTURAL = (">>", "<<", ">", "<", "~", "!>>", "!<<", "!>", "!<", "!~", "&>>", "&<<", "&>", "&<", "&~")
AGGREGATES = ("count", "avg", "min", "max", "sum")
OVER_TIME = (
    "rate", "count_over_time", "min_over_time", "max_over_time", "avg_over_time", "sum_over_time",
    "quantile_over_time", "histogram_over_time", "compare",
)  # fmt: skip
WITHOUT_FIELD = ("rate", "count_over_time")


def parse_traceql(text: str) -> Query:
    """A query. Raises ParseError with its position, UnsupportedQuery."""
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the query is longer than {MAX_LENGTH:,} characters")
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._next = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _peek(self) -> Token:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._token
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _at(self, *texts: str) -> bool:
        return self._token.kind in ("operator", "word") and self._token.text in texts

    def _skip(self, text: str) -> bool:
        found = self._at(text)
        if found:
            self._take()
        return found

    def _expect(self, text: str) -> Token:
        if not self._at(text):
            self._fail(f"expected {text!r}")
        return self._take()

    def _fail(self, message: str, hint: str | None = None) -> NoReturn:
        found = repr(self._token.text[:40]) if self._token.kind != "end" else "the end of the query"
        raise ParseError(f"{message}, found {found}", position=self._token.at, hint=hint)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError(f"the query nests deeper than {MAX_DEPTH} levels", position=self._token.at)

    def parse(self) -> Query:
        pipeline = self._pipeline()
        metrics = ranked = None
        if self._skip("|"):
            metrics = self._metrics()
            if self._skip("|"):
                ranked = self._ranked()
        hints = self._hints() if self._at("with") else ()
        if self._token.kind != "end":
            self._fail("expected the end of the query")
        return Query(pipeline, metrics, ranked, hints)

    def _pipeline(self) -> Pipeline:
        """Stages, up to a function over time."""
        stages: list[Stage] = [self._stage()]
        while self._at("|") and self._peek().text not in OVER_TIME:
            self._take()
            stages.append(self._stage())
        return Pipeline(tuple(stages))

    def _stage(self) -> Stage:
        if self._token.kind == "word":
            if self._at("by"):
                self._take()
                self._expect("(")
                field = self._field(0)
                self._expect(")")
                return By(field)
            if self._at("coalesce"):
                self._take()
                self._expect("(")
                self._expect(")")
                return Coalesce()
            if self._at("select"):
                self._take()
                return Select(self._fields())
        if self._starts_scalar():
            left = self._scalar(0)
            if not self._at(*COMPARISONS[:6]):
                self._fail("expected a comparison of the aggregate", "such as | count() > 2")
            op = self._take().text
            return ScalarFilter(op, left, self._scalar(0))
        return self._spans(0)

    def _starts_scalar(self) -> bool:
        place = self._next
        while self._tokens[place].text == "(" and self._tokens[place].kind == "operator":
            place += 1
        token = self._tokens[place]
        return (token.kind == "word" and token.text in AGGREGATES) or token.kind in ("int", "float", "duration")

    def _scalar(self, level: int) -> Scalar:
        operators = (("+", "-"), ("*", "/", "%"))
        if level == len(operators):
            return self._scalar_operand()
        left = self._scalar(level + 1)
        while self._at(*operators[level]):
            op = self._take().text
            left = Computed(op, left, self._scalar(level + 1))
        return left

    def _scalar_operand(self) -> Scalar:
        if self._skip("("):
            self._deeper()
            inner = self._scalar(0)
            self._expect(")")
            return inner
        if self._token.kind == "word" and self._token.text in AGGREGATES:
            op = self._take()
            self._expect("(")
            field = None if op.text == "count" else self._field(0)
            self._expect(")")
            if field is not None:
                check_condition(field, wanted="number")
            return Aggregate(op.text, field)
        negative = self._skip("-")
        static = self._static()
        if static is None or static.kind not in ("int", "float", "duration"):
            self._fail("expected an aggregate or a number")
        assert isinstance(static.value, int | float)
        return Static(static.kind, -static.value if negative else static.value, static.at)

    def _spans(self, level: int) -> Spans:
        """`&&` and `||` bind less than structure."""
        left = self._spans(1) if level == 0 else self._spans_operand()
        operators = ("&&", "||") if level == 0 else STRUCTURAL
        while self._at(*operators):
            op = self._take().text
            left = Combined(op, left, self._spans(1) if level == 0 else self._spans_operand())
        return left

    def _spans_operand(self) -> Spans:
        if self._skip("{"):
            if self._skip("}"):
                return Filter(None)
            condition = self._field(0)
            self._expect("}")
            check_condition(condition)
            return Filter(condition)
        if self._at("("):
            self._deeper()
            self._take()
            inner = self._pipeline()
            self._expect(")")
            if len(inner.stages) == 1 and isinstance(inner.stages[0], Filter | Combined | Pipeline):
                return inner.stages[0]
            return inner
        self._fail("expected a filter of spans in braces", 'such as { resource.service.name = "shop" }')

    def _fields(self) -> tuple[Field, ...]:
        self._expect("(")
        fields = [self._field(0)]
        while self._skip(","):
            fields.append(self._field(0))
        self._expect(")")
        return tuple(fields)

    def _field(self, level: int) -> Field:
        if level == len(LEVELS):
            return self._power()
        left = self._field(level + 1)
        while self._at(*LEVELS[level]):
            op = self._take()
            right = self._field(level + 1)
            if op.text in ("=~", "!~"):
                _check_regexp(right, op.at)
            left = Binary(op.text, left, right, op.at)
        return left

    def _power(self) -> Field:
        base = self._operand()
        if self._at("^"):
            op = self._take()
            return Binary("^", base, self._power(), op.at)
        return base

    def _operand(self) -> Field:
        token = self._token
        if self._at("!", "-"):
            self._deeper()
            op = self._take()
            inner = self._operand()
            if op.text == "-" and isinstance(inner, Static) and isinstance(inner.value, int | float):
                return Static(inner.kind, -inner.value, op.at)
            return Unary(op.text, inner, op.at)
        if self._skip("("):
            self._deeper()
            field = self._field(0)
            self._expect(")")
            return field
        if token.kind == "attribute":
            self._take()
            scope, name = _split(token.text)
            return Attribute(scope, read_name(name), at=token.at)
        if token.kind == "intrinsic":
            self._take()
            if token.text not in SCOPED:
                raise ParseError(f"there is no {token.text}", position=token.at, hint=", ".join(sorted(SCOPED)))
            return Attribute("", token.text, intrinsic=True, at=token.at)
        if token.kind == "word" and token.text in INTRINSICS:
            self._take()
            return Attribute("", INTRINSICS[token.text], intrinsic=True, at=token.at)
        static = self._static()
        if static is None:
            self._fail("expected a field or a value", "attributes begin with a dot or a scope: .name, span.name")
        return static

    def _static(self) -> Static | None:
        token = self._token
        made: Static | None = None
        match token.kind:
            case "string":
                made = Static("string", unquote(token.text), token.at)
            case "int":
                made = Static("int", int(token.text), token.at)
            case "float":
                made = Static("float", float(token.text), token.at)
            case "duration":
                made = Static("duration", read_duration(token.text), token.at)
            case "word" if token.text in ("true", "false"):
                made = Static("bool", token.text == "true", token.at)
            case "word" if token.text == "nil":
                made = Static("nil", None, token.at)
            case "word" if token.text in STATUSES:
                made = Static("status", STATUSES[token.text], token.at)
            case "word" if token.text in KINDS:
                made = Static("kind", KINDS[token.text], token.at)
        if made is not None:
            self._take()
        return made

    def _metrics(self) -> Metrics:
        op = self._take()
        if op.text not in OVER_TIME:
            raise ParseError(f"expected a stage or a function over time, found {op.text!r}", position=op.at)
        if op.text == "compare":
            raise UnsupportedQuery(
                "compare() is not answered here", position=op.at, hint="POST /api/v1/analysis/compare answers it"
            )
        self._expect("(")
        field, numbers = None, []
        if op.text not in WITHOUT_FIELD:
            field = self._field(0)
            check_condition(field, wanted="number")
        while self._skip(","):
            static = self._static()
            if static is None or static.kind not in ("int", "float"):
                self._fail("expected a number")
            assert isinstance(static.value, int | float)
            numbers.append(float(static.value))
        self._expect(")")
        if op.text == "quantile_over_time" and not numbers:
            raise ParseError(
                "quantile_over_time takes quantiles", position=op.at, hint="quantile_over_time(duration, .99)"
            )
        if op.text == "quantile_over_time" and not all(0 <= number <= 1 for number in numbers):
            raise ParseError("a quantile lies between 0 and 1", position=op.at)
        by: tuple[Attribute, ...] = ()
        if self._skip("by"):
            fields = self._fields()
            if not all(isinstance(each, Attribute) for each in fields):
                raise ParseError("by() takes attributes and intrinsics", position=op.at)
            by = tuple(each for each in fields if isinstance(each, Attribute))
        return Metrics(op.text, field, tuple(numbers), by, op.at)

    def _ranked(self) -> Ranked:
        op = self._take()
        if op.text not in ("topk", "bottomk"):
            raise ParseError(f"expected topk or bottomk, found {op.text!r}", position=op.at)
        self._expect("(")
        number = self._static()
        if number is None or number.kind != "int" or not isinstance(number.value, int) or number.value < 1:
            raise ParseError(f"{op.text} takes how many series to keep", position=op.at)
        self._expect(")")
        return Ranked(op.text, number.value)

    def _hints(self) -> tuple[tuple[str, str | int | float | bool | None], ...]:
        self._take()
        self._expect("(")
        hints: list[tuple[str, str | int | float | bool | None]] = []
        while not self._at(")"):
            if hints:
                self._expect(",")
            if self._token.kind != "word":
                self._fail("expected the name of a hint")
            name = self._take().text
            self._expect("=")
            static = self._static()
            if static is None:
                self._fail("expected the value of a hint")
            hints.append((name, static.value))
        self._expect(")")
        return tuple(hints)


def _split(text: str) -> tuple[str, str]:
    for scope in ("parent.span", "parent.resource", *SCOPES):
        if text.startswith(f"{scope}."):
            return scope, text[len(scope) + 1 :]
    return "", text[1:]


def _check_regexp(right: Field, at: int) -> None:
    if not isinstance(right, Static) or not isinstance(right.value, str):
        raise ParseError("a regular expression is a text in quotes", position=at)
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(right.value, options)
    except re2.error as error:
        shown = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ParseError(f"the regular expression cannot be read: {shown}", position=right.at) from error
