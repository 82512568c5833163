"""Types of fields: what cannot be compared is refused before anything is read."""

from __future__ import annotations

from typing import Literal

from traceo.errors import ParseError
from traceo.query.traceql.ast import Attribute, Binary, Field, Static, Unary

Type = Literal["any", "string", "number", "bool", "nil", "status", "kind"]
TYPES: dict[str, Type] = {
    "span:duration": "number", "trace:duration": "number", "span:childCount": "number", "nestedSetParent": "number",
    "nestedSetLeft": "number", "nestedSetRight": "number", "event:timeSinceStart": "number", "span:status": "status",
    "span:kind": "kind",
}  # fmt: skip
NUMBERS = ("int", "float", "duration")
ORDERED = ("<", "<=", ">", ">=")
ARITHMETIC = ("+", "-", "*", "/", "%", "^")


def type_of(field: Field) -> Type:
    """The type of a field's value. Raises ParseError for operators on what they cannot take."""
    match field:
        case Static(kind=kind):
            return "number" if kind in NUMBERS else kind  # type: ignore[return-value]
        case Attribute(name=name, intrinsic=True):
            return TYPES.get(name, "string")
        case Attribute():
            return "any"
        case Unary(op=op, expr=inner):
            _need(inner, "bool" if op == "!" else "number", op, field.at)
            return "bool" if op == "!" else "number"
        case Binary():
            return _type_of_binary(field)


def _type_of_binary(field: Binary) -> Type:
    op, at = field.op, field.at
    if op in ("&&", "||"):
        for side in (field.left, field.right):
            _need(side, "bool", op, at)
        return "bool"
    if op in ARITHMETIC:
        for side in (field.left, field.right):
            _need(side, "number", op, at)
        return "number"
    left, right = type_of(field.left), type_of(field.right)
    if op in ("=~", "!~"):
        _need(field.left, "string", op, at)
    elif left != right and "any" not in (left, right) and "nil" not in (left, right):
        raise ParseError(f"binary operations must operate on the same type: {left} {op} {right}", position=at)
    elif op in ORDERED and {left, right} & {"bool", "nil", "status", "kind"}:
        raise ParseError(f"illegal operation for the given types: {left} {op} {right}", position=at)
    return "bool"


def _need(side: Field, wanted: Type, op: str, at: int) -> None:
    found = type_of(side)
    if found not in (wanted, "any"):
        raise ParseError(f"illegal operation for the given type: {op} takes a {wanted}, not a {found}", position=at)


def check_condition(field: Field, wanted: Literal["bool", "number"] = "bool") -> None:
    """Raises ParseError unless the field is one of this type."""
    found = type_of(field)
    if found not in (wanted, "any"):
        place = "span filter field expressions must resolve to a boolean" if wanted == "bool" else "a number is needed"
        raise ParseError(f"{place}: this is a {found}", position=field.at)


def check_reference(field: Field, what: str) -> None:
    """Raises ParseError for what is the same for all spans."""
    if not _refers(field):
        raise ParseError(f"{what} must reference the span", position=field.at)


def _refers(field: Field) -> bool:
    match field:
        case Binary(left=left, right=right):
            return _refers(left) or _refers(right)
        case Unary(expr=inner):
            return _refers(inner)
        case _:
            return isinstance(field, Attribute)
