"""Fields of spans as SQL: conditions and values.

Attributes keep their type, as an encoded `AnyValue`. A comparison of different types, or with what a span does not
have, is false, also with `!=`; only `nil` asks for absence. All numbers compare with one another, durations as
nanoseconds. Regular expressions match whole texts (Tempo since 2.7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from traceo.errors import UnsupportedQuery
from traceo.query.sql import Scope
from traceo.query.traceql.ast import Attribute, Binary, Field, Static, Unary
from traceo.query.traceql.check import ARITHMETIC
from traceo.query.traceql.places import PLACES, is_root_test
from traceo.store.attributes import content_of, double_of, elements_of, encode_value, int_of

STRING = "\\n"
SQL_OPERATORS = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
ARRAY = "*"
HAS_ARRAY = f"arrayExists(v -> startsWith(v, '{ARRAY}'), mapValues(attributes)) = 1"
OPPOSITES = {"!=": "=", "!~": "=~"}
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
LOCAL = {
    "span:duration": ("number", "toFloat64(duration_ns)"),
    "span:name": ("string", "toString(name)"),
    "span:status": ("status", "status_code"),
    "span:kind": ("kind", "kind"),
    "span:statusMessage": ("string", "status_message"),
    "span:id": ("string", "lower(hex(span_id))"),
    "span:parentID": ("string", "if(parent_span_id = toFixedString('', 8), '', lower(hex(parent_span_id)))"),
    "trace:id": ("string", "lower(hex(trace_id))"),
}
# What is known only beside the other spans of a trace, or from another table: (kind, SQL, join that has it).
JOINED = {
    "trace:duration": ("number", "toFloat64(trace_duration_ns)", "trace"),
    "trace:rootName": ("string", "toString(root_name)", "trace"),
    "trace:rootService": ("string", "toString(root_service)", "trace"),
    "instrumentation:name": ("string", "toString(s_name)", "scope"),
    "instrumentation:version": ("string", "toString(s_version)", "scope"),
}
ROOT = "if(parent_span_id = toFixedString('', 8), -1., 1.)"
LISTS = {
    "event:name": ("`events.name`", "string", "toString(item)"),
    "event:timeSinceStart": (
        "`events.time_ns`",
        "number",
        "(toFloat64(item) - toFloat64(toUnixTimestamp64Nano(start_time)))",
    ),
    "link:traceID": ("`links.trace_id`", "string", "lower(hex(item))"),
    "link:spanID": ("`links.span_id`", "string", "lower(hex(item))"),
}
NESTED = {"event": "`events.attributes`", "link": "`links.attributes`"}


@dataclass(frozen=True, slots=True)
class Value:
    """SQL of a value. `kind` is a type of `check.py`; `any` is encoded. A number may be NULL."""

    kind: str
    sql: str
    static: Static | None = None


@dataclass(slots=True)
class Fields:
    """Compiles for one statement. `possible`: what a row alone cannot tell is taken for true.

    `joins` collects what the statement has to join: resource, scope, parent, trace, children.
    """

    scope: Scope
    possible: bool = False
    joins: set[str] = field(default_factory=set)

    def condition(self, expr: Field | None) -> str:
        """SQL of a filter. Raises UnsupportedQuery."""
        if expr is None:
            return "1"
        if self.possible and not is_local(expr):
            return self._possible(expr)
        return self._bool(expr)

    def number(self, expr: Field) -> str:
        """SQL: Nullable(Float64)."""
        return self._number(self.value(expr))

    def text(self, expr: Field) -> str:
        """SQL of an encoded value or a text, for groups and answers; with `kind` of what it is."""
        value = self.value(expr)
        return value.sql if value.kind != "number" else f"ifNull({value.sql}, nan)"

    def value(self, expr: Field) -> Value:
        """SQL of a value."""
        match expr:
            case Static():
                return self._static(expr)
            case Attribute():
                return self._attribute(expr)
            case Unary(op="-", expr=inner):
                return Value("number", f"(-{self.number(inner)})")
            case Binary(op=op, left=left, right=right) if op in ARITHMETIC:
                sides = self.number(left), self.number(right)
                if op == "^":
                    return Value("number", f"pow({sides[0]}, {sides[1]})")
                return Value("number", f"({sides[0]} {op} {sides[1]})")
            case _:
                return Value("bool", self._bool(expr))

    def _possible(self, expr: Field) -> str:
        """Of conjunctions and alternatives the parts that a row can tell."""
        if isinstance(expr, Binary) and expr.op in ("&&", "||"):
            left, right = (self.condition(side) for side in (expr.left, expr.right))
            if expr.op == "||":
                return "1" if "1" in (left, right) else f"({left} OR {right})"
            return left if right == "1" else right if left == "1" else f"({left} AND {right})"
        return "1"

    def _bool(self, expr: Field) -> str:
        match expr:
            case Binary(op="&&", left=left, right=right):
                return f"({self._bool(left)} AND {self._bool(right)})"
            case Binary(op="||", left=left, right=right):
                return f"({self._bool(left)} OR {self._bool(right)})"
            case Unary(op="!", expr=inner):
                return f"(NOT {self._bool(inner)})"
            case Binary():
                return self._compare(expr)
            case Static(value=value):
                return "1" if value else "0"
            case _:
                return self._with(expr, lambda raw: f"{raw} = {self._encoded(True)}")

    def _with(self, expr: Field, condition: Callable[[str], str]) -> str:
        """A condition on the encoded value of an attribute, wherever it is."""
        if not isinstance(expr, Attribute) or expr.intrinsic:
            raise UnsupportedQuery("this field is no condition of its own", position=expr.at)
        return self._of_attribute(expr, condition, absent=False)

    def _of_attribute(self, attribute: Attribute, condition: Callable[[str], str], absent: bool) -> str:
        """`absent`: the condition holds for the empty text, which is no value."""
        name = self.scope.bind(attribute.name)
        own = f"attributes[{name}]"
        match attribute.scope:
            case "span":
                return condition(own)
            case "resource":
                return self._of_resource(condition(own))
            case "":
                of_resource = self._of_resource(condition(own))
                if absent:
                    return f"({condition(own)} AND {of_resource})"
                return f"({condition(own)} OR {own} = '' AND {of_resource})"
            case "event" | "link":
                found = f"arrayExists(item -> {condition(f'item[{name}]')}, {NESTED[attribute.scope]})"
                return f"(NOT arrayExists(item -> item[{name}] != '', {NESTED[attribute.scope]}))" if absent else found
            case _:
                return condition(self._attribute(attribute).sql)

    def _of_resource(self, condition: str) -> str:
        """The span's resource is one of those that meet it: they are few, and looked for first."""
        return f"resource_id IN ({self.scope.without_time().select('resources', 'id', [condition])})"

    def _encoded(self, value: Any) -> str:
        return self.scope.bind(encode_value(value))

    def _static(self, static: Static) -> Value:
        match static.kind:
            case "bool":
                return Value("bool", "1" if static.value else "0", static=static)
            case "string":
                return Value("string", self.scope.bind(str(static.value)), static=static)
            case "nil":
                return Value("nil", "''", static=static)
            case "status" | "kind":
                return Value(static.kind, str(static.value), static=static)
            case _:
                return Value("number", repr(float(static.value or 0)), static=static)

    def _attribute(self, attribute: Attribute) -> Value:
        if attribute.intrinsic:
            return self._intrinsic(attribute)
        if attribute.name == "service.name" and attribute.scope in ("resource", ""):
            return Value("string", "toString(service)")
        name = self.scope.bind(attribute.name)
        match attribute.scope:
            case "span":
                return Value("any", f"attributes[{name}]")
            case "resource":
                self.joins.add("resource")
                return Value("any", f"r_attributes[{name}]")
            case "":
                self.joins.add("resource")
                sql = f"if(attributes[{name}] != '', attributes[{name}], r_attributes[{name}])"
                return Value("any", sql)
            case "event" | "link":
                values = f"arrayMap(item -> item[{name}], {NESTED[attribute.scope]})"
                return Value("any", f"arrayFirst(value -> value != '', {values})")
            case "instrumentation":
                self.joins.add("scope")
                return Value("any", f"s_attributes[{name}]")
            case "parent.span":
                self.joins.add("parent")
                return Value("any", f"p_attributes[{name}]")
            case "parent.resource":
                self.joins |= {"parent", "parent_resource"}
                return Value("any", f"pr_attributes[{name}]")
            case "parent":
                self.joins |= {"parent", "parent_resource"}
                own = f"p_attributes[{name}]"
                return Value("any", f"if({own} != '', {own}, pr_attributes[{name}])")
            case _:
                raise UnsupportedQuery(f"{attribute.scope} cannot be asked for", position=attribute.at)

    def _intrinsic(self, attribute: Attribute) -> Value:
        name = attribute.name
        if name in LOCAL:
            kind, sql = LOCAL[name]
            return Value(kind, sql)
        if name in JOINED:
            kind, sql, join = JOINED[name]
            self.joins.add(join)
            return Value(kind, sql)
        if name in LISTS:
            column, kind, item = LISTS[name]
            return Value(kind, item.replace("item", f"{column}[1]"))
        raise UnsupportedQuery(f"{name} cannot be asked for here", position=attribute.at)

    def _number(self, value: Value) -> str:
        if value.kind == "number":
            return value.sql
        x = value.sql
        return (
            f"multiIf(startsWith({x}, '\\x18'), toNullable(toFloat64({int_of(x)})), "
            f"startsWith({x}, '!'), {double_of(x)}, NULL)"
        )

    def _compare(self, expr: Binary) -> str:
        left, right, op = expr.left, expr.right, expr.op
        if is_root_test(expr):
            return self._compare_values(Value("number", ROOT), op, self.value(right))
        if isinstance(left, Static) and not isinstance(right, Static) and op in MIRRORED:
            left, right, op = right, left, MIRRORED[op]
        if isinstance(left, Attribute) and isinstance(right, Static):
            if left.intrinsic and left.name in LISTS:
                return self._compare_list(left, op, right)
            if not left.intrinsic and not (left.name == "service.name" and left.scope in ("resource", "")):
                return self._compare_attribute(left, op, right)
        return self._compare_values(self.value(left), op, self.value(right))

    def _compare_list(self, attribute: Attribute, op: str, static: Static) -> str:
        column, kind, item = LISTS[attribute.name]
        if static.kind == "nil":
            return f"empty({column})" if op == "=" else f"notEmpty({column})"
        made = self._compare_values(Value(kind, item), op, self._static(static))
        return f"arrayExists(item -> {made}, {column})"

    def _compare_attribute(self, attribute: Attribute, op: str, static: Static) -> str:
        absent = static.kind == "nil" and op == "="
        compare = self._compare_any if attribute.arrays else self._compare_encoded
        made = self._of_attribute(attribute, lambda raw: compare(raw, op, static), absent)
        if op == "=" and attribute.scope == "span" and static.kind != "nil":  # for the indexes on values and arrays
            wanted = " OR ".join(f"has(mapValues(attributes), {value})" for value in self._encodings(static))
            arrays = f" OR {HAS_ARRAY}" if attribute.arrays else ""
            return f"(({wanted}{arrays}) AND {made})"
        return made

    def _compare_any(self, raw: str, op: str, static: Static) -> str:
        """A value, or the elements of an array: one that meets the condition; for != and !~ none that is equal."""
        made = self._compare_encoded(raw, op, static)
        if static.kind in ("nil", "status", "kind"):
            return made
        met = self._compare_encoded("element", OPPOSITES.get(op, op), static)
        elements = f"if(startsWith({raw}, '{ARRAY}'), {elements_of(raw)}, [])"
        found = f"{'NOT ' if op in OPPOSITES else ''}arrayExists(element -> {met}, {elements})"
        return f"({made} OR startsWith({raw}, '{ARRAY}') AND {found})"

    def _encodings(self, static: Static) -> list[str]:
        if static.kind in ("int", "float", "duration"):
            number = float(static.value or 0)
            texts = [self._encoded(number)]
            return [*texts, self._encoded(int(number))] if number.is_integer() and abs(number) < 1 << 63 else texts
        return [self._encoded(static.value)]

    def _compare_encoded(self, raw: str, op: str, static: Static) -> str:
        """An encoded value and a constant."""
        match static.kind:
            case "nil":
                return f"{raw} = ''" if op == "=" else f"{raw} != ''"
            case "string":
                if op == "=":
                    return f"{raw} = {self._encoded(static.value)}"
                compared = self._compare_values(Value("string", content_of(raw)), op, self._static(static))
                return f"(startsWith({raw}, '{STRING}') AND {compared})"
            case "bool":
                return f"{raw} = {self._encoded(bool(static.value) == (op == '='))}"
            case "status" | "kind":
                return "0"
            case _:
                if op == "=":
                    return f"{raw} IN ({', '.join(self._encodings(static))})"
                return self._compare_values(Value("any", raw), op, self._static(static))

    def _compare_values(self, left: Value, op: str, right: Value) -> str:
        if "nil" in (left.kind, right.kind):
            other = left if right.kind == "nil" else right
            if other.kind not in ("any", "string"):
                return "1" if op == "!=" else "0"
            return f"{other.sql} {'=' if op == '=' else '!='} ''"
        if op in ("=~", "!~"):
            pattern = right.static.value if right.static else ""
            matched = f"match({self._string(left)}, {self.scope.bind(f'^(?s:{pattern})$')})"
            made = matched if op == "=~" else f"NOT {matched}"
            return f"({made})" if left.kind == "string" else f"(startsWith({left.sql}, '{STRING}') AND {made})"
        kinds = {left.kind, right.kind}
        operator = SQL_OPERATORS[op]
        if kinds == {"any"}:
            numbers = f"ifNull({self._number(left)} {operator} {self._number(right)}, 0)"
            texts = f"{content_of(left.sql)} {operator} {content_of(right.sql)}"
            both = f"startsWith({left.sql}, '{STRING}') AND startsWith({right.sql}, '{STRING}')"
            same = f"{left.sql} {operator} {right.sql} AND substring({left.sql}, 1, 1) = substring({right.sql}, 1, 1)"
            if op in ("=", "!="):
                return f"({left.sql} != '' AND {right.sql} != '' AND ({same} OR {numbers}))"
            return f"(if({both}, {texts}, {numbers}))"
        if "number" in kinds:
            return f"ifNull({self._number(left)} {operator} {self._number(right)}, 0)"
        if kinds == {"any", "string"}:
            typed = left if left.kind == "any" else right
            return f"(startsWith({typed.sql}, '{STRING}') AND {self._string(left)} {operator} {self._string(right)})"
        if kinds == {"any", "bool"}:
            typed, other = (left, right) if left.kind == "any" else (right, left)
            return f"(startsWith({typed.sql}, '\\x10') AND endsWith({typed.sql}, '\\x01') {operator} ({other.sql}))"
        return f"({left.sql} {operator} {right.sql})" if left.kind == right.kind else "0"

    def _string(self, value: Value) -> str:
        return content_of(value.sql) if value.kind == "any" else value.sql


def is_local(expr: Field | None) -> bool:
    """Whether a span's own row tells it, or one look at the table of resources."""
    if expr is not None and is_root_test(expr):
        return True
    match expr:
        case Attribute(name=name, intrinsic=True):
            return name not in JOINED and name not in PLACES
        case Attribute(scope=scope):
            return scope in ("", "span", "resource", "event", "link")
        case Unary(op="!", expr=inner):
            return is_local(inner)
        case Binary(op=op, left=left, right=right) if op in ("&&", "||"):
            return is_local(left) and is_local(right)
        case (
            Binary(left=Attribute() as attribute, right=Static())
            | Binary(left=Static(), right=Attribute() as attribute)
        ):
            return is_local(attribute)
        case Binary(left=left, right=right):
            return _is_own(left) and _is_own(right)
        case Unary(expr=inner):
            return _is_own(inner)
        case _:
            return True


def _is_own(expr: Field) -> bool:
    """Whether its value is in the span's row."""
    match expr:
        case Attribute(name=name, intrinsic=True):
            return name not in JOINED and name not in PLACES
        case Attribute(scope=scope, name=name):
            return scope in ("span", "event", "link") or (name == "service.name" and scope in ("", "resource"))
        case Unary(expr=inner):
            return _is_own(inner)
        case Binary(left=left, right=right):
            return _is_own(left) and _is_own(right)
        case _:
            return True
