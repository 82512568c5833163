"""Trees as text, as Loki's `format_query` writes a short query."""

from __future__ import annotations

from traceo.query.logql.ast import (
    Both,
    Choose,
    Compare,
    Condition,
    Decolorize,
    LabelFormat,
    LineFilter,
    LineFormat,
    Parser,
    Pipeline,
    Query,
    RangeAggregation,
    Stage,
    Unwrap,
)
from traceo.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Cardinality,
    Matcher,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Unary,
)
from traceo.query.promql.numbers import format_float
from traceo.query.promql.quoting import quote

UNITS_NS = {
    "h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1,
}  # fmt: skip
GROUPS = {Cardinality.MANY_TO_ONE: "group_left", Cardinality.ONE_TO_MANY: "group_right"}


def print_query(query: Query) -> str:
    """Text that parses to the same tree."""
    if isinstance(query, Pipeline):
        return " ".join([_selector(query.matchers), *map(_stage, query.stages)])
    return _node(query.node, query.ranges)


def format_ns(length_ns: int) -> str:
    """`1h30m`, `-5m`."""
    if length_ns < 0:
        return f"-{format_ns(-length_ns)}"
    text = ""
    for unit, size in UNITS_NS.items():
        amount, length_ns = divmod(length_ns, size)
        text += f"{amount}{unit}" if amount else ""
    return text or "0s"


def _node(node: Node, ranges: tuple[RangeAggregation, ...]) -> str:
    match node:
        case Selector(name=name):
            return _range(ranges[int(name)])
        case Number(value=value):
            return format_float(value)
        case String(value=text):
            return quote(text)
        case Paren(expr=inner):
            return f"({_node(inner, ranges)})"
        case Unary(op=op, expr=inner):
            return f"{op}{_node(inner, ranges)}"
        case Aggregate(op=op, expr=inner, param=param):
            grouping = f" {_grouping(node.grouping, node.without)} " if node.grouping or node.without else ""
            first = "" if param is None else f"{_node(param, ranges)}, "
            return f"{op}{grouping}({first}{_node(inner, ranges)})"
        case Call(function=name, args=args):
            return f"{name}({', '.join(_node(argument, ranges) for argument in args)})"
        case Binary(op=op, lhs=left, rhs=right):
            return f"{_node(left, ranges)} {op}{_modifiers(node)} {_node(right, ranges)}"
    raise AssertionError(f"LogQL has no {type(node).__name__}")


def _modifiers(node: Binary) -> str:
    text = " bool" if node.return_bool else ""
    matching = node.matching
    if not matching or not (matching.on or matching.labels):
        return text
    text += f" {'on' if matching.on else 'ignoring'} ({', '.join(matching.labels)})"
    return f"{text} {GROUPS[matching.card]} ({', '.join(matching.include)})" if matching.card in GROUPS else text


def _grouping(labels: tuple[str, ...], without: bool) -> str:
    return f"{'without' if without else 'by'} ({', '.join(labels)})"


def _range(one: RangeAggregation) -> str:
    stages = [*map(_stage, one.pipeline.stages), *([_unwrap(one.unwrap)] if one.unwrap else [])]
    lines = " ".join([_selector(one.pipeline.matchers), *stages])
    param = "" if one.param is None else f"{format_float(one.param)}, "
    offset = f" offset {format_ns(one.offset_ns)}" if one.offset_ns else ""
    grouping = "" if one.grouping is None else f" {_grouping(one.grouping, one.without)}"
    return f"{one.op}({param}{lines} [{format_ns(one.range_ns)}]{offset}){grouping}"


def _selector(matchers: tuple[Matcher, ...]) -> str:
    return f"{{{', '.join(map(_matcher, matchers))}}}"


def _matcher(matcher: Matcher) -> str:
    return f"{matcher.name}{matcher.op}{quote(matcher.value)}" if matcher.op else matcher.name


def _unwrap(unwrap: Unwrap) -> str:
    label = f"{unwrap.conversion}({unwrap.label})" if unwrap.conversion else unwrap.label
    return " ".join([f"| unwrap {label}", *(f"| {_condition(one)}" for one in unwrap.filters)])


def _condition(condition: Condition) -> str:
    if isinstance(condition, Compare):
        written = {"string": quote(condition.text), "ip": f"ip({quote(condition.text)})"}
        return f"{condition.name}{condition.op}{written.get(condition.kind, condition.text)}"
    sides = [_condition(condition.left), _condition(condition.right)]
    if isinstance(condition.right, Both):
        sides[1] = f"({sides[1]})"
    if isinstance(condition.left, Both) and condition.left.op != condition.op:
        sides[0] = f"({sides[0]})"
    return f" {condition.op} ".join(sides)


def _parser(stage: Parser) -> str:
    flags = [*(["--strict"] if stage.strict else []), *(["--keep-empty"] if stage.keep_empty else [])]
    fields = ", ".join(f"{label}={quote(path)}" for label, path in stage.fields)
    text = quote(stage.text) if stage.text else ""
    return " ".join(["|", stage.name, *flags, *filter(None, [text, fields])])


def _stage(stage: Stage) -> str:
    match stage:
        case LineFilter(op=op, texts=texts):
            return f"{op} {' or '.join(f'ip({quote(text)})' if is_ip else quote(text) for text, is_ip in texts)}"
        case Parser():
            return _parser(stage)
        case LineFormat(template=template):
            return f"| line_format {quote(template)}"
        case LabelFormat(items=items):
            pairs = [f"{label}={quote(source) if is_template else source}" for label, source, is_template in items]
            return f"| label_format {', '.join(pairs)}"
        case Choose(name=name, items=chosen):
            return f"| {name} {', '.join(map(_matcher, chosen))}"
        case Decolorize():
            return "| decolorize"
        case _:
            return f"| {_condition(stage)}"
