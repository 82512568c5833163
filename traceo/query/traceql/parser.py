"""Parses TraceQL. `&&` and `||` bind alike, from left to right, as in Tempo."""

from __future__ import annotations

from dataclasses import replace

from traceo.errors import ParseError
from traceo.query.traceql.ast import (
    Aggregate,
    Attribute,
    By,
    Calculated,
    Coalesce,
    Combined,
    Computed,
    Filter,
    Hints,
    Metrics,
    Pipeline,
    Query,
    Ranked,
    Rest,
    Scalar,
    ScalarFilter,
    Select,
    Series,
    Spans,
    Stage,
    Threshold,
)
from traceo.query.traceql.check import NUMBERS, check_condition, check_reference, type_of
from traceo.query.traceql.field_parser import COMPARISONS, FieldParser
from traceo.query.traceql.lexer import Token

MAX_LENGTH = 131_072
MAX_COMPARED = 1000  # values of an attribute
STRUCTURAL = (">>", "<<", ">", "<", "~", "!>>", "!<<", "!>", "!<", "!~", "&>>", "&<<", "&>", "&<", "&~")
AGGREGATES = ("count", "avg", "min", "max", "sum")
OVER_TIME = (
    "rate", "count_over_time", "min_over_time", "max_over_time", "avg_over_time", "sum_over_time",
    "quantile_over_time", "histogram_over_time", "compare",
)  # fmt: skip
WITHOUT_FIELD = ("rate", "count_over_time")


def parse_traceql(text: str, arrays: frozenset[str] = frozenset()) -> Query:
    """A query that finds traces, or a metrics query of one function. Raises ParseError with its position."""
    query = parse_series(text, arrays)
    if isinstance(query, Calculated):
        raise ParseError("the query computes series: ask for metrics, not for traces", position=0)
    return query


def parse_series(text: str, arrays: frozenset[str] = frozenset()) -> Series:
    """Any query: also arithmetic of metrics queries. Raises ParseError with its position.

    `arrays` says which have attributes that are arrays: span, resource.
    """
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the query is longer than {MAX_LENGTH:,} characters")
    return _Parser(text, arrays).parse()


class _Parser(FieldParser):
    def parse(self) -> Series:
        query = self._calculated(0) if self._calculates() else self._query()
        if query_hints := self._hints():
            query = replace(query, hints=query_hints)
        if self._token.kind != "end":
            self._fail("expected the end of the query")
        return query

    def _query(self) -> Query:
        pipeline = self._pipeline()
        if not self._skip("|"):
            return Query(pipeline)
        return Query(pipeline, self._metrics(), self._rest())

    def _calculates(self) -> bool:
        """Whether parentheses that begin here hold a function over time."""
        depth = 0
        for token in self._tokens[self._next :]:
            if token.kind == "operator":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            elif token.kind == "word" and token.text in OVER_TIME:
                return depth > 0
            if depth <= 0:
                return False
        return False

    def _calculated(self, level: int) -> Series:
        if level == 2:
            self._expect("(")
            with self._deeper():
                inner = self._calculated(0) if self._calculates() else self._query()
            if isinstance(inner, Query) and inner.metrics is None:
                self._fail("expected a function over time")
            self._expect(")")
            return inner
        left = self._calculated(level + 1)
        while self._at(*(("+", "-"), ("*", "/"))[level]):
            op = self._join().text
            left = Calculated(op, left, self._calculated(level + 1))
        return self._with_rest(left) if level == 0 else left

    def _pipeline(self) -> Pipeline:
        """Stages, up to a function over time."""
        if self._at("coalesce"):
            self._fail("coalesce() joins groups: a query cannot begin with it")
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
                type_of(field)
                check_reference(field, "what spans are grouped by")
                return By(field)
            if self._at("coalesce"):
                self._take()
                self._expect("(")
                self._expect(")")
                return Coalesce()
            if self._at("select"):
                self._take()
                fields = self._fields()
                for each in fields:
                    type_of(each)
                return Select(fields)
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
            op = self._join().text
            left = Computed(op, left, self._scalar(level + 1))
        return left

    def _scalar_operand(self) -> Scalar:
        if self._skip("("):
            with self._deeper():
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
                check_reference(field, f"{op.text}()")
            return Aggregate(op.text, field)
        return self._number(NUMBERS, "expected an aggregate or a number")

    def _spans(self, level: int) -> Spans:
        """`&&` and `||` bind less than structure."""
        left = self._spans(1) if level == 0 else self._spans_operand()
        operators = ("&&", "||") if level == 0 else STRUCTURAL
        while self._at(*operators):
            op = self._join().text
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
            self._take()
            with self._deeper():
                inner = self._pipeline()
            self._expect(")")
            if len(inner.stages) == 1 and isinstance(inner.stages[0], Filter | Combined | Pipeline):
                return inner.stages[0]
            return inner
        self._fail("expected a filter of spans in braces", 'such as { resource.service.name = "shop" }')

    def _metrics(self) -> Metrics:
        op = self._take()
        if op.text not in OVER_TIME:
            raise ParseError(f"expected a stage or a function over time, found {op.text!r}", position=op.at)
        self._expect("(")
        if op.text == "compare":
            return self._compare(op)
        field = None
        if op.text not in WITHOUT_FIELD:
            field = self._field(0)
            check_condition(field, wanted="number")
        numbers = self._numbers()
        if numbers and op.text != "quantile_over_time":
            raise ParseError(f"{op.text} takes no numbers", position=op.at)
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
        return Metrics(op.text, field, numbers, by, at=op.at)

    def _numbers(self) -> tuple[float, ...]:
        """`, 1, 2.5)`."""
        numbers: list[float] = []
        while self._skip(","):
            static = self._number(("int", "float"), "expected a number")
            assert isinstance(static.value, int | float)
            numbers.append(static.value)
        self._expect(")")
        return tuple(numbers)

    def _compare(self, op: Token) -> Metrics:
        """`{ filter }, top, start, end)`: how many values, and nanoseconds between which spans are set apart."""
        chosen = self._spans_operand()
        if not isinstance(chosen, Filter):
            raise ParseError("compare() takes a filter in braces", position=op.at, hint="compare({ status = error })")
        numbers = self._numbers()
        whole = all(isinstance(number, int) and number > 0 for number in numbers)
        if len(numbers) not in (0, 1, 3) or not whole or (len(numbers) == 3 and numbers[1] >= numbers[2]):
            raise ParseError(
                "compare() takes after its filter: how many values to keep; start and end in unix nanoseconds",
                position=op.at,
                hint="compare({ status = error }, 10, 1700000000000000000, 1700000300000000000)",
            )
        if numbers and numbers[0] > MAX_COMPARED:
            raise ParseError(f"compare() keeps at most {MAX_COMPARED} values", position=op.at)
        return Metrics("compare", numbers=numbers, chosen=chosen, at=op.at)

    def _rest(self) -> Rest:
        """`| topk(3) > 0.5`."""
        rest: list[Ranked | Threshold] = []
        while True:
            if self._skip("|"):
                rest.append(self._ranked())
            elif self._at(*COMPARISONS[:6]):
                op = self._take().text
                number = self._number(NUMBERS, "expected a number")
                assert isinstance(number.value, int | float)
                rest.append(Threshold(op, number.value * (1e-9 if number.kind == "duration" else 1.0)))
            else:
                return tuple(rest)

    def _with_rest(self, query: Series) -> Series:
        rest = self._rest()
        return replace(query, rest=(*query.rest, *rest)) if rest else query

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

    def _hints(self) -> Hints:
        if not self._skip("with"):
            return ()
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
