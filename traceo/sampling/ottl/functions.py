"""OTTL's converters that can be computed exactly on a column."""

import difflib
from collections.abc import Callable

from traceo.errors import ParseError, UnsupportedQuery
from traceo.sampling.columns import SpanColumns
from traceo.sampling.ottl.ast import Call, Literal
from traceo.sampling.ottl.patterns import bind_pattern, pattern_problem
from traceo.sampling.ottl.values import Value, any_of, has_type
from traceo.store.attributes import content_of, double_of, int_of, text_of

SCALARS = ("string", "int", "double", "bool")


def call_function(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
    """A converter's result. Raises ParseError and UnsupportedQuery with its position."""
    if call.name not in FUNCTIONS:
        near = difflib.get_close_matches(call.name, FUNCTIONS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FUNCTIONS)}"
        raise UnsupportedQuery(f"{call.name}() cannot be asked for", position=call.position, hint=hint)
    needed, function = FUNCTIONS[call.name]
    if len(arguments) != needed:
        raise ParseError(f"{call.name}() takes {needed} arguments, not {len(arguments)}", position=call.position)
    return function(call, arguments, columns)


def _is_match(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
    target, pattern = arguments
    if not isinstance(pattern.constant, str):
        raise UnsupportedQuery("the pattern must be a text", position=call.arguments[1].position)
    position = call.arguments[1].position
    problem = pattern_problem(pattern.constant)
    if problem:
        raise ParseError(f"{pattern.constant!r} is no RE2 pattern", position=position, hint=problem)
    text = _to_string(call, [target], columns)
    sql = f"match({text.sql}, {bind_pattern(pattern.constant, columns)})"
    return Value("bool", f"(NOT {text.absent} AND {sql})" if text.absent else sql, target.side, failed=target.failed)


def _is_type(kind: str) -> Callable[[Call, list[Value], SpanColumns], Value]:
    def is_type(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
        value = arguments[0]
        if value.kind == "any":
            return Value("bool", has_type(value.sql, kind), value.side)
        same = "true" if value.kind == kind else "false"
        return Value(
            "bool", f"NOT {value.absent} AND {same}" if value.absent else same, value.side, failed=value.failed
        )

    return is_type


def _len(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
    value = arguments[0]
    if value.kind == "any":
        return Value("int", f"toInt64(length({content_of(value.sql)}))", value.side, failed=_is_not(value, "string"))
    if value.kind not in ("string", "bytes"):
        raise UnsupportedQuery("only a text has a length", position=call.position)
    return Value("int", f"toInt64(length({value.sql}))", value.side, failed=any_of(value.failed, value.absent))


def _to_int(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
    value = arguments[0]
    match value.kind:
        case "int":
            return value
        case "double":
            return Value("int", f"toInt64({value.sql})", value.side, value.absent, value.failed)
        case "bool":
            return Value("int", f"toInt64({value.sql})", value.side, value.absent, value.failed)
        case "string":
            return _nullable("int", f"toInt64OrNull({value.sql})", value)
        case "any":
            x = value.sql
            number = (
                f"multiIf({has_type(x, 'int')}, {int_of(x)}, {has_type(x, 'double')}, toInt64({double_of(x)}), "
                f"{has_type(x, 'bool')}, toInt64(endsWith({x}, '\\x01')), "
                f"{has_type(x, 'string')}, toInt64OrNull({content_of(x)}), NULL)"
            )
            return _nullable("int", number, value)
        case _:
            raise UnsupportedQuery(f"{value.kind} is no int", position=call.position)


def _to_double(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
    value = arguments[0]
    match value.kind:
        case "double":
            return value
        case "int" | "bool":
            return Value("double", f"toFloat64({value.sql})", value.side, value.absent, value.failed)
        case "string":
            return _nullable("double", f"toFloat64OrNull({value.sql})", value)
        case "any":
            x = value.sql
            number = (
                f"multiIf({has_type(x, 'double')}, {double_of(x)}, {has_type(x, 'int')}, toFloat64({int_of(x)}), "
                f"{has_type(x, 'bool')}, toFloat64(endsWith({x}, '\\x01')), "
                f"{has_type(x, 'string')}, toFloat64OrNull({content_of(x)}), NULL)"
            )
            return _nullable("double", number, value)
        case _:
            raise UnsupportedQuery(f"{value.kind} is no double", position=call.position)


def _to_string(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
    value = arguments[0]
    match value.kind:
        case "string":
            return value
        case "int" | "double":
            return Value("string", f"toString({value.sql})", value.side, value.absent, value.failed)
        case "bool":
            return Value("string", f"if({value.sql}, 'true', 'false')", value.side, value.absent, value.failed)
        case "any":
            scalar = " OR ".join(has_type(value.sql, kind) for kind in SCALARS)
            return Value("string", text_of(value.sql), value.side, absent=f"(NOT ({scalar}))")
        case _:
            raise UnsupportedQuery(f"{value.kind} is no text", position=call.position)


def _id(length: int) -> Callable[[Call, list[Value], SpanColumns], Value]:
    def to_id(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
        node = call.arguments[0]
        value = node.value if isinstance(node, Literal) else None
        try:
            raw = bytes.fromhex(value) if isinstance(value, str) else value
        except ValueError:
            raw = None
        if not isinstance(raw, bytes) or len(raw) != length:
            raise ParseError(
                f"{call.name}() takes {length} bytes, as 0x and {2 * length} digits", position=node.position
            )
        return Value("bytes", columns.bind(raw), constant=raw)

    return to_id


def _is_root(call: Call, arguments: list[Value], columns: SpanColumns) -> Value:
    return Value("bool", f"{columns.column('parent_span_id')} = unhex('{'0' * 16}')", "span")


def _nullable(kind: str, sql: str, value: Value) -> Value:
    """A number that may be NULL: nil in OTTL."""
    return Value(kind, f"assumeNotNull({sql})", value.side, any_of(value.absent, f"isNull({sql})"), value.failed)


def _is_not(value: Value, kind: str) -> str:
    return f"(NOT {has_type(value.sql, kind)})"


FUNCTIONS: dict[str, tuple[int, Callable[[Call, list[Value], SpanColumns], Value]]] = {
    "IsMatch": (2, _is_match),
    "IsString": (1, _is_type("string")),
    "IsInt": (1, _is_type("int")),
    "IsDouble": (1, _is_type("double")),
    "IsBool": (1, _is_type("bool")),
    "IsMap": (1, _is_type("map")),
    "IsList": (1, _is_type("list")),
    "IsRootSpan": (0, _is_root),
    "Len": (1, _len),
    "Int": (1, _to_int),
    "Double": (1, _to_double),
    "String": (1, _to_string),
    "TraceID": (1, _id(16)),
    "SpanID": (1, _id(8)),
}
