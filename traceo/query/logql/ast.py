"""The tree of a LogQL query. Positions are offsets into its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from traceo.query.promql.ast import Matcher, Node

Kind = Literal["string", "number", "duration", "bytes", "ip"]


@dataclass(frozen=True, slots=True)
class LineFilter:
    """`|= "a" or "b"`: `op` is one of |= != |~ !~ |> !>; each alternative is a text, or the argument of `ip()`."""

    op: str
    texts: tuple[tuple[str, bool], ...]  # (text, whether it is an ip)
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Parser:
    """`json`, `logfmt`, `regexp`, `pattern` or `unpack`.

    `fields`: (label, expression) pairs of json and logfmt, none: all; `text`: the expression of regexp and pattern.
    """

    name: str
    fields: tuple[tuple[str, str], ...] = ()
    text: str = ""
    strict: bool = False
    keep_empty: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition on a label. `value` as written in `text`; of a duration in seconds, of bytes a number."""

    name: str
    op: str
    kind: Kind
    text: str
    value: float = 0.0
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Both:
    """`left and right`, or `left or right`."""

    op: Literal["and", "or"]
    left: Condition
    right: Condition


Condition = Compare | Both


@dataclass(frozen=True, slots=True)
class LineFormat:
    """`line_format` with its template."""

    template: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """`label_format`: (label, source, whether the source is a template and not a label's name)."""

    items: tuple[tuple[str, str, bool], ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Choose:
    """`drop` or `keep`: names, or matchers (op "": whatever the value)."""

    name: Literal["drop", "keep"]
    items: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Decolorize:
    """Takes escape sequences of terminals out of the line."""


@dataclass(frozen=True, slots=True)
class Unwrap:
    """`unwrap label`, or `unwrap duration(label)`; `filters` follow it."""

    label: str
    conversion: str = ""
    filters: tuple[Condition, ...] = ()


Stage = LineFilter | Parser | Compare | Both | LineFormat | LabelFormat | Choose | Decolorize


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A stream selector and what is done with its lines."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class RangeAggregation:
    """`op(param, pipeline [range] offset)` by or without labels; `grouping` None: neither is said."""

    op: str
    pipeline: Pipeline
    range_ns: int
    offset_ns: int = 0
    unwrap: Unwrap | None = None
    param: float | None = None
    grouping: tuple[str, ...] | None = None
    without: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """PromQL's tree, in which a selector named `n` stands for `ranges[n]`."""

    node: Node
    ranges: tuple[RangeAggregation, ...]


Query = Pipeline | MetricQuery
