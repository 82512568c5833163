"""The tree of a TraceQL query. Positions are offsets into its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

StaticKind = Literal["string", "int", "float", "bool", "nil", "duration", "status", "kind"]


@dataclass(frozen=True, slots=True)
class Static:
    """A value. Durations are nanoseconds; a status or a kind is its number."""

    kind: StaticKind
    value: str | int | float | bool | None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """`span.name`, `.name`, or an intrinsic such as `duration` (then `scope` is "" and `name` its scoped form).

    `arrays`: its values may be arrays, whose elements are compared.
    """

    scope: str
    name: str
    intrinsic: bool = False
    arrays: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`!x` or `-x`."""

    op: str
    expr: Field
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two fields: comparison, arithmetic, && or ||."""

    op: str
    left: Field
    right: Field
    at: int = field(default=0, compare=False)


Field = Static | Attribute | Unary | Binary


@dataclass(frozen=True, slots=True)
class Filter:
    """`{ condition }`; None: all spans."""

    condition: Field | None


@dataclass(frozen=True, slots=True)
class Combined:
    """Two sets of spans: &&, ||, or by structure (>> > << < ~, with ! or & before)."""

    op: str
    left: Spans
    right: Spans


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`count()`, `avg(field)`, ... of the spans of a group."""

    op: str
    expr: Field | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """Arithmetic of aggregates and numbers."""

    op: str
    left: Scalar
    right: Scalar


Scalar = Aggregate | Computed | Static


@dataclass(frozen=True, slots=True)
class ScalarFilter:
    """Groups whose aggregates compare so."""

    op: str
    left: Scalar
    right: Scalar


@dataclass(frozen=True, slots=True)
class By:
    """Spans with the same value are a group of their own."""

    expr: Field


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The groups of a trace become one."""


@dataclass(frozen=True, slots=True)
class Select:
    """Fields that answers show."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages after one another."""

    stages: tuple[Stage, ...]


Spans = Filter | Combined | Pipeline
Stage = Filter | Combined | Pipeline | ScalarFilter | By | Coalesce | Select


@dataclass(frozen=True, slots=True)
class Metrics:
    """`rate() by (fields)`; `expr` and `numbers` are its arguments; `chosen` is what compare() sets apart."""

    op: str
    expr: Field | None = None
    numbers: tuple[float, ...] = ()
    by: tuple[Attribute, ...] = ()
    chosen: Filter | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Ranked:
    """`topk(n)` or `bottomk(n)` of the series."""

    op: str
    count: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """Values that compare so with a number; durations are seconds."""

    op: str
    number: float


Rest = tuple[Ranked | Threshold, ...]
Hints = tuple[tuple[str, str | int | float | bool | None], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A search, or (with `metrics`) series over time, of which `rest` leaves some."""

    pipeline: Pipeline
    metrics: Metrics | None = None
    rest: Rest = ()
    hints: Hints = ()


@dataclass(frozen=True, slots=True)
class Calculated:
    """Arithmetic of the series of two metrics queries."""

    op: str
    left: Series
    right: Series
    rest: Rest = ()
    hints: Hints = ()


Series = Query | Calculated
