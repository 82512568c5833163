"""The tree of a PromQL expression. Positions are offsets in bytes of the text, as Prometheus counts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

Edge = Literal["start", "end"]


class Type(StrEnum):
    """What an expression evaluates to; the value is how Prometheus names it in errors."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "instant vector"
    MATRIX = "range vector"


class Cardinality(StrEnum):
    """How many series of the sides of a binary operation belong together."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`."""

    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label; `op` is one of = != =~ !~."""

    name: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number; `duration` when it was written as one (`5m`), in seconds."""

    value: float
    span: Span = field(default=Span(), compare=False)
    duration: bool = False


@dataclass(frozen=True, slots=True)
class String:
    """A text. Bytes that are no UTF-8 are surrogates (`surrogateescape`)."""

    value: str
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Paren:
    """`(expr)`."""

    expr: Node
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-expr` or `+expr`."""

    op: str
    expr: Node
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Matching:
    """Which series of the two sides of an operation belong together, and what stands in for one that is missing."""

    card: Cardinality = Cardinality.ONE_TO_ONE
    labels: tuple[str, ...] = ()
    on: bool = False
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """`lhs op rhs`; `matching` is None unless both sides are vectors."""

    op: str
    lhs: Node
    rhs: Node
    matching: Matching | None = None
    return_bool: bool = False
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: `ms`, or an expression of which `ms` follows once the query's step and range are known."""

    ms: int = 0
    expr: Node | None = None


@dataclass(frozen=True, slots=True)
class When:
    """Which moment is meant: the step's, or a fixed one (`@`), moved back by the offset."""

    offset: Duration = Duration()
    at_ms: int | None = None
    edge: Edge | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same moment for all steps."""
        return self.at_ms is not None or self.edge is not None


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector selector. `matchers` include that of the name; `extension` is anchored or smoothed."""

    name: str
    matchers: tuple[Matcher, ...]
    when: When = When()
    extension: str = ""
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A range vector selector; offset, @ and extension are those of its selector."""

    selector: Selector
    range: Duration
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expr[range:step]`; no step: the default evaluation interval."""

    expr: Node
    range: Duration
    step: Duration | None
    when: When = When()
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`function(args)`."""

    function: str
    args: tuple[Node, ...]
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`op by (grouping) (param, expr)`."""

    op: str
    expr: Node
    param: Node | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False
    span: Span = field(default=Span(), compare=False)


Node = Number | String | Paren | Unary | Binary | Selector | Matrix | Subquery | Call | Aggregate


def children(node: Node) -> tuple[Node, ...]:
    """The expressions directly below, in the order of evaluation."""
    match node:
        case Paren(expr=expr) | Unary(expr=expr) | Subquery(expr=expr):
            return (expr,)
        case Binary(lhs=lhs, rhs=rhs):
            return (lhs, rhs)
        case Matrix(selector=selector):
            return (selector,)
        case Call(args=args):
            return args
        case Aggregate(expr=expr, param=param):
            return (expr,) if param is None else (param, expr)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def unwrap(node: Node) -> Node:
    """Without parentheses around it."""
    while isinstance(node, Paren):
        node = node.expr
    return node


def with_span(node: Node, start: int, end: int) -> Node:
    """The same node at another place."""
    return replace(node, span=Span(start, end))
