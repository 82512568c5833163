"""Values of OTTL as SQL, and how two of them compare.

A value's type is known when the condition is compiled, but for attributes: those are `any`, an encoded `AnyValue`, and
each comparison asks for their type. nil is the absence of a value. A comparison is true or false, never NULL; values of
different types are not equal, and neither is less than the other (OTTL, "Comparison Rules").
"""

from dataclasses import dataclass

from traceo.errors import UnsupportedQuery
from traceo.sampling.ottl.ast import Constant
from traceo.store.attributes import content_of, double_of, encode_value, int_of
from traceo.store.binding import Bindings

TAGS = {"string": "\\n", "bool": "\\x10", "int": "\\x18", "double": "!", "list": "*", "map": "2", "bytes": ":"}
NUMBERS = ("int", "double")


@dataclass(frozen=True, slots=True)
class Value:
    """`kind`: int, double, string, bool, bytes, any or nil.

    `absent` and `failed` are conditions, "" for never: it is nil; there is no value at all and the condition fails.
    `side` says whose it is: span, resource, scope, or "" for a constant.
    """

    kind: str
    sql: str
    side: str = ""
    absent: str = ""
    failed: str = ""
    constant: Constant = None


def constant(value: Constant, bindings: Bindings) -> Value:
    """A literal."""
    match value:
        case None:
            return Value("nil", "NULL")
        case bool():
            return Value("bool", "true" if value else "false", constant=value)
        case int():
            return Value("int", bindings.bind(value), constant=value)
        case float():
            return Value("double", bindings.bind(value), constant=value)
        case str():
            return Value("string", bindings.bind(value), constant=value)
        case bytes():
            return Value("bytes", bindings.bind(value), constant=value)


def has_type(encoded: str, kind: str) -> str:
    """SQL: an encoded value is of this type."""
    return f"startsWith({encoded}, '{TAGS[kind]}')"


def content(encoded: str, kind: str) -> str:
    """SQL: an encoded value's content, if it is of this type."""
    match kind:
        case "int":
            return int_of(encoded)
        case "double":
            return double_of(encoded)
        case "bool":
            return f"endsWith({encoded}, '\\x01')"
        case _:
            return content_of(encoded)


def any_of(*conditions: str) -> str:
    """SQL: one of the conditions that are not "" holds; "" if all are."""
    return _joined(" OR ", conditions)


def all_of(*conditions: str) -> str:
    """SQL: all of the conditions that are not "" hold; "" if all are."""
    return _joined(" AND ", conditions)


def compare(operator: str, left: Value, right: Value, bindings: Bindings, position: int) -> str:
    """SQL: a bool. Raises UnsupportedQuery for an order with nil."""
    if "nil" in (left.kind, right.kind):
        return _compare_nil(operator, left, right, position)
    if operator == "!=":
        return f"NOT {compare('==', left, right, bindings, position)}"
    if left.kind == "any" and right.kind != "any":
        return _compare_encoded(operator, left.sql, right, bindings)
    if right.kind == "any" and left.kind != "any":
        return _compare_encoded(_mirrored(operator), right.sql, left, bindings)
    if left.kind == "any":
        return _compare_both_encoded(operator, left.sql, right.sql)
    if left.kind != right.kind and not (left.kind in NUMBERS and right.kind in NUMBERS):
        same = "false"
    else:
        same = f"({_number(left, right)} {_sql(operator)} {_number(right, left)})"
    here = " AND ".join(f"NOT {value.absent}" for value in (left, right) if value.absent)
    if left.absent and right.absent and operator in ("==", "<=", ">="):
        return f"({here} AND {same} OR {left.absent} AND {right.absent} AND {'true' if operator == '==' else 'false'})"
    return f"({here} AND {same})" if here else same


def _compare_nil(operator: str, left: Value, right: Value, position: int) -> str:
    if operator not in ("==", "!="):
        raise UnsupportedQuery("nil has no order", position=position, hint="compare with == nil or != nil")
    value = right if left.kind == "nil" else left
    if value.kind == "nil":
        absent = "true"
    elif value.kind == "any":
        absent = f"({value.sql} = '')"
    else:
        absent = value.absent or "false"
    return absent if operator == "==" else f"NOT {absent}"


def _compare_encoded(operator: str, encoded: str, value: Value, bindings: Bindings) -> str:
    """An encoded value with one whose type is known; equality with a constant compares the encoded bytes."""
    if operator == "==" and _few_encodings(value.constant) and not value.absent:
        return f"({encoded} IN ({', '.join(bindings.bind(raw) for raw in equal_encodings(value.constant))}))"
    kinds = NUMBERS if value.kind in NUMBERS else (value.kind,)
    parts = []
    for kind in kinds:
        inside = Value(kind, content(encoded, kind))
        same = f"{_number(inside, value)} {_sql(operator)} {_number(value, inside)}"
        parts.append(f"{has_type(encoded, kind)} AND {same}")
    either = " OR ".join(f"({part})" for part in parts)
    if not value.absent:
        return f"({either})"
    nil = f" OR {value.absent} AND {encoded} = ''" if operator == "==" else ""
    return f"(NOT {value.absent} AND ({either}){nil})"


def _compare_both_encoded(operator: str, left: str, right: str) -> str:
    cases = []
    for kind in ("int", "string", "bool", "bytes"):
        same = f"{content(left, kind)} {_sql(operator)} {content(right, kind)}"
        cases.append(f"{has_type(left, kind)} AND {has_type(right, kind)}, {same}")
    numbers = [f"({has_type(x, 'int')} OR {has_type(x, 'double')})" for x in (left, right)]
    floats = [f"if({has_type(x, 'int')}, toFloat64({int_of(x)}), {double_of(x)})" for x in (left, right)]
    cases.append(f"{numbers[0]} AND {numbers[1]}, {floats[0]} {_sql(operator)} {floats[1]}")
    return f"multiIf({', '.join(cases)}, {f'{left} = {right}' if operator == '==' else 'false'})"


def equal_encodings(value: Constant) -> list[bytes]:
    """The encodings of values that equal a constant: a number may be an int or a double, and zero has two signs."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [encode_value(value)]
    found = [encode_value(float(value))]
    if value == 0:
        found.append(encode_value(-0.0))
    return [*found, encode_value(int(value))] if float(value).is_integer() else found


def _few_encodings(value: Constant) -> bool:
    """Beyond 53 bits, many ints equal one double."""
    return value is not None and not (isinstance(value, int | float) and abs(value) >= 1 << 53)


def _number(value: Value, other: Value) -> str:
    """A number as the type that two are compared as."""
    return f"toFloat64({value.sql})" if value.kind == "int" and other.kind == "double" else value.sql


def _sql(operator: str) -> str:
    return "=" if operator == "==" else operator


def _mirrored(operator: str) -> str:
    return {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)


def _joined(word: str, conditions: tuple[str, ...]) -> str:
    given = [condition for condition in conditions if condition]
    return f"({word.join(given)})" if len(given) > 1 else "".join(given)
