"""An OTTL condition to SQL over one span.

A condition fails, in OTTL's sense, where it has no value (a sum with nil, a division by zero): then it does not hold,
not even negated. `and` and `or` do not ask their right side when the left one decides: then its failures do not count.
"""

from dataclasses import dataclass, replace

from traceo.errors import ParseError, UnsupportedQuery
from traceo.sampling.columns import SpanColumns
from traceo.sampling.ottl.ast import Binary, Call, Literal, Negation, Node, Path
from traceo.sampling.ottl.functions import FUNCTIONS, call_function
from traceo.sampling.ottl.parser import COMPARISONS, parse
from traceo.sampling.ottl.paths import EVENT_COLUMNS, resolve_path
from traceo.sampling.ottl.values import (
    NUMBERS,
    Value,
    all_of,
    any_of,
    compare,
    constant,
    content,
    has_type,
)
from traceo.store.binding import Bindings

BOOLEAN = ("and", "or")


def compile_condition(text: str, context: str, columns: SpanColumns) -> str:
    """SQL that is true or false for a span; in context `spanevent`: whether it holds for one of its events."""
    condition = _Compiler(context, columns).condition(parse(text))
    held = all_of(condition.sql, f"NOT {condition.failed}" if condition.failed else "")
    if context == "span":
        return held
    names = ", ".join(EVENT_COLUMNS)
    arrays = ", ".join(columns.column(name) for name in EVENT_COLUMNS.values())
    return f"arrayExists(({names}) -> {held}, {arrays})"


def check_condition(text: str, context: str) -> None:
    """Raises ParseError and UnsupportedQuery, with the position, for what `compile_condition` would not take."""
    compile_condition(text, context, SpanColumns(Bindings()))


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL of a bool, and of when it fails ("": never)."""

    sql: str
    failed: str = ""


class _Compiler:
    def __init__(self, context: str, columns: SpanColumns) -> None:
        self.context = context
        self.columns = columns

    def condition(self, node: Node) -> Condition:
        match node:
            case Binary("and", left, right):
                first, second = self.condition(left), self.condition(right)
                return Condition(f"({first.sql} AND {second.sql})", _failure(first, first.sql, second))
            case Binary("or", left, right):
                first, second = self.condition(left), self.condition(right)
                return Condition(f"({first.sql} OR {second.sql})", _failure(first, f"NOT {first.sql}", second))
            case Negation(item):
                inner = self.condition(item)
                return Condition(f"(NOT {inner.sql})", inner.failed)
            case Binary(operator, left, right, position) if operator in COMPARISONS:
                return self._comparison(operator, self.value(left), self.value(right), position)
            case _:
                value = self.value(node)
                if value.kind != "bool":
                    raise ParseError(
                        "a condition is needed here",
                        position=node.position,
                        hint="compare the value, as in name == ...",
                    )
                return self._asked_of(value.side, Condition(f"({value.sql})", value.failed))

    def _comparison(self, operator: str, left: Value, right: Value, position: int) -> Condition:
        side = _common_side(left, right, position)
        sql = compare(operator, left, right, self.columns.bindings, position)
        return self._asked_of(side, Condition(f"({sql})", any_of(left.failed, right.failed)))

    def _asked_of(self, side: str, condition: Condition) -> Condition:
        """Conditions on a resource or scope are asked of its table."""
        if side not in ("resource", "scope"):
            return condition
        where = self.columns.resource_where if side == "resource" else self.columns.scope_where
        failed = f"({where(condition.failed)})" if condition.failed else ""
        return Condition(f"({where(condition.sql)})", failed)

    def value(self, node: Node) -> Value:
        match node:
            case Literal(value):
                return constant(value, self.columns.bindings)
            case Path():
                return resolve_path(node, self.context, self.columns)
            case Call():
                arguments = [self.value(argument) for argument in node.arguments]
                return call_function(node, arguments, self.columns)
            case Binary(operator, left, right, position) if operator not in (*COMPARISONS, *BOOLEAN):
                return _arithmetic(operator, self.value(left), self.value(right), position)
            case _:
                hint = f"known converters are {', '.join(FUNCTIONS)}"
                raise UnsupportedQuery("a condition cannot be used as a value", position=node.position, hint=hint)


def _failure(first: Condition, goes_on: str, second: Condition) -> str:
    later = all_of(goes_on, second.failed) if second.failed else ""
    return any_of(first.failed, later)


def _common_side(left: Value, right: Value, position: int) -> str:
    sides = {left.side, right.side} - {""}
    if len(sides) > 1:
        named = " with one of a ".join(sorted(sides))
        raise UnsupportedQuery(f"a field of a {named} cannot be put together", position=position)
    return sides.pop() if sides else ""


def _arithmetic(operator: str, left: Value, right: Value, position: int) -> Value:
    """Both ints or both doubles; an attribute takes the type of the other side. Anything else fails."""
    if left.kind == right.kind == "any":
        raise UnsupportedQuery(
            "the types of two attributes are not known", position=position, hint="say Int(...) or Double(...)"
        )
    kind = right.kind if left.kind == "any" else left.kind
    if kind not in NUMBERS:
        raise UnsupportedQuery(f"{operator} needs numbers, not {kind}", position=position)
    first, second = _as_number(left, kind), _as_number(right, kind)
    if first.kind != second.kind:
        raise UnsupportedQuery(
            f"{operator} cannot mix {first.kind} and {second.kind}", position=position, hint="say Double(...)"
        )
    failed = any_of(first.failed, second.failed, first.absent, second.absent)
    side = _common_side(first, second, position)
    if operator != "/":
        return Value(kind, f"({first.sql} {operator} {second.sql})", side, failed=failed)
    failed = any_of(failed, f"({second.sql} = 0)")
    quotient = f"({first.sql} / {second.sql})" if kind == "double" else f"intDivOrZero({first.sql}, {second.sql})"
    return Value(kind, quotient, side, failed=failed)


def _as_number(value: Value, kind: str) -> Value:
    if value.kind != "any":
        return replace(value, constant=None)
    wrong = f"(NOT {has_type(value.sql, kind)})"
    return Value(kind, content(value.sql, kind), value.side, failed=wrong)
